"""Which rows a batch has, and those rows as the network wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Features, Split, Targets

Sampling = Literal["replacement", "epoch"]
Indices = npt.NDArray[np.int64]

DRAWN = 64  # batches drawn together: a draw costs more than its numbers


class Batches:
    """Row numbers of one batch after the other, without end.

    Args:
        rows: number of training rows.
        batch: rows a batch, at most ``rows``.
        sampling: "replacement": every batch is an independent draw, and there are no epochs; "epoch": each pass is a new
            permutation, and rows that do not fill a last batch are left out of that pass.
        rng: the stream of batches, advanced.
    """

    def __init__(self, rows: int, batch: int, sampling: Sampling, rng: np.random.Generator) -> None:
        self.batch = batch
        self._rows, self._sampling, self._rng = rows, sampling, rng
        self._order: Indices = np.empty(0, np.int64)  # rows that were drawn: a pass, or those of the next few batches
        self._taken = 0  # of them
        self._before: Mapping[str, Any] = {}  # the stream before they were drawn

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Indices:
        """Return the row numbers of the next batch, int64 array (batch,)."""
        if self._taken + self.batch > self._order.size:
            self._draw()
        self._taken += self.batch
        return self._order[self._taken - self.batch : self._taken]

    def save(self) -> dict[str, Any]:
        """Return where the stream stands, in plain containers."""
        return {"stream": self._before if self._taken else self._rng.bit_generator.state, "taken": self._taken}

    def load(self, position: Mapping[str, Any]) -> None:
        """Go on from where ``save`` was called.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: it is no such position.
        """
        self._rng.bit_generator.state = position["stream"]
        self._order, self._taken = self._order[:0], 0
        if position["taken"]:
            self._draw()
            self._taken = int(position["taken"])

    def _draw(self) -> None:
        self._before, self._taken = self._rng.bit_generator.state, 0
        if self._sampling == "epoch":
            self._order = self._rng.permutation(self._rows)
        else:
            self._order = self._rng.integers(self._rows, size=DRAWN * self.batch)


class Unconverted:
    """Features kept in fewer bytes than the network's numbers have, and converted where they are asked for.

    Rows of a batch lie far from each other in memory, and reading them from there is what a batch costs: pixels kept as
    bytes are a quarter of that, and converting them after costs less than it saves.

    Args:
        kept: uint8 or float array (rows, features), C-contiguous, read.
        dtype: of the network.
        divisor: of bytes, as in ``Splits``.
    """

    def __init__(self, kept: Features, dtype: npt.DTypeLike, divisor: float) -> None:
        self._kept, self._divisor = kept, np.float32(divisor)
        self.shape, self.dtype = kept.shape, np.dtype(dtype)
        self._taken: Features = kept[:0]
        self._converted: Array = np.empty((0, kept.shape[1]), dtype)

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
    """

    x: Array | Unconverted
    y: Targets


def converted(split: Split, dtype: npt.DTypeLike, divisor: float) -> Rows:
    """Return rows as a network of this dtype wants them.

    Features that fit already, or take fewer bytes as they are, are not copied. Wider ones are converted here: gathering them
    anew for each batch would cost more than the copy.

    Args:
        split: the rows, read.
        dtype: float32 or float64.
        divisor: of the ``Splits`` they belong to.
    """
    kept = np.ascontiguousarray(split.x)
    y = np.ascontiguousarray(split.y, np.intp if np.issubdtype(split.y.dtype, np.integer) else dtype)
    if kept.dtype.itemsize < np.dtype(dtype).itemsize:
        return Rows(Unconverted(kept, dtype, divisor), y)
    return Rows(np.ascontiguousarray(kept, dtype), y)


class Gather:
    """Brings together the rows of one batch after the other: in the same two arrays each time, overwritten.

    Args:
        rows: all rows.
        batch: rows of every batch.
    """

    def __init__(self, rows: Rows, batch: int) -> None:
        self._rows = rows
        self._x: Array = np.empty((batch, rows.x.shape[1]), rows.x.dtype)
        self._y: Targets = np.empty((batch, *rows.y.shape[1:]), rows.y.dtype)

    def __call__(self, rows: Indices) -> tuple[Array, Targets]:
        """Return x and y of the rows with these numbers."""
        x, y = self._rows
        if isinstance(x, Unconverted):
            x.take(rows, out=self._x)
        else:
            x.take(rows, axis=0, out=self._x, mode="clip")  # clip: the default mode copies through a buffer
        y.take(rows, axis=0, out=self._y, mode="clip")
        return self._x, self._y
