"""Targets: a value to be reached, chosen or by a stated rule, and when a run reached it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnreg.comparison.axes import grounds
from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, VALID_R2
from nnreg.errors import UserError, instead
from nnreg.records.metrics import called, is_higher_better
from nnreg.records.results import Result
from nnreg.records.statistics import smooth
from nnreg.settings import DESCEND, task_of

if TYPE_CHECKING:
    from nnreg.comparison.gathering import Gathered

DISTANCE, ARRIVAL = "descent/distance", "descent/steps_to_tolerance"
FALLBACKS = (VALID_ACCURACY, VALID_R2, VALID_LOSS, TRAIN_LOSS)
FORM = "type it as metric=value, such as valid/accuracy=0.95, and in a sweep as sweep.target=valid/accuracy:0.95"
DIGITS = 3  # of a target that was not chosen


@dataclass(frozen=True)
class Target:
    """A value to be reached.

    Attributes:
        metric: such as ``valid/accuracy`` or ``train/loss`` (smoothed as in the curves).
        value: reached when the metric is at least (accuracy, R²) or at most (losses) this.
        rule: how it came about, in words: ``chosen`` or ``the median arm's best validation accuracy``.
    """

    metric: str
    value: float
    rule: str


def target(gathered: Gathered, wanted: str | None = None) -> Target | None:
    """Return the target: ``valid/accuracy=0.95`` as wanted, else by the stated rule; None where nothing can be reached.

    The rule: what the median arm reaches. Of every arm's best validation accuracy (R², validation loss, training loss: the
    first that was recorded), a mean over its seeds, the median, rounded to three digits towards what is easier, so that half
    the arms reach it or nearly. A descent's target is its tolerance: near a minimum, and from then on near. Where several
    datasets or surfaces were swept, or parameters of one, there is no one target.

    Raises:
        UserError: what is wanted cannot be read, or no run recorded the metric.
    """
    runs = [run for arm in gathered.arms for run in arm.runs]
    if wanted is not None:
        return _wanted(runs, wanted)
    if grounds(gathered.axes):
        return None
    if task_of(runs[0].summary) == DESCEND:
        tolerance = {float(run.config.get("tolerance", math.nan)) for run in runs}
        arrived = any(DISTANCE in run.summary["metrics"] for run in runs)
        return Target(DISTANCE, tolerance.pop(), "the tolerance of the descents") if arrived and len(tolerance) == 1 else None
    bests = {metric: found for metric in FALLBACKS if (found := _bests(gathered, metric))}
    if not bests:
        return None
    metric, found = next(iter(bests.items()))
    higher = is_higher_better(metric)
    median = (statistics.median_low if higher else statistics.median_high)(found)
    return Target(metric, _easier(median, up=not higher), f"the median arm's best {called(metric)}")


def reached_at(run: Result, goal: Target) -> int | None:
    """Return the first recorded step at which a run is at its target, or None; a descent arrives when it stays."""
    if goal.metric == DISTANCE:
        arrival = run.summary["metrics"].get(ARRIVAL)
        return int(arrival) if arrival is not None and _is_tolerance(run, goal) else None
    steps, values = run.history.series(goal.metric)
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if goal.metric == TRAIN_LOSS:
        values = smooth(values)
    there = np.flatnonzero(values >= goal.value if is_higher_better(goal.metric) else values <= goal.value)
    return int(steps[there[0]]) if there.size else None


def _is_tolerance(run: Result, goal: Target) -> bool:
    return math.isclose(float(run.config.get("tolerance", math.nan)), goal.value)


def _bests(gathered: Gathered, metric: str) -> list[float]:
    """Return every arm's best value of a metric, a mean over its finished runs; none where an arm with such runs has none."""
    arms = [[run for run in arm.runs if run.summary["status"] == "finished"] for arm in gathered.arms]
    values = [[run.summary["metrics"].get(f"{metric}_best") for run in runs] for runs in arms if runs]
    return [] if any(value is None for each in values for value in each) else [float(np.mean(each)) for each in values]


def _easier(value: float, *, up: bool) -> float:
    """Return a value rounded to three digits, up or down."""
    if value == 0.0 or not math.isfinite(value):
        return value
    digits = DIGITS - 1 - math.floor(math.log10(abs(value)))
    scaled = value * 10.0**digits
    whole = round(scaled)
    if not math.isclose(scaled, whole, rel_tol=1e-9):
        whole = math.ceil(scaled) if up else math.floor(scaled)
    return round(whole / 10.0**digits, max(digits, 0))


def read(wanted: str) -> tuple[str, float]:
    """Return metric and value of a target as it is typed, with ``=`` or ``:`` between them.

    Raises:
        UserError: it cannot be read, or never be reached.
    """
    metric, _, number = wanted.replace(" ", "").replace(":", "=", 1).partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not metric or not math.isfinite(value):
        raise UserError(f"cannot read the target '{wanted}': {FORM}")
    if is_higher_better(metric) and value > 1:
        raise UserError(f"{metric} is at most 1, got the target {value:g}: {FORM}")
    return metric, value


def _wanted(runs: list[Result], wanted: str) -> Target:
    metric, value = read(wanted)
    known = sorted({name for run in runs for name in run.history.metrics})
    if any(DISTANCE in run.summary["metrics"] for run in runs):
        tolerances = sorted({float(run.config.get("tolerance", math.nan)) for run in runs})
        if metric == DISTANCE and value not in tolerances:
            raise UserError(f"descents recorded only when they came within tolerance={tolerances[0]:g}: run them with another")
        known.append(DISTANCE)
    if metric not in known:
        raise UserError(f"no run recorded '{metric}'{instead(metric, known)}; a target is typed metric=value")
    return Target(metric, value, "chosen")
