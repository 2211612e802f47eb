"""How each arm did: final and best metrics with their interval, steps and seconds to a target, runs lost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nnreg.comparison.gathering import Arm, Gathered
from nnreg.comparison.goals import Target, reached_at
from nnreg.errors import UserError, instead
from nnreg.records.metrics import ACCURACY_FINAL, DESCENT_VALUE, TRAIN_FINAL, VALID_FINAL, is_higher_better
from nnreg.records.results import Result
from nnreg.records.statistics import half_width
from nnreg.settings import DESCEND, task_of


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
        wanted = [ACCURACY_FINAL, "valid/r2_final", VALID_FINAL, TRAIN_FINAL]
    elif "regularizer" in changed:
        wanted = [VALID_FINAL, TRAIN_FINAL]
    known = {name for run in runs for name in run.summary["metrics"]}
    return next((metric for metric in wanted if metric in known), wanted[0])


SECONDS = "seconds"


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
    values = {run.seed: run.summary["seconds" if metric == SECONDS else "metrics"] for run in finished}
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
