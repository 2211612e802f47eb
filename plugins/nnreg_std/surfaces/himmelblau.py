"""Himmelblau: four minima of the same depth around a hill.

    f(x, y) = (x² + y − 11)² + (x + y² − 7)²

Source: Himmelblau, D. M. (1972), "Applied Nonlinear Programming", McGraw-Hill.
https://en.wikipedia.org/wiki/Himmelblau%27s_function
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Himmelblau(Surface):
    """Which of four equal minima is found depends on the rule as much as on the start."""

    start = (0.0, 0.0)
    domain = ((-5.0, 5.0), (-5.0, 5.0))
    minima = (
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    )

    def value(self, points: Array) -> Array:
        """Return the height."""
        a, b = self._residuals(points)
        return a**2 + b**2  # (x² + y − 11)² + (x + y² − 7)²

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        x, y = points[..., 0], points[..., 1]
        a, b = self._residuals(points)
        return np.stack((4 * x * a + 2 * b, 2 * a + 4 * y * b), axis=-1)  # (4xa + 2b, 2a + 4yb)

    def _residuals(self, points: Array) -> tuple[Array, Array]:
        x, y = points[..., 0], points[..., 1]
        return x**2 + y - 11, x + y**2 - 7
