"""MyRule: blocks of neighbouring rows, each begun anywhere.

    i ~ U{0, ..., N − 1};   batch = i, i + 1, ..., i + n − 1   (mod N)

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Indices, Sampler, Split


@dataclass
class MyRule(Sampler):
    """One sentence of intuition: neighbours in memory are read faster than rows from everywhere."""

    def begin(self, split: Split, batch: int) -> None:
        """Count the rows."""
        self._count, self._batch = len(split.x), batch

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch; what is remembered from one to the next belongs into state()."""
        rows: Indices = (rng.integers(self._count) + np.arange(self._batch)) % self._count  # i, i + 1, ..., i + n − 1
        return rows
