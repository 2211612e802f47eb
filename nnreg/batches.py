"""Mini-batches: row numbers out of a random stream, which can be left and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

Sampling = Literal["replacement", "epoch"]
Indices = npt.NDArray[np.int64]


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
        self._order: Indices = np.empty(0, np.int64)  # rows of the pass under way
        self._taken = 0  # of them
        self._before: Mapping[str, Any] = {}  # the stream before that pass was drawn

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Indices:
        """Return the row numbers of the next batch, int64 array (batch,)."""
        if self._sampling == "replacement":
            return self._rng.integers(self._rows, size=self.batch)
        if self._taken + self.batch > self._order.size:
            self._begin_pass()
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
        if position["taken"]:
            self._begin_pass()
            self._taken = int(position["taken"])

    def _begin_pass(self) -> None:
        self._before = self._rng.bit_generator.state
        self._order, self._taken = self._rng.permutation(self._rows), 0
