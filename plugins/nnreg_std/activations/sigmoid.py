"""Sigmoid: the logistic function, a smooth step from 0 to 1.

    y = 1 / (1 + e⁻ᶻ) = (1 + tanh(z/2)) / 2
    dz = dy·y(1 − y)

Source: Rumelhart, D., Hinton, G. & Williams, R. (1986), "Learning representations by back-propagating errors", Nature
323, 533–536, equation 2. https://doi.org/10.1038/323533a0

Conventions: every library agrees on the values. The form with tanh is used because it cannot overflow; its error is one
rounding of 1, so far to the left y becomes exactly 0, as far to the right it becomes exactly 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class Sigmoid(Activation):
    """A soft switch; its slope is at most 1/4 and dies at both ends, so gradients vanish."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.multiply(z, 0.5, out=out)
        np.tanh(out, out=out)
        out += 1
        out *= 0.5  # y = (1 + tanh(z/2)) / 2

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.subtract(1, y, out=out)
        out *= y
        out *= dy  # dz = dy·y(1 − y)
