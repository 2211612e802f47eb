"""Curves over the seeds of each arm, thinned to what a chart shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.comparison.gathering import Arm
from nnreg.engine.history import TRAIN_LOSS
from nnreg.figures.curves import aligned
from nnreg.records.metrics import CURVES
from nnreg.records.results import Result
from nnreg.records.statistics import WINDOW, half_widths, smooth

MOST = 300  # points of a curve
MOST_LOST = 60  # of a diverged one

Values = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """One arm.

    Attributes:
        steps: (n,) int64, at most 300 of them.
        mean: over the seeds whose run did not diverge, smoothed where the metric is noisy, (n,) float64.
        low: lower end of the 95 % band; the mean itself for one seed.
        high: its upper end.
        seeds: averaged.
        lost: diverged runs, each as steps and finite values, unsmoothed.
    """

    steps: Steps
    mean: Values
    low: Values
    high: Values
    seeds: int
    lost: Sequence[tuple[Steps, Values]]


def metrics_of(arms: Sequence[Arm]) -> list[str]:
    """Return the metrics of which curves are shown."""
    seen = {name for arm in arms for run in arm.runs for name in run.history.metrics}
    return [metric for metric in CURVES if metric in seen]


def window_of(metric: str) -> int:
    """Return how many records are smoothed over: single batches are noisy."""
    return WINDOW if metric == TRAIN_LOSS else 1


def curve(arm: Arm, metric: str) -> Curve:
    """Return the curve of an arm."""
    kept = [_finite(run, metric) for run in arm.runs if run.summary["status"] == "finished"]
    lost = [_finite(run, metric) for run in arm.runs if run.summary["status"] == "diverged"]
    kept = [(steps, values) for steps, values in kept if steps.size]
    steps, table = aligned(kept) if kept else (np.zeros(0, dtype=np.int64), np.zeros((0, 0)))
    smoothed = np.array([smooth(row, window_of(metric)) for row in table]).reshape(len(table), steps.size)
    mean = smoothed.mean(axis=0) if len(table) else np.zeros(0)
    half = half_widths(smoothed) if len(table) else mean
    low, high = mean - half, mean + half
    if metric.endswith("accuracy"):
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    where = _thinned(steps.size, MOST)
    ends = [(steps[_thinned(steps.size, MOST_LOST)], values[_thinned(steps.size, MOST_LOST)]) for steps, values in lost]
    return Curve(steps[where], mean[where], low[where], high[where], len(table), ends)


def _finite(run: Result, metric: str) -> tuple[Steps, Values]:
    steps, values = run.history.series(metric)
    return steps[np.isfinite(values)], values[np.isfinite(values)]


def _thinned(count: int, most: int) -> npt.NDArray[np.intp]:
    """Return which of so many points are kept: evenly spread, both ends among them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.intp))
