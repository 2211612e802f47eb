"""SiLU: the input times its own sigmoid.

    y = z·σ(z)
    dz = dy·(σ(z) + y(1 − σ(z)))

Source: Hendrycks, D. & Gimpel, K. (2016), "Gaussian Error Linear Units (GELUs)", section 2, names it; Elfwing, S.,
Uchibe, E. & Doya, K. (2018) and Ramachandran, P., Zoph, B. & Le, Q. (2017), "Searching for Activation Functions", study
it. https://arxiv.org/abs/1606.08415, https://arxiv.org/abs/1702.03118, https://arxiv.org/abs/1710.05941

Conventions: every library agrees; Ramachandran et al. call it Swish, with a factor β in the sigmoid that is 1 here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class SiLU(Activation):
    """A smooth ReLU that dips below zero before it closes."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        _sigmoid(z, out)
        out *= z  # y = z·σ(z)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        _sigmoid(z, out)
        rest = np.subtract(1, out)
        rest *= y
        out += rest
        out *= dy  # dz = dy·(σ(z) + y(1 − σ(z)))


def _sigmoid(z: Array, out: Array) -> None:
    np.multiply(z, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5  # σ(z) = (1 + tanh(z/2)) / 2, which cannot overflow
