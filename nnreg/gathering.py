"""The rows of a batch, brought together in arrays that are there already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnreg.batches import Indices
from nnreg.contracts import Array, Split, Targets


def converted(split: Split, dtype: npt.DTypeLike) -> Split:
    """Return rows as a network of this dtype wants them; what fits already is not copied."""
    is_classes = np.issubdtype(split.y.dtype, np.integer)
    return Split(np.ascontiguousarray(split.x, dtype), np.ascontiguousarray(split.y, np.intp if is_classes else dtype))


class Gather:
    """Brings together the rows of one batch after the other: in the same two arrays each time, overwritten.

    Args:
        split: all rows.
        batch: rows of every batch.
    """

    def __init__(self, split: Split, batch: int) -> None:
        self._split = split
        self._x: Array = np.empty((batch, split.x.shape[1]), split.x.dtype)
        self._y: Targets = np.empty((batch, *split.y.shape[1:]), split.y.dtype)

    def __call__(self, rows: Indices) -> tuple[Array, Targets]:
        """Return x and y of the rows with these numbers."""
        self._split.x.take(rows, axis=0, out=self._x, mode="clip")  # clip: the default mode copies through a buffer
        self._split.y.take(rows, axis=0, out=self._y, mode="clip")
        return self._x, self._y
