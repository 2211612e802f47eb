"""Descents as the Valley shows them: what ``task=descend`` computes, with what each update saw of slope and state."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Optimizer, Surface
from nnreg.engine.descent import Values, descend
from nnreg.engine.history import Record
from nnreg.engine.pace import Pace
from nnreg.engine.training import Streams, clipper
from nnreg.play.question import Question, made_schedule
from nnreg.play.velocity import moving_state, state_vectors
from nnreg.runs.descend import VALUE, course, summarise
from nnreg.settings import Settings


@dataclass(frozen=True)
class Descent:
    """What one rule did.

    Attributes:
        path: positions, (updates + 1, n), finite.
        values: heights, (updates + 1,).
        diverged_at: the update that it was lost with, or None.
        gradients: what each update saw, noisy and clipped as it was, (updates, n).
        velocity: the state of the rule that moves it, before each update, in the direction of the step, (updates, n); None for
            a rule that has none.
        velocity_name: of that state, such as ``v``; with a minus where the state points uphill.
        summary: as the run's.
    """

    path: Values
    values: Values
    diverged_at: int | None
    gradients: Values
    velocity: Values | None
    velocity_name: str
    summary: Mapping[str, float]


def walk(question: Question, rule: Optimizer, surface: Surface) -> Descent:
    """Return the descent of one rule, exactly as ``task=descend`` makes it.

    Args:
        question: how long, from where, at which pace.
        rule: that drives nothing yet.
        surface: where.
    """
    schedule, pristine = made_schedule(question), copy.deepcopy(rule)
    pace = Pace(schedule, question.steps, question.warmup, rule.rate)
    streams, seen, states = Streams.from_seed(question.seed), list[Array](), list[dict[str, Array]]()

    def factor(t: int) -> float:  # called when the gradient of update t is there, and before the rule steps
        seen.append(rule.parameters.grad.copy())
        states.append(state_vectors(rule))
        return pace.factor(t)

    path = descend(
        rule,
        surface,
        steps=question.steps,
        start=question.start,
        schedule=factor,
        clip=clipper(question.clip_value, question.clip_norm),
        watch=(lambda step, height: pace.observe(Record(step, VALUE, height))) if pace.is_watching else None,
        rng=streams.optimizer,
        noise=streams.batches,
    ).astype(np.float64)
    path, values, diverged_at = course(path, surface)
    made = len(path) - 1
    name, velocity = moving_state(pristine, states[:made], np.diff(path, axis=0))
    summary = summarise(path, values, surface, Settings.tolerance, is_lost=diverged_at is not None)
    return Descent(
        path, values, diverged_at, np.array(seen[:made], dtype=np.float64).reshape(made, -1), velocity, name, summary
    )
