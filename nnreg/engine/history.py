"""What training yields: records (step, metric, value), the history they add up to, and the names of its metrics."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TRAIN_LOSS = "train/loss"
VALID_LOSS = "valid/loss"
VALID_ACCURACY = "valid/accuracy"
VALID_R2 = "valid/r2"
TEST_ACCURACY = "test/accuracy"
RATE_OF = "rate/"
RATE = f"{RATE_OF}lr"
"""Learning rate of the update that follows, schedule and warm-up included."""
START_LOSS, FINAL_LOSS = "start/train_loss", "final/train_loss"
"""Loss of training rows in evaluation mode, without penalty: before the first update, and of the network that a run keeps."""
GRADIENTS = "work/gradients"
"""Gradients that a run evaluated so far, where its update rule asks for more than one a step; of all others it is the steps."""
LAST = 100
"""Training losses of single batches, the last of a run, that are averaged for studies which record those: they are noisy."""


class Record(NamedTuple):
    """One measurement: the value of a metric after ``step`` updates (the first training loss has step 0)."""

    step: int
    metric: str
    value: float


class History:
    """Every record of a run, by metric, in the order they came; 16 bytes each."""

    def __init__(self) -> None:
        self._series: dict[str, tuple[array[int], array[float]]] = {}

    def add(self, record: Record) -> None:
        """Append one record."""
        series = self._series.get(record.metric)
        if series is None:
            series = self._series[record.metric] = (array("q"), array("d"))
        steps, values = series
        steps.append(record.step)
        values.append(record.value)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics seen, in order of appearance."""
        return tuple(self._series)

    @property
    def size(self) -> int:
        """Number of records."""
        return sum(len(steps) for steps, _ in self._series.values())

    def __iter__(self) -> Iterator[Record]:
        for metric, (steps, values) in self._series.items():
            yield from (Record(step, metric, value) for step, value in zip(steps, values, strict=True))

    def series(self, metric: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return steps (n,) int64 and values (n,) float64 of one metric; empty where it was never recorded."""
        steps, values = self._series.get(metric, ((), ()))
        return np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)

    def finite(self, metric: str, step: int | None = None) -> npt.NDArray[np.float64]:
        """Return the finite values of one metric, (n,) float64; of one step where a step is given."""
        steps, values = self.series(metric)
        return values[np.isfinite(values) & ((steps == step) if step is not None else True)]


class EarlyStop(NamedTuple):
    """What early stopping did.

    Attributes:
        patience: updates without a lower loss that it waits for.
        stopped_at: updates made when it ended training, or None where training ended by itself.
        best_at: updates made at the lowest validation loss, whose parameters it brings back; None if there was none.
    """

    patience: int
    stopped_at: int | None
    best_at: int | None


def layer_metrics(history: History, quantity: str) -> dict[int, str]:
    """Return the metrics of one quantity by number of layer, input first."""
    parts = [(metric, metric.partition("/layer")) for metric in history.metrics]
    return dict(sorted((int(number), metric) for metric, (name, _, number) in parts if name == quantity and number))
