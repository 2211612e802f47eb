"""What a page may ask of the Valley: rules, a surface, a pace; all of it is checked before anything is computed."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnreg.contracts import Schedule, Surface
from nnreg.contracts.checks import check_range
from nnreg.contracts.objective import watched_by
from nnreg.errors import UserError, one_line
from nnreg.play.knobs import Chosen, checked_choice, made_technique, words_of
from nnreg.registry.overrides import quoted
from nnreg.runs.descend import VALUE

MOST_RULES = 4
MOST_STEPS = 2000
MOST_COORDINATES = 100


@dataclass(frozen=True)
class Rule:
    """An update rule that is asked for, with its knobs turned."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A descent of some rules that is asked for, within what a page may ask.

    Attributes:
        surface: its name.
        surface_values: knobs of the surface.
        rules: at most ``MOST_RULES``.
        steps: updates of each, in [1, 2000].
        start: where they begin; None for the surface's own point.
        seed: of noise and of rules that draw, in [0, 4294967295].
        schedule: of the learning rate.
        schedule_values: knobs of the schedule.
        warmup: updates before it, in [0, 1999].
        clip_value: bound on each slope, or None.
        clip_norm: bound on the gradient's length, or None.
    """

    surface: str
    surface_values: Mapping[str, Any]
    rules: tuple[Rule, ...]
    steps: int = 100
    start: tuple[float, ...] | None = None
    seed: int = 0
    schedule: str = "constant"
    schedule_values: Mapping[str, Any] | None = None
    warmup: int = 0
    clip_value: float | None = None
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        check_range(self, steps=f"[1, {MOST_STEPS}]", seed=f"[0, {2**32 - 1}]", warmup=f"[0, {max(self.steps - 1, 0)}]")
        for bound in ("clip_value", "clip_norm"):
            if getattr(self, bound) is not None:
                check_range(self, **{bound: "(0, inf)"})

    @property
    def is_plain(self) -> bool:
        """Whether the learning rate is the same in every update, and the gradient is taken as it is."""
        return self.clip_norm is None and self.clip_value is None and self.schedule == "constant" and not self.warmup

    @classmethod
    def read(cls, asked: Mapping[str, Any]) -> Question:
        """Return what a page asks for.

        Raises:
            UserError: it asks for something else, or for more than is computed for a page.
        """
        surface, schedule = _chosen(asked.get("surface"), "surface"), _chosen(asked.get("schedule", "constant"), "schedule")
        rules = asked.get("rules")
        if not isinstance(rules, list) or not 0 < len(rules) <= MOST_RULES:
            raise UserError(f"rules must be 1 to {MOST_RULES} update rules")
        start = asked.get("start")
        if start is not None and not (
            isinstance(start, list) and len(start) <= MOST_COORDINATES and all(map(_is_finite, start))
        ):
            raise UserError(f"start must be a point, such as [-7, 2], of at most {MOST_COORDINATES} coordinates")
        try:
            return cls(
                *surface,
                rules=tuple(Rule(*_chosen(rule, "optimizer")) for rule in rules),
                steps=_whole(asked, "steps", 100),
                start=None if start is None else tuple(map(float, start)),
                seed=_whole(asked, "seed", 0),
                schedule=schedule[0],
                schedule_values=schedule[1],
                warmup=_whole(asked, "warmup", 0),
                clip_value=_bound(asked, "clip_value"),
                clip_norm=_bound(asked, "clip_norm"),
            )
        except ValueError as error:
            raise UserError(one_line(error)) from error


def _chosen(said: Any, kind: str) -> Chosen:
    """Return name and values of a technique that a page has chosen, or named alone."""
    return checked_choice(kind, {"name": said} if isinstance(said, str) else said)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(asked: Mapping[str, Any], name: str, default: int) -> int:
    value = asked.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"{name} must be a whole number")
    return value


def _bound(asked: Mapping[str, Any], name: str) -> float | None:
    value = asked.get(name)
    if value is not None and not _is_finite(value):
        raise UserError(f"{name} must be a number above 0, or null for none")
    return None if value is None else float(value)


def made_schedule(question: Question) -> Schedule:
    """Return the schedule of a question.

    Raises:
        UserError: it cannot be made, or watches what a descent does not measure.
    """
    schedule: Schedule = made_technique("schedule", question.schedule, question.schedule_values or {})
    if strange := [metric for metric in watched_by(schedule) if metric != VALUE]:
        raise UserError(f"schedule={question.schedule} watches {strange[0]}, a descent measures {VALUE}: type {VALUE} there")
    return schedule


def made_surface(question: Question) -> Surface:
    """Return the surface of a question.

    Raises:
        UserError: it cannot be made, is too large, or the start is none of its points.
    """
    surface: Surface = made_technique("surface", question.surface, question.surface_values)
    count = len(surface.start)
    if question.start is not None and len(question.start) != count:
        raise UserError(f"start must be a point of surface={question.surface}, {count} numbers")
    if count > MOST_COORDINATES:
        raise UserError(f"a surface of {count} dimensions is too large for this page: {MOST_COORDINATES} at most")
    return surface


def command(question: Question, rule: Rule) -> str:
    """Return the command line that makes the same descent and draws it."""
    words = ["task=descend", *words_of("surface", question.surface, question.surface_values)]
    words += words_of("optimizer", rule.name, rule.values)
    words += [f"steps={question.steps}"]
    words += [f"start={quoted([float(each) for each in question.start])}"] if question.start is not None else []
    words += [f"seed={question.seed}"] if question.seed else []
    if question.schedule != "constant":
        words += words_of("schedule", question.schedule, question.schedule_values or {})
    words += [f"warmup={question.warmup}"] if question.warmup else []
    words += [
        f"{name}={repr(value).removesuffix('.0')}"
        for name in ("clip_value", "clip_norm")
        if (value := getattr(question, name)) is not None
    ]
    return shlex.join(["python", "-m", "nnreg", *words])
