"""Epoch: each pass goes through all rows once, in an order of its own.

    π = a permutation of 0, ..., N − 1, drawn anew after ⌊N / n⌋ batches;   batch k of a pass = π[k n], ..., π[(k + 1) n − 1]

Source: Bottou, L. (2009), "Curiously Fast Convergence of some Stochastic Gradient Descent Algorithms",
https://leon.bottou.org/papers/bottou-slds-open-problem-2009 (random shuffling); Bengio, Y. (2012), "Practical Recommendations
for Gradient-Based Training of Deep Architectures", section 3.1, https://arxiv.org/abs/1206.5533.

Conventions: rows that do not fill a last batch are left out of that pass, as by torch's DataLoader with drop_last=True, so that
all batches have one size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Indices, Sampler, Split


@dataclass
class Epoch(Sampler):
    """Goes through the rows in a fresh order: none comes twice before all others have come."""

    def begin(self, split: Split, batch: int) -> None:
        """Make room for an order of all rows."""
        self._batch = batch
        self._order: Indices = np.zeros(len(split.x), np.int64)  # π

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch."""
        k = (t - 1) % (len(self._order) // self._batch)
        if k == 0:
            self._order = rng.permutation(len(self._order))
        return self._order[k * self._batch : (k + 1) * self._batch]  # π[k n], ..., π[(k + 1) n − 1]

    def state(self) -> Mapping[str, Indices]:
        """Return the order of this pass."""
        return {"order": self._order}
