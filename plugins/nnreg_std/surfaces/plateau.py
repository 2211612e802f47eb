"""Plateau: flat ground with a well in it, whose slope is soon too small to feel.

    f(x, y) = 1 − exp(−(x² + y²) / 2)

Source: Welsch's robust loss of the distance to the origin, as in Barron, J. T. (2019), "A General and Adaptive Robust Loss
Function", section 1. https://arxiv.org/abs/1701.03077
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Plateau(Surface):
    """The gradient points the right way and is hardly there, as in a saturated network."""

    start = (-3.0, 2.0)
    domain = ((-4.0, 4.0), (-4.0, 4.0))
    minima = ((0.0, 0.0),)

    def value(self, points: Array) -> Array:
        """Return the height."""
        height: Array = -np.expm1(-np.square(points).sum(axis=-1) / 2)  # 1 − exp(−(x² + y²) / 2)
        return height

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        slopes: Array = points * np.exp(-np.square(points).sum(axis=-1, keepdims=True) / 2)  # (x, y) · exp(−(x² + y²) / 2)
        return slopes
