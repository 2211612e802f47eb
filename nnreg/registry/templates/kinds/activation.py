"""MyRule: a curve from −1 to 1 without an exponential.

    y = z / (1 + |z|)
    dz = dy / (1 + |z|)²

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class MyRule(Activation):
    """One sentence of intuition: like tanh, but its tails saturate slowly."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.divide(z, 1 + np.abs(z), out=out)  # y = z / (1 + |z|)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.divide(dy, np.square(1 + np.abs(z)), out=out)  # dz = dy / (1 + |z|)²
