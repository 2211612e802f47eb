"""The training loop as a generator of records, the pace of the learning rate, and the bound on the gradient."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from nnreg.contracts import Array, Indices, Optimizer, Schedule, Splits
from nnreg.engine.again import again_of
from nnreg.engine.elsewhere import Elsewhere
from nnreg.engine.history import GRADIENTS, TRAIN_LOSS, VALID_LOSS, Record
from nnreg.engine.network import Network
from nnreg.engine.numerics import silent_context
from nnreg.engine.rows import Batches, Gather, Rows, Unconverted, converted

if TYPE_CHECKING:
    from nnreg.engine.augment import Augment


def constant(t: int) -> float:
    """Return 1 for every step: the learning rate stays what it is."""
    return 1.0


def paced(schedule: Schedule, steps: int, warmup: int = 0) -> Callable[[int], float]:
    """Return the factor by number of the update, from 1.

    Update t of a warm-up of w has t / w times the factor with which the schedule begins. Update w is therefore both the top of
    the warm-up and the schedule's first, so that a warm-up of 1 is none, and the schedule runs over the updates from there to
    the end. (Goyal et al. (2017), "Accurate, Large Minibatch SGD", section 2.2: gradual warm-up.)

    Args:
        schedule: what follows the warm-up.
        steps: updates of the whole run.
        warmup: updates of the warm-up, fewer than ``steps``; 0 for none.
    """
    top = max(warmup, 1)

    def factor(t: int) -> float:
        return min(t / top, 1.0) * schedule.factor(max(t - top + 1, 1), steps - top + 1)

    return factor


LEAST_TRUSTED = 1e-20  # a sum of squares below it may have lost some of them to underflow in float32


def unclipped(grad: Array) -> None:
    """Leave a gradient as it is."""


def clipper(value: float | None, norm: float | None) -> Callable[[Array], None]:
    """Return what bounds a gradient in place, before each update.

    A gradient that is not finite stays so, for the run to be seen to diverge; only an infinite component is cut to ``value``.

    Args:
        value: bound on the size of each component, or None.
        norm: bound on the Euclidean length of the whole gradient, which is scaled down to it, or None; applied after
            ``value``. (Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural networks",
            algorithm 1.)
    """

    def clip(grad: Array) -> None:
        if value is not None:
            np.clip(grad, -value, value, out=grad)
        if norm is not None:
            _shorten(grad, norm)

    return clip


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def _shorten(grad: Array, norm: float) -> None:
    """Scale a gradient, float array (n,), down to a length in place if it is longer."""
    squared = float(np.dot(grad, grad))
    if LEAST_TRUSTED < squared < math.inf:
        length = math.sqrt(squared)
        if length > norm:
            grad *= norm / length
        return
    largest = float(np.abs(grad).max(initial=0))
    if largest == 0:
        return
    unit = grad / largest  # components in [-1, 1], whose squares neither overflow nor all underflow
    length = math.sqrt(float(np.dot(unit, unit)))
    if length > norm / largest:  # false for NaN, which a gradient that is not finite makes of it
        np.multiply(unit, norm / length, out=grad)


PAUSE = "pause"
"""Name of a record that measures nothing: training stands still between two steps."""


class Streams(NamedTuple):
    """Independent random streams of one run.

    Each purpose has its own, so that two runs with the same seed see the same weights, batches and masks whatever else
    differs between them: a paired comparison. A further one is appended, as the n-th stream of a seed is always the same.
    """

    init: np.random.Generator
    batches: np.random.Generator
    dropout: np.random.Generator
    optimizer: np.random.Generator
    augmentation: np.random.Generator

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


def never() -> bool:
    """Ask for no pause."""
    return False


MOST_VALIDATIONS = 50
SHARE = 0.1  # of the time of training that validations may cost
BACKWARD = 2  # a backward pass costs what two forward passes do


def spread_validations(steps: int, batch: int, rows: int) -> frozenset[int]:
    """Return the updates after which a run is validated that leaves it to nnreg: evenly on a log scale, and after the last.

    As many as cost a tenth of its training, 50 at most, from a hundredth of the run on.

    Args:
        steps: of the run.
        batch: rows of a mini-batch.
        rows: that one validation looks at.
    """
    most = SHARE * steps * batch * (1 + BACKWARD) / rows
    count = max(1, min(MOST_VALIDATIONS, int(most)))
    spread = np.geomspace(max(1, steps / 100), steps, count) if count > 1 else np.array([steps])
    return frozenset(map(int, spread.round()))


def train(
    network: Network,
    optimizer: Optimizer,
    splits: Splits,
    *,
    steps: int,
    batches: Batches,
    validate_every: int | Container[int],
    watch_train: bool = False,
    start: int = 0,
    schedule: Callable[[int], float] = constant,
    clip: Callable[[Array], None] = unclipped,
    stopwatch: Stopwatch | None = None,
    pause: Callable[[], bool] = never,
    elsewhere: Elsewhere | None = None,
    augment: Augment | None = None,
    vary: Callable[[int], None] | None = None,
) -> Generator[Record, None, None]:
    """Train, one record after the other; the test split is never looked at.

    A record's step is the number of updates made so far. The training loss is the objective of the forward pass that made
    the gradient, and is yielded before the update: a consumer sees parameters and gradient that belong together. Validation
    comes after the updates that ``validate_every`` says and after the last. A loss that is not finite ends training: a
    training loss is the last record then, a validation loss is in the last validation.

    Args:
        network: initialised, for batches of at least ``batch`` rows; its parameters are written in place.
        optimizer: bound to the network's parameters, and equipped where it looks again or draws.
        splits: the data; features that take fewer bytes than the network's numbers are kept so, others converted once.
        steps: number of updates after which training ends, those before ``start`` included.
        batches: row numbers of every batch, advanced; where training continues, loaded with where they stood.
        validate_every: updates between two validations, >= 1, or the numbers of updates after which one is due.
        watch_train: whether each validation measures the whole training split too.
        start: updates already made by the run that is continued, < ``steps``.
        schedule: number of the update, from 1, to the factor of its learning rate.
        clip: bounds the gradient, in place, before each update.
        stopwatch: measures training alone: neither validation nor what the consumer does between two records.
        pause: asked between two steps; True if the consumer wants a moment to save everything.
        elsewhere: what validations are made with; None for one of its own.
        augment: changes each batch; None to train on rows as they are.
        vary: sets numbers of techniques that have a course of their own to those of an update, from 1, before its gradient.

    Yields:
        ``train/loss`` at steps ``start`` to ``steps - 1``; ``valid/loss`` and ``valid/accuracy`` (or ``valid/r2``) where there
        is a validation split; ``train/accuracy`` (or ``train/r2``) where the training split is watched;
        ``work/gradients``, the gradients evaluated so far, before each validation where a rule looks again. ``PAUSE`` where one
        was asked for: all records of the steps so far have been yielded, the next batch has not been drawn.
    """
    stopwatch = stopwatch or Stopwatch()
    rows = converted(splits.train, network.dtype, splits.divisor)
    if network.is_compiled and isinstance(rows.x, Unconverted):
        rows.x.compile()
    gather = Gather(rows, batches.largest)
    watched = rows if watch_train else None
    valid = splits.valid and converted(splits.valid, network.dtype, splits.divisor)
    silently, project = silent_context().run, network.penalty.project
    elsewhere = elsewhere or Elsewhere(network, optimizer, splits, batches.largest)
    due = range(validate_every, steps + 1, validate_every) if isinstance(validate_every, int) else validate_every

    def gradient(numbers: Indices) -> float:
        return look(*gather(numbers))

    def gradient_of_changed(numbers: Indices) -> float:
        assert augment is not None
        return look(*augment(*gather(numbers)))

    def update(done: int) -> None:
        factor = schedule(done)
        clip(network.parameters.grad)
        network.decay(optimizer.rate * factor)
        optimizer.step(done, factor)
        if project is not None:
            project()

    def update_looking_again(done: int) -> None:
        assert again is not None
        again.step(optimizer, done, schedule(done))

    again = again_of(optimizer)
    look = again.begin if again else network.audible_loss_and_gradient
    make_step = update_looking_again if again else update
    see = gradient if augment is None else gradient_of_changed
    for step in range(start, steps):
        with stopwatch:
            if vary is not None:
                vary(step + 1)
                network.look_again()
            loss = silently(see, next(batches))
        yield Record(step, TRAIN_LOSS, loss)
        if not math.isfinite(loss):
            return
        done = step + 1
        with stopwatch:
            silently(make_step, done)  # one that overflows shows in the next loss
        if done in due or done == steps:
            if again is not None:
                yield Record(done, GRADIENTS, again.evaluations)
            with elsewhere.swapped():
                measured = list(_evaluate(network, valid, watched, done))
            yield from measured
            if not all(math.isfinite(record.value) for record in measured if record.metric == VALID_LOSS):
                return
        if done < steps and pause():
            yield Record(done, PAUSE, math.nan)


def _evaluate(network: Network, valid: Rows | None, watched: Rows | None, step: int) -> Iterator[Record]:
    """Measure the validation split, and how the training split as a whole is answered; its loss is that of the batches."""
    if valid:
        for quantity, value in network.evaluate(*valid).items():
            yield Record(step, f"valid/{quantity}", value)
    if watched:
        for quantity, value in network.evaluate(*watched).items():
            if quantity != "loss":
                yield Record(step, f"train/{quantity}", value)
