"""Training as a generator of records: whoever consumes it logs, plots, or stops early by not asking for more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from typing import NamedTuple, Protocol, Self

import numpy as np

from nnreg.batches import Batches, Indices
from nnreg.clipping import unclipped
from nnreg.contracts import Array, Optimizer, Splits
from nnreg.gathering import Gather, Rows, converted
from nnreg.network import Network
from nnreg.pacing import constant
from nnreg.records import TRAIN_LOSS, Record
from nnreg.silence import silent_context

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


class Worker(Protocol):
    """What a step asks for; what overflows may warn, whoever asks takes care of that."""

    def gradient(self, rows: Indices) -> float:
        """Return the objective on the rows of a batch and overwrite the network's gradient."""

    def update(self, t: int, factor: float) -> None:
        """Update all parameters from the gradient; t counts from 1, the factor is the schedule's."""


class Alone:
    """One process that does it all.

    Args:
        network: initialised.
        optimizer: bound to its parameters.
        rows: the training split, converted to the network's dtype.
        batch: rows of every batch.
    """

    def __init__(self, network: Network, optimizer: Optimizer, rows: Rows, batch: int) -> None:
        self._network, self._optimizer, self._gather = network, optimizer, Gather(rows, batch)

    def gradient(self, rows: Indices) -> float:
        """Return the objective on the rows of a batch and overwrite the network's gradient."""
        return self._network.share_gradient(*self._gather(rows)) + self._network.regularise()

    def update(self, t: int, factor: float) -> None:
        """Update all parameters from the gradient; t counts from 1, the factor is the schedule's."""
        self._optimizer.step(t, factor)


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
    worker: Worker | None = None,
) -> Generator[Record, None, None]:
    """Train, one record after the other; the test split is never looked at.

    A record's step is the number of updates made so far. The training loss is the objective of the forward pass that made
    the gradient, and is yielded before the update: a consumer sees parameters and gradient that belong together. Validation
    comes after every ``validate_every``-th update and after the last. A loss that is not finite ends training: a training loss
    is the last record then, a validation loss is in the last validation.

    Args:
        network: initialised, for batches of at least ``batch`` rows; its parameters are written in place.
        optimizer: bound to the network's parameters.
        splits: the data; features that take fewer bytes than the network's numbers are kept so, others converted once.
        steps: number of updates after which training ends, those before ``start`` included.
        batches: row numbers of every batch, advanced; where training continues, loaded with where they stood.
        validate_every: updates between two validations, >= 1.
        watch_train: whether each validation measures the whole training split too.
        start: updates already made by the run that is continued, < ``steps``.
        schedule: number of the update, from 1, to the factor of its learning rate.
        clip: bounds the gradient, in place, before each update.
        stopwatch: measures training alone: neither validation nor what the consumer does between two records.
        pause: asked between two steps; True if the consumer wants a moment to save everything.
        worker: who computes gradients and updates, on the training split in the network's dtype; None: this process alone.

    Yields:
        ``train/loss`` at steps ``start`` to ``steps - 1``; ``valid/loss`` and ``valid/accuracy`` (or ``valid/r2``) where there
        is a validation split; ``train/accuracy`` (or ``train/r2``) where the training split is watched. ``PAUSE`` where one was
        asked for: all records of the steps so far have been yielded, the next batch has not been drawn.
    """
    stopwatch = stopwatch or Stopwatch()
    rows = converted(splits.train, network.dtype, splits.divisor)
    worker = worker or Alone(network, optimizer, rows, batches.batch)
    watched = rows if watch_train else None
    valid = splits.valid and converted(splits.valid, network.dtype, splits.divisor)
    silently = silent_context().run

    def update(done: int) -> None:
        factor = schedule(done)
        clip(network.parameters.grad)
        network.decay(optimizer.lr * factor)
        worker.update(done, factor)

    for step in range(start, steps):
        with stopwatch:
            loss = silently(worker.gradient, next(batches))
        yield Record(step, TRAIN_LOSS, loss)
        if not math.isfinite(loss):
            return
        done = step + 1
        with stopwatch:
            silently(update, done)  # one that overflows shows in the next loss
        if (done % validate_every == 0 or done == steps) and not (yield from _evaluate(network, valid, watched, done)):
            return
        if done < steps and pause():
            yield Record(done, PAUSE, math.nan)


def _evaluate(network: Network, valid: Rows | None, watched: Rows | None, step: int) -> Generator[Record, None, bool]:
    """Measure the validation split, and how the training split as a whole is answered; its loss is that of the batches.

    Returns:
        Whether the validation loss, if there is one, is finite.
    """
    is_finite = True
    if valid:
        measured = network.evaluate(*valid)
        is_finite = math.isfinite(measured["loss"])
        for quantity, value in measured.items():
            yield Record(step, f"valid/{quantity}", value)
    if watched:
        for quantity, value in network.evaluate(*watched).items():
            if quantity != "loss":
                yield Record(step, f"train/{quantity}", value)
    return is_finite
