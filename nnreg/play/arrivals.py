"""Where in its knobs a rule arrives: a map of learning rate and another knob, and the rate that comes lowest."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnreg.contracts import Optimizer, Surface
from nnreg.engine.descent import descend
from nnreg.engine.pace import Pace
from nnreg.engine.training import Streams, clipper
from nnreg.errors import UserError
from nnreg.play.knobs import Knob, checked_value, knobs_of, made_technique, turned
from nnreg.play.question import Question, made_schedule, made_surface
from nnreg.play.stability import largest_stable_rate
from nnreg.runs.descend import course, distance_to_minimum
from nnreg.settings import Settings

LOST, NOT_YET = -1.0, -2.0
"""In place of a number of updates: thrown out; and still on the way, less the share of the way that is left, at most 1."""
MOST_CELLS = 64
TRIED = 25
"""Rates that are tried for a rule; the range is three decades and more, so that two neighbours differ by a third."""


def rates(asked: dict[str, Any]) -> dict[str, Any]:
    """Return some rows of the map of a rule: updates to arrive for each learning rate and value of the other knob.

    Args:
        asked: a question with one rule; ``key`` of its learning rate and ``rates``, ``second`` knob and ``values``, its rows;
            without ``second`` there is one row.
    """
    question = Question.read(asked)
    columns, rows = _numbers(asked, "rates"), _numbers(asked, "values")
    key, second = str(asked.get("key")), asked.get("second")
    rule, surface = question.rules[0], made_surface(question)
    if not surface.minima:
        raise UserError(f"surface={question.surface} has no minimum to arrive at")
    found, bounds = [], []
    for value in rows if second is not None else [None]:
        values = {**rule.values, str(second): value} if second is not None else dict(rule.values)
        found.append(_row(question, surface, rule.name, values, key, columns))
        bounds.append(largest_stable_rate(rule.name, values, surface.largest_curvature) if question.is_plain else None)
    return {"updates": found, "bounds": bounds}


def _numbers(asked: Mapping[str, Any], name: str) -> list[float]:
    said = asked.get(name) or []
    if not isinstance(said, list) or len(said) > MOST_CELLS:
        raise UserError(f"{name} must be at most {MOST_CELLS} numbers")
    numbers = [checked_value(name, each) for each in said]
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers):
        raise UserError(f"{name} must be numbers")
    return numbers


def _row(
    question: Question, surface: Surface, name: str, values: Mapping[str, Any], key: str, columns: Sequence[float]
) -> list[float | None]:
    """Return updates to arrive by learning rate, ``LOST``, from ``NOT_YET`` down, or None where it cannot be made."""
    try:
        prototype = made_technique("optimizer", name, values)
    except UserError:
        return [None] * len(columns)
    return [_updates(question, surface, _with_rate(prototype, name, values, key, rate)) for rate in columns]


def _with_rate(prototype: Optimizer, name: str, values: Mapping[str, Any], key: str, rate: float) -> Optimizer | None:
    try:
        made: Optimizer = turned(copy.deepcopy(prototype), key, rate)
        return made
    except (TypeError, ValueError):  # no dataclass, or out of its range
        pass
    try:
        made = made_technique("optimizer", name, {**values, key: rate})
    except UserError:
        return None
    return made


def _updates(question: Question, surface: Surface, rule: Optimizer | None) -> float | None:
    descended = None if rule is None else _path(question, surface, rule)
    if descended is None:
        return None
    path, _, lost = descended
    if lost is not None:
        return LOST
    distance = distance_to_minimum(path, surface)
    away = np.flatnonzero(distance > Settings.tolerance)
    arrived = int(away[-1]) + 1 if away.size else 0
    return arrived if arrived < len(path) else NOT_YET - round(min(1.0, float(distance[-1] / distance[0])), 3)


def _path(question: Question, surface: Surface, rule: Optimizer) -> Any:
    pace = Pace(made_schedule(question), question.steps, question.warmup, rule.rate)
    streams = Streams.from_seed(question.seed)
    try:
        path = descend(
            rule,
            surface,
            steps=question.steps,
            start=question.start,
            schedule=pace.factor,
            clip=clipper(question.clip_value, question.clip_norm),
            rng=streams.optimizer,
            noise=streams.batches,
        )
        return course(path.astype(np.float64), surface)
    except Exception:  # a plugin may fail in any way, and says so where it descends
        return None


def best_rate(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the learning rate, of ``TRIED`` in the range worth searching, with which a rule ends lowest.

    Args:
        asked: a question with one rule.

    Returns:
        ``key`` of its knob, and ``rate``; None for both where it has no learning rate, or never descends.
    """
    question = Question.read(asked)
    rule, surface = question.rules[0], made_surface(question)
    knob = rate_knob(rule.name)
    if knob is None:
        return {"key": None, "rate": None}
    prototype = made_technique("optimizer", rule.name, rule.values)
    best, lowest = None, math.inf
    for rate in np.geomspace(knob.low, knob.high, TRIED):
        shown = float(f"{rate:.3g}")
        made = _with_rate(prototype, rule.name, rule.values, knob.key, shown)
        descended = None if made is None else _path(question, surface, made)
        if descended is None or descended[2] is not None:
            continue
        height = float(descended[1][-1])
        if height < lowest - 1e-12 * abs(lowest if math.isfinite(lowest) else 0.0):
            best, lowest = shown, height
    return {"key": None if best is None else knob.key, "rate": best}


def rate_knob(name: str) -> Knob | None:
    """Return the knob of a rule's learning rate, that of the rule inside where a wrapper leaves it to that one."""
    return next((knob for knob in knobs_of("optimizer", name) if knob.label == "lr"), None)
