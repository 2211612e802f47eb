"""What a run leaves behind: records (step, metric, value), the history they add up to, and how the run ended.

Metric names are ``<split>/<quantity>``. The loss of a step is that of the forward pass which made the step's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

TRAIN_LOSS = "train/loss"
VALID_LOSS = "valid/loss"
VALID_ACCURACY = "valid/accuracy"
TEST_LOSS = "test/loss"
TEST_ACCURACY = "test/accuracy"

Status = Literal["finished", "diverged", "failed", "killed"]


class Record(NamedTuple):
    """One measurement: the value of a metric after ``step`` updates (the first training loss has step 0)."""

    step: int
    metric: str
    value: float


class History:
    """Every record of a run, by metric, in the order they came."""

    def __init__(self) -> None:
        self._series: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, record: Record) -> None:
        """Append one record."""
        steps, values = self._series.setdefault(record.metric, ([], []))
        steps.append(record.step)
        values.append(record.value)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics seen, in order of appearance."""
        return tuple(self._series)

    def __iter__(self) -> Iterator[Record]:
        for metric, (steps, values) in self._series.items():
            yield from (Record(step, metric, value) for step, value in zip(steps, values, strict=True))

    def series(self, metric: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return steps (n,) int64 and values (n,) float64 of one metric; empty where it was never recorded."""
        steps, values = self._series.get(metric, ([], []))
        return np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)

    def finite(self, metric: str) -> npt.NDArray[np.float64]:
        """Return the finite values of one metric, (n,) float64."""
        values = self.series(metric)[1]
        return values[np.isfinite(values)]


@dataclass(frozen=True)
class DatasetCard:
    """What is recorded of the data: ``digest`` is a hash of every row, so that two runs can prove they saw the same."""

    name: str
    source: str
    digest: str
    rows: Mapping[str, int]
    features: int
    outputs: int


@dataclass(frozen=True)
class RunCard:
    """All that is known of a run before its first step.

    Attributes:
        label: short name, such as ``adam-he``.
        folder: run folder, absolute; everything the run produces is here before it is anywhere else.
        choices: kind to chosen option, such as ``optimizer: adam``.
        config: resolved configuration in plain containers.
        overrides: what was typed.
        command: one line that reproduces the run.
        colour: ``#rrggbb``, the same for the same technique everywhere.
        plugins: distribution to version of every technique used.
        dataset: what was trained on, or None where assembling the run failed before it was loaded.
        parameters: number of trainable parameters, or None likewise.
        sweep_id: common to the runs of one sweep, or None.
        job: number within the sweep, or None.
    """

    label: str
    folder: Path
    choices: Mapping[str, str]
    config: Mapping[str, Any]
    overrides: tuple[str, ...]
    command: str
    colour: str
    plugins: Mapping[str, str]
    dataset: DatasetCard | None
    parameters: int | None
    seed: int
    steps: int
    sweep_id: str | None = None
    job: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: a diverged run is a result, not a failure.
        steps: updates made.
        seconds: time spent training, without set-up and evaluation.
        summary: final and best metrics by name, finite values only.
        diverged_at: step whose loss was not finite, or None.
        error: one line, for failed runs.
    """

    status: Status
    steps: int
    seconds: float
    summary: Mapping[str, float] = field(default_factory=dict)
    diverged_at: int | None = None
    error: str | None = None


def summarise(history: History) -> dict[str, float]:
    """Return final and best values: ``train/loss_final`` is the mean of the last 100 steps, as single batches are noisy."""
    summary: dict[str, float] = {}
    train = history.finite(TRAIN_LOSS)
    if train.size:
        summary |= {"train/loss_final": float(train[-100:].mean()), "train/loss_best": float(train.min())}
    for metric, best in ((VALID_LOSS, np.min), (VALID_ACCURACY, np.max)):
        values = history.finite(metric)
        if values.size:
            summary |= {f"{metric}_final": float(values[-1]), f"{metric}_best": float(best(values))}
    for metric in (TEST_LOSS, TEST_ACCURACY):
        values = history.finite(metric)
        if values.size:
            summary[metric] = float(values[-1])
    return {name: value for name, value in summary.items() if math.isfinite(value)}
