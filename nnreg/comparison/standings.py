"""Targets, and how each arm did."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nnreg.comparison import rates
from nnreg.comparison.chance import typical
from nnreg.comparison.differences import grounds
from nnreg.comparison.gathering import Arm, Gathered
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.engine.history import GRADIENTS, TRAIN_LOSS, VALID_LOSS
from nnreg.errors import UserError, instead
from nnreg.numerals import as_typed, chosen
from nnreg.records.card import UNTRAINED
from nnreg.records.metrics import (
    ARRIVAL,
    DESCENT_DISTANCE,
    SECONDS,
    STEPS,
    VALID,
    called,
    is_higher_better,
    is_loss,
    is_noisy,
    leading_metrics,
)
from nnreg.records.results import Result
from nnreg.records.statistics import smooth
from nnreg.settings import DESCEND, task_of

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


def choose_target(gathered: Gathered, metric: str, wanted: str | None = None) -> Target | None:
    """Return the target: ``valid/accuracy=0.95`` as wanted, else by the stated rule; None where nothing can be reached.

    The rule: what the median arm reaches. Of every arm's best validation accuracy (R², validation loss, training loss: the
    first that was recorded), a mean over its seeds, the median, rounded to three digits towards what is easier, so that half
    the arms reach it or nearly; where learning rates were swept, of the arms at their best one by ``metric``. A descent's
    target is its tolerance: near a minimum, and from then on near. Where several datasets or surfaces were swept, or parameters
    of one, there is no one target.

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
        name: found for name in (*leading_metrics(VALID), VALID_LOSS, TRAIN_LOSS) if (found := _bests(gathered, name, metric))
    }
    if not bests:
        return None
    best, found = next(iter(bests.items()))
    higher = is_higher_better(best)
    median = (statistics.median_low if higher else statistics.median_high)(found)
    return Target(best, _easier(median, up=not higher), f"the median arm's best {called(best)}")


def reached_at(run: Result, goal: Target) -> int | None:
    """Return the first recorded step at which a run is at its target, or None; a descent arrives when it stays."""
    if goal.metric == DESCENT_DISTANCE:
        arrival = run.summary["metrics"].get(ARRIVAL)
        return int(arrival) if arrival is not None and _is_tolerance(run, goal) else None
    steps, values = run.history.series(goal.metric)
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if is_noisy(goal.metric):
        values = smooth(values, log=is_loss(goal.metric))
    there = np.flatnonzero(values >= goal.value if is_higher_better(goal.metric) else values <= goal.value)
    return int(steps[there[0]]) if there.size else None


def gradients_at(run: Result, step: int) -> float:
    """Return how many gradients a run had evaluated after so many updates: one each, where it did not count them."""
    steps, counts = run.history.series(GRADIENTS)
    return float(np.interp(step, [0, *steps], [0, *counts])) if steps.size else float(step)


def gradients_a_step(runs: Iterable[Result]) -> float:
    """Return how many gradients the updates of some runs took on average."""
    counted = [(run.summary["metrics"].get(GRADIENTS, run.summary["steps"]), run.summary["steps"]) for run in runs]
    steps = sum(made for _, made in counted)
    return sum(gradients for gradients, _ in counted) / steps if steps else 1.0


def _is_tolerance(run: Result, goal: Target) -> bool:
    return math.isclose(float(run.config.get("tolerance", math.nan)), goal.value)


def _bests(gathered: Gathered, metric: str, by: str) -> list[float]:
    """Return every arm's best value of a metric, a mean over its finished runs; none where an arm with such runs has none."""
    taken = rates.take_part([(arm.settings, arm.runs) for arm in gathered.arms], by)
    chosen = [arm for arm, takes_part in zip(gathered.arms, taken, strict=True) if takes_part]
    arms = [[run for run in arm.runs if run.summary["status"] == "finished"] for arm in chosen]
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
        raise UserError(f"{metric} is at most 1, got the target {chosen(value)}: {FORM}")
    return metric, value


def _wanted(runs: list[Result], wanted: str) -> Target:
    metric, value = read_target(wanted)
    known = sorted({name for run in runs for name in run.history.metrics})
    if any(DESCENT_DISTANCE in run.summary["metrics"] for run in runs):
        tolerances = sorted({float(run.config.get("tolerance", math.nan)) for run in runs})
        if metric == DESCENT_DISTANCE and value not in tolerances:
            raise UserError(
                f"descents recorded only when they came within tolerance={as_typed(tolerances[0])}: run them with another"
            )
        known.append(DESCENT_DISTANCE)
    if metric not in known:
        raise UserError(f"no run recorded '{metric}'{instead(metric, known)}; a target is typed metric=value")
    return Target(metric, value, "chosen")


@dataclass(frozen=True)
class Measured:
    """A quantity over the seeds of an arm.

    Attributes:
        by_seed: seed to value, of the runs that have one.
        mean: the typical value: of losses the geometric mean, of more than ten seeds without the extremes; else the plain mean;
            of steps to a target the median, where runs that did not reach it come last. NaN where there is none.
        half: half the width of its 95 % interval; None where there is none, as for fewer than three seeds.
        low: lower end of the interval; of steps to a target the fewest. NaN where there is none.
        high: upper end; of steps to a target the most, infinite where a run did not reach it.
    """

    by_seed: Mapping[int, float]
    mean: float
    half: float | None
    low: float = math.nan
    high: float = math.nan


WAYS = {STEPS: "steps", GRADIENTS: "gradients", SECONDS: "seconds"}
"""What it takes to reach a target, by metric."""


@dataclass(frozen=True)
class Standing:
    """How an arm did.

    Attributes:
        arm: which.
        metrics: ``final/train_loss``, ``valid/accuracy_final``, ``valid/accuracy_best``, ``test/accuracy``, ``seconds``, ... of
            the runs that finished.
        steps_to_target: median and range over all runs, those that did not reach it last.
        seconds_to_target: likewise; the time of so many steps at the run's mean pace.
        reached: runs that finished and reached the target on the way.
        endings: how many runs ended in which way: ``finished``, ``diverged``, ``failed_to_train``, ...
        gradients_to_target: as ``steps_to_target``, in gradients evaluated; None where every arm takes one a step.
    """

    arm: Arm
    metrics: Mapping[str, Measured]
    steps_to_target: Measured
    seconds_to_target: Measured
    reached: int
    endings: Mapping[str, int]
    gradients_to_target: Measured | None = None

    @property
    def ways_to_target(self) -> dict[str, Measured]:
        """What it took to reach the target, by metric: steps, gradients where they are others, seconds."""
        gradients = {} if self.gradients_to_target is None else {GRADIENTS: self.gradients_to_target}
        return {STEPS: self.steps_to_target, **gradients, SECONDS: self.seconds_to_target}

    @property
    def finished(self) -> int:
        """Number of runs that finished, and trained."""
        return self.endings.get("finished", 0)

    @property
    def untrained(self) -> int:
        """Number of runs that diverged or failed to train: counted, shown, never dropped."""
        return sum(self.endings.get(status, 0) for status in UNTRAINED)

    @property
    def lost(self) -> int:
        """Number of runs that did not finish."""
        return sum(self.endings.values()) - self.finished

    @property
    def failed(self) -> int:
        """Number of runs that failed, were pruned or killed."""
        return self.lost - self.untrained

    def mean(self, metric: str) -> float:
        """Return the typical value of a metric; NaN where no run has it."""
        return self.metrics[metric].mean if metric in self.metrics else math.nan


NONE = Measured({}, math.nan, None)


def measured(by_seed: Mapping[int, float], ruler: Ruler = Ruler()) -> Measured:  # noqa: B008 - it is frozen
    """Return a quantity with its typical value and interval."""
    places = list(ruler.placed(by_seed).values())
    if not places:
        return Measured(by_seed, math.nan, None)
    found = typical(places, ruler.least / math.sqrt(2))
    alike = {value for value in by_seed.values() if math.isfinite(value)}
    exact = alike.pop() if len(alike) == 1 else None  # a logarithm and back would round it
    if found is None:
        return Measured(by_seed, ruler.value(math.fsum(places) / len(places)) if exact is None else exact, None)
    low, high = map(ruler.value, found.interval())
    half = (high - low) / 2
    center = ruler.value(found.center) if exact is None else exact
    return Measured(by_seed, center, half if math.isfinite(half) else None, low, high)


def measure(runs: Iterable[Result], metric: str) -> Measured:
    """Return a metric, or ``seconds``, of the runs that finished and have it."""
    finished = [run for run in runs if run.summary["status"] == "finished"]
    values = {run.seed: run.summary[SECONDS if metric == SECONDS else "metrics"] for run in finished}
    found = {seed: value if metric == SECONDS else value.get(metric) for seed, value in values.items()}
    return measured({seed: float(value) for seed, value in found.items() if value is not None}, ruler_of(metric, finished))


def reach(by_seed: Mapping[int, float]) -> Measured:
    """Return median and range of what it took to reach the target at each seed, infinite where it was not reached."""
    values = sorted(by_seed.values())
    if not values:
        return NONE
    middle = values[(len(values) - 1) // 2], values[len(values) // 2]
    median = math.fsum(middle) / 2 if math.isfinite(middle[1]) else math.inf
    finite = {seed: value for seed, value in by_seed.items() if math.isfinite(value)}
    return Measured(finite, median if finite else math.nan, None, values[0], values[-1])


def standings(gathered: Gathered, goal: Target | None, metric: str) -> Sequence[Standing]:
    """Return how every arm did, best first by ``metric``; arms with lost runs after those without.

    Raises:
        UserError: runs finished, but none has the metric.
    """
    counts = any(GRADIENTS in run.summary["metrics"] for arm in gathered.arms for run in arm.runs)
    found = [_standing(arm, goal, counts=counts) for arm in gathered.arms]
    known = sorted({name for standing in found for name in standing.metrics})
    if known and metric not in known:
        raise UserError(f"no run has the metric '{metric}'{instead(metric, known)}")
    return sorted(found, key=lambda standing: _rank(standing, metric))


def _standing(arm: Arm, goal: Target | None, *, counts: bool) -> Standing:
    finished = [run for run in arm.runs if run.summary["status"] == "finished"]
    names = dict.fromkeys(name for run in finished for name in run.summary["metrics"])
    metrics = {name: measure(finished, name) for name in (*names, *([SECONDS] if finished else []))}
    steps, seconds, gradients = (dict.fromkeys(arm.runs.seeds, math.inf) for _ in range(3))
    for run in finished:
        if goal is not None and (step := reached_at(run, goal)) is not None:
            steps[run.seed] = float(step)
            gradients[run.seed] = gradients_at(run, step) if counts else math.nan
            seconds[run.seed] = step * float(run.summary["seconds"]) / max(1, run.summary["steps"])
    return Standing(
        arm=arm,
        metrics=metrics,
        steps_to_target=reach(steps),
        seconds_to_target=reach(seconds),
        reached=sum(map(math.isfinite, steps.values())),
        endings=Counter(run.summary["status"] for run in arm.runs),
        gradients_to_target=reach(gradients) if counts else None,
    )


def _rank(standing: Standing, metric: str) -> tuple[bool, float]:
    mean = standing.mean(metric)
    if math.isnan(mean):
        return True, math.inf
    return standing.lost > 0, -mean if is_higher_better(metric) else mean
