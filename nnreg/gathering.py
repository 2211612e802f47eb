"""Rows as a network sees them: kept as they came, brought together and converted in arrays that are there already."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nnreg.batches import Indices
from nnreg.contracts import Array, Features, Split, Targets


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
