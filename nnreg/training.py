"""Training as a generator of records: whoever consumes it logs, plots, or stops early by not asking for more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nnreg.batches import Batches
from nnreg.contracts import Array, Optimizer, Split, Splits, Targets
from nnreg.network import Network
from nnreg.pacing import constant
from nnreg.records import TRAIN_LOSS, Record

PAUSE = "pause"
"""Name of a record that measures nothing: training stands still between two steps."""


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


def unclipped(grad: Array) -> None:
    """Leave the gradient as it is."""


def never() -> bool:
    """Ask for no pause."""
    return False


def train(
    network: Network,
    optimizer: Optimizer,
    splits: Splits,
    *,
    steps: int,
    batches: Batches,
    validate_every: int,
    watch_train: bool = False,
    start: int = 0,
    schedule: Callable[[int], float] = constant,
    clip: Callable[[Array], None] = unclipped,
    stopwatch: Stopwatch | None = None,
    pause: Callable[[], bool] = never,
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
        batches: row numbers of every batch, advanced; where training continues, loaded with where they stood.
        validate_every: updates between two validations, >= 1.
        watch_train: whether each validation measures the whole training split too.
        start: updates already made by the run that is continued, < ``steps``.
        schedule: number of the update, from 1, to the factor of its learning rate.
        clip: bounds the gradient, in place, before each update.
        stopwatch: measures training alone: neither validation nor what the consumer does between two records.
        pause: asked between two steps; True if the consumer wants a moment to save everything.

    Yields:
        ``train/loss`` at steps ``start`` to ``steps - 1``; ``valid/loss`` and ``valid/accuracy`` (or ``valid/r2``) where there
        is a validation split; ``train/accuracy`` (or ``train/r2``) where the training split is watched. ``PAUSE`` where one was
        asked for: all records of the steps so far have been yielded, the next batch has not been drawn.
    """
    stopwatch = stopwatch or Stopwatch()
    rows = _as_dtype(splits.train, network.dtype)
    gathered, watched = _gather(rows, batches), rows if watch_train else None
    valid = splits.valid and _as_dtype(splits.valid, network.dtype)
    for step in range(start, steps):
        with stopwatch:
            loss = network.loss_and_gradient(*next(gathered))
        yield Record(step, TRAIN_LOSS, loss)
        if not math.isfinite(loss):
            return
        done = step + 1
        with stopwatch, np.errstate(all="ignore"):  # an update that overflows shows in the next loss
            factor = schedule(done)
            clip(network.parameters.grad)
            network.decay(optimizer.lr * factor)
            optimizer.step(done, factor)
        if done % validate_every == 0 or done == steps:
            yield from _evaluate(network, valid, watched, done)
        if done < steps and pause():
            yield Record(done, PAUSE, math.nan)


def _as_dtype(split: Split, dtype: npt.DTypeLike) -> Split:
    is_classes = np.issubdtype(split.y.dtype, np.integer)
    return Split(np.ascontiguousarray(split.x, dtype), np.ascontiguousarray(split.y, np.intp if is_classes else dtype))


def _gather(split: Split, batches: Batches) -> Iterator[tuple[Array, Targets]]:
    """Yield the rows of each batch: the same two arrays each time, overwritten."""
    x = np.empty((batches.batch, split.x.shape[1]), split.x.dtype)
    y = np.empty((batches.batch, *split.y.shape[1:]), split.y.dtype)
    for rows in batches:
        split.x.take(rows, axis=0, out=x, mode="clip")  # clip: the default mode copies through a buffer
        split.y.take(rows, axis=0, out=y, mode="clip")
        yield x, y


def _evaluate(network: Network, valid: Split | None, watched: Split | None, step: int) -> Iterator[Record]:
    """Measure the validation split, and how the training split as a whole is answered; its loss is that of the batches."""
    if valid:
        for quantity, value in network.evaluate(*valid).items():
            yield Record(step, f"valid/{quantity}", value)
    if watched:
        for quantity, value in network.evaluate(*watched).items():
            if quantity != "loss":
                yield Record(step, f"train/{quantity}", value)
