"""Balanced: every class comes equally often, however many rows it has.

    n rows of C classes: ⌊n / C⌋ of each, and one more of n mod C classes that are drawn;   i ~ U{rows of the class}

Source: Shen, L., Lin, Z. & Huang, Q. (2016), "Relay Backpropagation for Effective Learning of Deep Convolutional Neural
Networks", section 3.2 (class-aware sampling), ECCV, https://arxiv.org/abs/1512.05830; Buda, M., Maki, A. & Mazurowski, M. A.
(2018), "A systematic study of the class imbalance problem in convolutional neural networks" (oversampling),
https://arxiv.org/abs/1710.05381.

Conventions: rows of a class are drawn with replacement; the source goes through shuffled lists of them. Each batch is balanced,
not only their average, as by torch's WeightedRandomSampler. A class without a training row is no class here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Indices, Sampler, Split


@dataclass
class Balanced(Sampler):
    """Draws every class equally often, so that a rare one counts as much as a frequent one."""

    takes = ("classes",)

    def begin(self, split: Split, batch: int) -> None:
        """Sort the rows by class."""
        _, counts = np.unique(split.y, return_counts=True)
        self._batch, self._counts = batch, counts.astype(np.int64)
        self._sorted: Indices = np.argsort(split.y, kind="stable").astype(np.int64)
        self._first: Indices = np.cumsum(self._counts) - self._counts

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch."""
        C = len(self._counts)
        each, more = divmod(self._batch, C)
        drawn = np.concatenate(
            [np.tile(np.arange(C), each), rng.permutation(C)[:more]]
        )  # ⌊n / C⌋ of each class, one more of some
        rows: Indices = self._sorted[self._first[drawn] + rng.integers(self._counts[drawn])]  # i ~ U{rows of the class}
        return rows
