"""Training as a generator of records: whoever consumes it logs, plots, or stops early by not asking for more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Labels, Optimizer, Split, Splits
from nnreg.network import Network
from nnreg.records import TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, Record

Sampling = Literal["replacement", "epoch"]
Indices = npt.NDArray[np.int64]


class Streams(NamedTuple):
    """Independent random streams of one run.

    Each purpose has its own, so that two runs with the same seed see the same weights, batches and masks whatever else
    differs between them: a paired comparison.
    """

    init: np.random.Generator
    batches: np.random.Generator
    dropout: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> Self:
        """Return the streams of a seed, an integer >= 0."""
        return cls(*map(np.random.default_rng, np.random.SeedSequence(seed).spawn(len(cls._fields))))


class Stopwatch:
    """Adds up the time spent inside its ``with`` blocks.

    Attributes:
        seconds: the sum so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started


def constant(t: int) -> float:
    """Return 1 for every step: the learning rate stays what it is."""
    return 1.0


def draw_batches(rows: int, batch: int, sampling: Sampling, rng: np.random.Generator) -> Iterator[Indices]:
    """Yield row numbers of one batch after the other, without end.

    Args:
        rows: number of training rows.
        batch: rows a batch, at most ``rows``.
        sampling: "replacement": every batch is an independent draw, and there are no epochs; "epoch": each pass is a new
            permutation, and rows that do not fill a last batch are left out of that pass.
        rng: the stream of batches, advanced.

    Yields:
        Row numbers, int64 array (batch,).
    """
    if sampling == "replacement":
        while True:
            yield rng.integers(rows, size=batch)
    while True:
        order = rng.permutation(rows)
        for end in range(batch, rows + 1, batch):
            yield order[end - batch : end]


def train(
    network: Network,
    optimizer: Optimizer,
    splits: Splits,
    *,
    steps: int,
    batch: int,
    sampling: Sampling,
    rng: np.random.Generator,
    validate_every: int,
    start: int = 0,
    schedule: Callable[[int], float] = constant,
    stopwatch: Stopwatch | None = None,
) -> Generator[Record, None, None]:
    """Train, one record after the other; the test split is never looked at.

    A record's step is the number of updates made so far. The training loss is the objective of the forward pass that made
    the gradient, and is yielded before the update: a consumer sees parameters and gradient that belong together. Validation
    comes after every ``validate_every``-th update and after the last. A training loss that is not finite is the last record.

    Args:
        network: initialised, for batches of at least ``batch`` rows; its parameters are written in place.
        optimizer: bound to the network's parameters.
        splits: the data; converted to the network's dtype once.
        steps: number of updates after which training ends, those before ``start`` included.
        batch: rows a batch.
        sampling: see ``draw_batches``.
        rng: a fresh stream of batches, also where training continues: the batches before ``start`` are drawn and skipped.
        validate_every: updates between two validations, >= 1.
        start: updates already made by the run that is continued.
        schedule: number of the update, from 1, to the factor of its learning rate.
        stopwatch: measures training alone: neither validation nor what the consumer does between two records.

    Yields:
        ``train/loss`` at steps ``start`` to ``steps - 1``; ``valid/loss`` and ``valid/accuracy`` where there is a validation
        split.
    """
    stopwatch = stopwatch or Stopwatch()
    indices = islice(draw_batches(len(splits.train.x), batch, sampling, rng), start, None)
    batches = _gather(_as_dtype(splits.train, network.dtype), batch, indices)
    valid = splits.valid and _as_dtype(splits.valid, network.dtype)
    for step in range(start, steps):
        with stopwatch:
            loss = network.loss_and_gradient(*next(batches))
        yield Record(step, TRAIN_LOSS, loss)
        if not math.isfinite(loss):
            return
        done = step + 1
        with stopwatch, np.errstate(all="ignore"):  # an update that overflows shows in the next loss
            optimizer.step(done, schedule(done))
        if valid and (done % validate_every == 0 or done == steps):
            yield from _validate(network, valid, done)


def _as_dtype(split: Split, dtype: npt.DTypeLike) -> Split:
    return Split(np.ascontiguousarray(split.x, dtype), np.ascontiguousarray(split.y, np.intp))


def _gather(split: Split, batch: int, indices: Iterator[Indices]) -> Iterator[tuple[Array, Labels]]:
    """Yield the rows of each batch: the same two arrays each time, overwritten."""
    x = np.empty((batch, split.x.shape[1]), split.x.dtype)
    y = np.empty(batch, split.y.dtype)
    for rows in indices:
        split.x.take(rows, axis=0, out=x, mode="clip")  # clip: the default mode copies through a buffer
        split.y.take(rows, out=y, mode="clip")
        yield x, y


def _validate(network: Network, valid: Split, step: int) -> Iterator[Record]:
    loss, accuracy = network.evaluate(*valid)
    yield Record(step, VALID_LOSS, loss)
    yield Record(step, VALID_ACCURACY, accuracy)
