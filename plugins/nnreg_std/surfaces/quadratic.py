"""Quadratic: a long valley along x, twenty times as steep across as along.

    f(x, y) = x²/20 + y²

Source: Saitoh, K. (2016), "Deep Learning from Scratch", section 6.1, where it shows why plain gradient descent zigzags.
https://www.oreilly.co.jp/books/9784873117584/

Conventions: the curvatures are 1/10 and 2, so the condition number is 20 and gradient descent is stable for lr < 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Quadratic(Surface):
    """The gradient points across the valley, hardly along it: where plain descent zigzags."""

    start = (-7.0, 2.0)
    domain = ((-10.0, 10.0), (-10.0, 10.0))
    minima = ((0.0, 0.0),)
    largest_curvature = 2.0

    def value(self, points: Array) -> Array:
        """Return the height."""
        x, y = points[..., 0], points[..., 1]
        return x**2 / 20 + y**2  # x²/20 + y²

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        x, y = points[..., 0], points[..., 1]
        return np.stack((x / 10, 2 * y), axis=-1)  # (x/10, 2y)
