"""Which rows a batch has, and those rows as the network wants them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Features, Indices, Preprocessing, Sampler, Split, Splits, Targets
from nnreg.contracts.batches import largest_batch, state_of

GOLDEN = (5**0.5 - 1) / 2


def spread_rows(count: int, rows: int) -> Indices:
    """Return numbers of some rows that stand for all of them, rising and always the same: int64 array (count,).

    Each is out of a stretch of its own, of equal lengths, at a place that no period of the rows meets: of MNIST's, where those
    with even numbers are twice as hard as the others, every sixth would be a hard one.

    Args:
        count: at most ``rows``.
        rows: of which they are taken.
    """
    ends = np.arange(count + 1, dtype=np.int64) * rows // count
    shares = np.arange(count) * GOLDEN % 1.0
    found: Indices = ends[:-1] + (shares * np.diff(ends)).astype(np.int64)
    return found


class Batches:
    """Row numbers of one batch after the other, without end.

    Args:
        sampler: draws them; begun here.
        split: the training rows, read.
        batch: rows a batch, as the run's setting says.
        rng: the stream of batches, advanced.
        steps: updates of the whole run.

    Attributes:
        largest: most rows that a batch will have.
    """

    def __init__(self, sampler: Sampler, split: Split, batch: int, rng: np.random.Generator, steps: int) -> None:
        self.largest = largest_batch(sampler, batch, len(split.x))
        self._sampler, self._batch, self._rng, self._steps = sampler, batch, rng, steps
        self._t = 0  # batches drawn
        sampler.begin(split, batch)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Indices:
        """Return the row numbers of the next batch, int64 array (n,), n <= ``largest``; valid until the one after it."""
        self._t += 1
        return self._sampler.rows(self._t, self._steps, self._rng)

    def save(self) -> dict[str, Any]:
        """Return where the stream stands, in plain containers."""
        return {"stream": self._rng.bit_generator.state, "drawn": self._t}

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return what else is needed to go on: the sampler's arrays themselves, by name."""
        return state_of(self._sampler)

    def load(self, position: Mapping[str, Any]) -> None:
        """Go on from where ``save`` was called, once the arrays of ``state`` are what they were then.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: it is no such position.
        """
        self._rng.bit_generator.state = position["stream"]
        self._t = int(position["drawn"])

    def load_former(self, position: Mapping[str, Any], drawn: int) -> None:
        """Go on from where an earlier version stood, which kept the stream before the rows that it had drawn together.

        Args:
            position: that version's.
            drawn: batches drawn by then.
        """
        self._rng.bit_generator.state = position["stream"]
        self._t = drawn - int(position["taken"]) // self._batch
        while self._t < drawn:
            next(self)


class Unconverted:
    """Features kept in fewer bytes than the network's numbers have, and converted where they are asked for.

    Rows of a batch lie far from each other in memory, and reading them from there is what a batch costs: pixels kept as
    bytes are a quarter of that, and converting them after costs less than it saves.

    Args:
        kept: uint8 or float array (rows, features), read.
        dtype: of the network.
        divisor: of bytes, as in ``Splits``.
    """

    def __init__(self, kept: Features, dtype: npt.DTypeLike, divisor: float) -> None:
        self._kept, self._divisor = kept, np.float32(divisor)
        self.shape, self.dtype = kept.shape, np.dtype(dtype)
        self._taken: Features = kept[:0]
        self._converted: Array = np.empty((0, kept.shape[1]), dtype)
        self._loop: Callable[[Features, Array], None] | None = None

    def compile(self) -> None:
        """Convert in one loop from now on."""
        from nnreg.engine.batch_loops import converting

        self._loop = converting(np.empty((1, self.shape[1]), self._kept.dtype), self.dtype, self._divisor)

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, part: slice) -> Array:
        """Return neighbouring rows, float array (n, features): an array that the next request overwrites."""
        rows = self._kept[part]
        if len(rows) > len(self._converted):
            self._converted = np.empty(rows.shape, self.dtype)
        return self._convert(rows, self._converted[: len(rows)])

    def take(self, rows: Indices, out: Array) -> Array:
        """Write the rows with these numbers to ``out``, float array (n, features)."""
        if len(rows) != len(self._taken):
            self._taken = np.empty(out.shape, self._kept.dtype)
        self._kept.take(rows, axis=0, out=self._taken, mode="clip")
        return self._convert(self._taken, out)

    def _convert(self, rows: Features, out: Array) -> Array:
        if self._loop is not None and rows.flags.c_contiguous:
            self._loop(rows, out)
            return out
        if self._divisor != 1 and self.dtype != np.float32:
            return np.divide(rows, self._divisor, out=out, dtype=np.float32)  # the same numbers in every precision
        np.copyto(out, rows)
        if self._divisor != 1:
            np.divide(out, self._divisor, out=out)
        return out


class Rows(NamedTuple):
    """Rows as a network of one dtype wants them.

    Attributes:
        x: features, (rows, features), of that dtype as soon as they are asked for.
        y: class numbers, intp array (rows,), or values, float array (rows, outputs) of that dtype.
        weight: how much each row counts, 1 on average, float array (rows,) of that dtype; None: all alike.
    """

    x: Array | Unconverted
    y: Targets
    weight: Array | None = None


def converted(split: Split, dtype: npt.DTypeLike, divisor: float) -> Rows:
    """Return rows as a network of this dtype wants them.

    Features that fit already, or take fewer bytes as they are, are not copied. Wider ones are converted here: gathering them
    anew for each batch would cost more than the copy. Those of a file that is mapped into memory stay there, whatever they are,
    and are read where they are asked for.

    Args:
        split: the rows, read.
        dtype: float32 or float64.
        divisor: of the ``Splits`` they belong to.
    """
    is_mapped = isinstance(split.x, np.memmap)
    kept = split.x.view(np.ndarray) if is_mapped else np.ascontiguousarray(split.x)
    y = np.ascontiguousarray(split.y, np.intp if np.issubdtype(split.y.dtype, np.integer) else dtype)
    weight = None if split.weight is None else (split.weight * (len(kept) / split.weight.sum())).astype(dtype)
    if kept.dtype.itemsize < np.dtype(dtype).itemsize or (is_mapped and kept.dtype != dtype):
        return Rows(Unconverted(kept, dtype, divisor), y, weight)
    return Rows(kept if is_mapped else np.ascontiguousarray(kept, dtype), y, weight)


Batch = tuple[Any, ...]
"""Features, targets, and weights where rows have some."""


def reconstructing(splits: Splits) -> Splits:
    """Return the same data with each row, as a network is given it, for its own target: float array (rows, features)."""
    made = splits.preprocessing
    back = {"targets": (), "classes": (), "target_shift": made.shift, "target_scale": _whole(made.scale, splits.divisor)}
    answered: dict[str, Any] = {"outputs": splits.train.x.shape[1], "preprocessing": Preprocessing(**{**vars(made), **back})}
    for part, split in splits.present().items():
        dtype = np.float32 if split.x.dtype == np.uint8 else split.x.dtype
        answered[part] = split._replace(y=np.asarray(converted(split, dtype, splits.divisor).x[:]))
    return dataclasses.replace(splits, **answered)


def _whole(scale: Array | float, divisor: float) -> Array | float:
    """Return what features were divided by, all in all; a dataset that keeps bytes may leave it to their divisor."""
    return divisor if np.ndim(scale) == 0 and scale == 1 else scale


class Gather:
    """Brings together the rows of one batch after the other: in the same two arrays each time, overwritten.

    Args:
        rows: all rows.
        largest: most rows of a batch.
    """

    def __init__(self, rows: Rows, largest: int) -> None:
        self._rows = rows
        self._x_rows: Array = np.empty((largest, rows.x.shape[1]), rows.x.dtype)
        self._y_rows: Targets = np.empty((largest, *rows.y.shape[1:]), rows.y.dtype)
        self._x, self._y = self._x_rows, self._y_rows

    def __call__(self, rows: Indices) -> Batch:
        """Return x and y of the rows with these numbers, and weights where rows have some.

        Raises:
            ValueError: there are more of them than was said, or none.
        """
        if len(rows) != len(self._x):
            self._resize(len(rows))
        x, y, weight = self._rows
        if isinstance(x, Unconverted):
            x.take(rows, out=self._x)
        else:
            x.take(rows, axis=0, out=self._x, mode="clip")  # clip: the default mode copies through a buffer
        y.take(rows, axis=0, out=self._y, mode="clip")
        return (self._x, self._y) if weight is None else (self._x, self._y, weight[rows])

    def _resize(self, rows: int) -> None:
        if not 1 <= rows <= len(self._x_rows):
            raise ValueError(f"the sampler drew {rows} rows for a batch of at most {len(self._x_rows)}")
        self._x, self._y = self._x_rows[:rows], self._y_rows[:rows]
