"""Softmax: the units of a layer share 1 among themselves.

    y_i = exp(z_i) / Σ_j exp(z_j)
    dz_i = y_i (dy_i − Σ_j dy_j y_j)

Source: Bridle, J. (1990), "Probabilistic Interpretation of Feedforward Classification Network Outputs, with Relationships to
Statistical Pattern Recognition", in Neurocomputing, section 3. https://doi.org/10.1007/978-3-642-76153-9_28

Conventions: over the units of each row, as torch's ``dim=1``; the largest z is subtracted first, so that nothing overflows.
This is a hidden activation: the logits get theirs from loss=softmax_cross_entropy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights


@dataclass
class Softmax(Layer):
    """Units compete: what one gains the others lose, so few of them speak at a time."""

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing."""
        self.units = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate y of training, y of evaluation, and dx."""
        self._trained, self._looked, self._dx = (np.empty((rows, self.units), dtype) for _ in range(3))

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y."""
        y = (self._trained if training else self._looked)[: len(x)]
        np.subtract(x, x.max(axis=1, keepdims=True), out=y)
        np.exp(y, out=y)
        y /= y.sum(axis=1, keepdims=True)  # y_i = exp(z_i) / Σ_j exp(z_j)
        return y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dz."""
        y, dx = self._trained[: len(dy)], self._dx[: len(dy)]
        np.multiply(dy, y, out=dx)
        np.subtract(dy, dx.sum(axis=1, keepdims=True), out=dx)
        dx *= y  # dz_i = y_i (dy_i − Σ_j dy_j y_j)
        return dx
