"""Mini-batches: row numbers out of a random stream, which can be left and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

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
