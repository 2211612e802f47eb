"""Full: every update sees every training row, so that the gradient is that of the training loss itself.

    batch = 0, 1, ..., N − 1

Source: Cauchy, A. (1847), "Méthode générale pour la résolution des systèmes d'équations simultanées" (gradient descent);
Bottou, L., Curtis, F. & Nocedal, J. (2018), "Optimization Methods for Large-Scale Machine Learning", section 3.1 (batch methods
beside stochastic ones), https://arxiv.org/abs/1606.04838.

Conventions: the setting ``batch`` means nothing here. Nothing is drawn, so that a deterministic rule such as L-BFGS sees one
function. An update costs as many rows as there are; ``train_size`` makes them fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Indices, Sampler, Split


@dataclass
class Full(Sampler):
    """Takes all rows in every update, whatever batch says: exact gradients at their full price."""

    def largest(self, batch: int, rows: int) -> int:
        """Return the number of rows."""
        return rows

    def begin(self, split: Split, batch: int) -> None:
        """Number the rows."""
        self._rows: Indices = np.arange(len(split.x), dtype=np.int64)

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return all rows, in their order."""
        return self._rows
