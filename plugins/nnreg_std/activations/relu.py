"""ReLU: the rectified linear unit, positive inputs pass and the others become zero.

    y = max(z, 0)
    dz = dy·[z > 0]

Source: Nair, V. & Hinton, G. (2010), "Rectified Linear Units Improve Restricted Boltzmann Machines"; Glorot, X.,
Bordes, A. & Bengio, Y. (2011), "Deep Sparse Rectifier Neural Networks".
https://proceedings.mlr.press/v15/glorot11a.html

Conventions: the derivative at z = 0 does not exist; it is taken as 0, as in torch, TensorFlow and JAX.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class ReLU(Activation):
    """A gate: passes signal and gradient unchanged where open, so depth does not shrink them."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        out.fill(0)  # NumPy compares two arrays several times faster than an array and a number
        np.maximum(z, out, out=out)  # y = max(z, 0)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.greater(z, 0, out=out)
        out *= dy  # dz = dy·[z > 0]
