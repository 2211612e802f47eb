"""Targets, and how each arm did."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nnreg.comparison.differences import grounds
from nnreg.comparison.gathering import Arm, Gathered
from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS
from nnreg.errors import UserError, instead
from nnreg.records.metrics import (
    ARRIVAL,
    DECIDING,
    DESCENT_DISTANCE,
    DESCENT_VALUE,
    SECONDS,
    TRAIN_FINAL,
    VALID,
    called,
    is_higher_better,
    is_noisy,
    leading_metrics,
    leading_results,
)
from nnreg.records.results import Result
from nnreg.records.statistics import half_width, smooth
from nnreg.settings import DESCEND, TRAIN, task_of

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


def choose_target(gathered: Gathered, wanted: str | None = None) -> Target | None:
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
        arrived = any(DESCENT_DISTANCE in run.summary["metrics"] for run in runs)
        return (
            Target(DESCENT_DISTANCE, tolerance.pop(), "the tolerance of the descents")
            if arrived and len(tolerance) == 1
            else None
        )
    bests = {
        metric: found for metric in (*leading_metrics(VALID), VALID_LOSS, TRAIN_LOSS) if (found := _bests(gathered, metric))
    }
    if not bests:
        return None
    metric, found = next(iter(bests.items()))
    higher = is_higher_better(metric)
    median = (statistics.median_low if higher else statistics.median_high)(found)
    return Target(metric, _easier(median, up=not higher), f"the median arm's best {called(metric)}")


def reached_at(run: Result, goal: Target) -> int | None:
    """Return the first recorded step at which a run is at its target, or None; a descent arrives when it stays."""
    if goal.metric == DESCENT_DISTANCE:
        arrival = run.summary["metrics"].get(ARRIVAL)
        return int(arrival) if arrival is not None and _is_tolerance(run, goal) else None
    steps, values = run.history.series(goal.metric)
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if is_noisy(goal.metric):
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


def read_target(wanted: str) -> tuple[str, float]:
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
    metric, value = read_target(wanted)
    known = sorted({name for run in runs for name in run.history.metrics})
    if any(DESCENT_DISTANCE in run.summary["metrics"] for run in runs):
        tolerances = sorted({float(run.config.get("tolerance", math.nan)) for run in runs})
        if metric == DESCENT_DISTANCE and value not in tolerances:
            raise UserError(f"descents recorded only when they came within tolerance={tolerances[0]:g}: run them with another")
        known.append(DESCENT_DISTANCE)
    if metric not in known:
        raise UserError(f"no run recorded '{metric}'{instead(metric, known)}; a target is typed metric=value")
    return Target(metric, value, "chosen")


def default_metric(gathered: Gathered) -> str:
    """Return the metric to compare by where nobody chose one.

    The final training loss; of descents the final value. Where regularizers, their strength or the loss's own parameters were
    swept, training losses are those of different objectives: the final validation loss then, which is of the data alone, or
    the final validation accuracy, or R², where the loss itself was changed.
    """
    runs = [run for arm in gathered.arms for run in arm.runs]
    if task_of(runs[0].summary) == DESCEND:
        return DESCENT_VALUE
    changed = {key.partition(".")[0] for arm in gathered.arms for key in arm.settings}
    wanted: Sequence[str] = [TRAIN_FINAL]
    if "loss" in changed:
        wanted = [*leading_results(VALID), *DECIDING[TRAIN]]
    elif "regularizer" in changed:
        wanted = DECIDING[TRAIN]
    known = {name for run in runs for name in run.summary["metrics"]}
    return next((metric for metric in wanted if metric in known), wanted[0])


@dataclass(frozen=True)
class Measured:
    """A quantity over the seeds of an arm.

    Attributes:
        by_seed: seed to value, of the runs that have one.
        mean: over the seeds; NaN where no run has a value.
        half: half the width of its 95 % interval (Student); None for fewer than two values.
    """

    by_seed: Mapping[int, float]
    mean: float
    half: float | None


@dataclass(frozen=True)
class Standing:
    """How an arm did.

    Attributes:
        arm: which.
        metrics: ``train/loss_final``, ``valid/accuracy_final``, ``valid/accuracy_best``, ``test/accuracy``, ``seconds``, ... of
            the runs that finished.
        steps_to_target: of the runs that reached it.
        seconds_to_target: of the runs that reached it; the time of so many steps at the run's mean pace.
        reached: runs that finished and reached the target on the way.
        finished: runs that finished.
        diverged: runs that diverged: counted, shown, never dropped.
        failed: runs that failed or were killed.
    """

    arm: Arm
    metrics: Mapping[str, Measured]
    steps_to_target: Measured
    seconds_to_target: Measured
    reached: int
    finished: int
    diverged: int
    failed: int

    @property
    def lost(self) -> int:
        """Number of runs that did not finish."""
        return self.diverged + self.failed

    def mean(self, metric: str) -> float:
        """Return the mean of a metric; NaN where no run has it."""
        return self.metrics[metric].mean if metric in self.metrics else math.nan


def measured(by_seed: Mapping[int, float]) -> Measured:
    """Return a quantity with its mean and interval."""
    values = np.array(list(by_seed.values()), dtype=np.float64)
    return Measured(by_seed, float(values.mean()) if values.size else math.nan, half_width(values))


def measure(runs: Iterable[Result], metric: str) -> Measured:
    """Return a metric, or ``seconds``, of the runs that finished and have it."""
    finished = (run for run in runs if run.summary["status"] == "finished")
    values = {run.seed: run.summary[SECONDS if metric == SECONDS else "metrics"] for run in finished}
    found = {seed: value if metric == SECONDS else value.get(metric) for seed, value in values.items()}
    return measured({seed: float(value) for seed, value in found.items() if value is not None})


def standings(gathered: Gathered, goal: Target | None, metric: str) -> Sequence[Standing]:
    """Return how every arm did, best first by ``metric``; arms with lost runs after those without.

    Raises:
        UserError: runs finished, but none has the metric.
    """
    found = [_standing(arm, goal) for arm in gathered.arms]
    known = sorted({name for standing in found for name in standing.metrics})
    if known and metric not in known:
        raise UserError(f"no run has the metric '{metric}'{instead(metric, known)}")
    return sorted(found, key=lambda standing: _rank(standing, metric))


def _standing(arm: Arm, goal: Target | None) -> Standing:
    finished = [run for run in arm.runs if run.summary["status"] == "finished"]
    diverged = sum(run.summary["status"] == "diverged" for run in arm.runs)
    names = dict.fromkeys(name for run in finished for name in run.summary["metrics"])
    metrics = {name: measure(finished, name) for name in (*names, *([SECONDS] if finished else []))}
    steps = {run.seed: step for run in finished if goal is not None and (step := reached_at(run, goal)) is not None}
    pace = {run.seed: float(run.summary["seconds"]) / max(1, run.summary["steps"]) for run in finished}
    return Standing(
        arm=arm,
        metrics=metrics,
        steps_to_target=measured({seed: float(step) for seed, step in steps.items()}),
        seconds_to_target=measured({seed: step * pace[seed] for seed, step in steps.items()}),
        reached=len(steps),
        finished=len(finished),
        diverged=diverged,
        failed=len(arm.runs) - len(finished) - diverged,
    )


def _rank(standing: Standing, metric: str) -> tuple[bool, float]:
    mean = standing.mean(metric)
    if math.isnan(mean):
        return True, math.inf
    return standing.lost > 0, -mean if is_higher_better(metric) else mean
