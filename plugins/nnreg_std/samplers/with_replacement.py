"""WithReplacement: every row of every batch is an independent draw, and there are no epochs.

    i ~ U{0, ..., N − 1}   for each of the n rows of a batch

Source: Robbins, H. & Monro, S. (1951), "A Stochastic Approximation Method", Annals of Mathematical Statistics 22(3),
https://doi.org/10.1214/aoms/1177729586; Bottou, L., Curtis, F. & Nocedal, J. (2018), "Optimization Methods for Large-Scale
Machine Learning", section 3.2, https://arxiv.org/abs/1606.04838.

Conventions: the theory of stochastic gradients draws so; torch's DataLoader and Keras shuffle and go through all rows, which is
``epoch`` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Indices, Sampler, Split

TOGETHER = 64  # batches drawn at once: a draw costs more than its numbers, which are the same as one by one


@dataclass
class WithReplacement(Sampler):
    """Draws every batch from all training rows: a row may come twice, another not for long."""

    def begin(self, split: Split, batch: int) -> None:
        """Count the rows, and make room for the next batches."""
        self._count = len(split.x)
        self._drawn: Indices = np.zeros((TOGETHER, batch), np.int64)

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch."""
        place = (t - 1) % TOGETHER
        if place == 0:
            self._drawn = rng.integers(self._count, size=self._drawn.shape)  # i ~ U{0, ..., N − 1}
        rows: Indices = self._drawn[place]
        return rows

    def state(self) -> Mapping[str, Indices]:
        """Return the batches that were drawn together."""
        return {"drawn": self._drawn}
