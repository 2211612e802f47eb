"""Beale: a nearly flat basin between cliffs at the corners.

    f(x, y) = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²

Source: Beale, E. M. L. (1958), "On an Iterative Method for Finding a Local Minimum of a Function of More than One Variable";
start and minimum from Moré, J. J., Garbow, B. S. & Hillstrom, K. E. (1981), "Testing Unconstrained Optimization Software",
problem 5. https://doi.org/10.1145/355934.355936
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Beale(Surface):
    """Slopes from nearly nothing to enormous: one learning rate fits hardly anywhere."""

    start = (1.0, 1.0)
    domain = ((-4.5, 4.5), (-4.5, 4.5))
    minima = ((3.0, 0.5),)

    def value(self, points: Array) -> Array:
        """Return the height."""
        a, b, c = self._residuals(points)
        return a**2 + b**2 + c**2  # a² + b² + c²

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        x, y = points[..., 0], points[..., 1]
        a, b, c = self._residuals(points)
        dx = 2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1))  # ∂f/∂x = 2(a(y − 1) + b(y² − 1) + c(y³ − 1))
        dy = 2 * x * (a + 2 * b * y + 3 * c * y**2)  # ∂f/∂y = 2x(a + 2by + 3cy²)
        return np.stack((dx, dy), axis=-1)

    def _residuals(self, points: Array) -> tuple[Array, Array, Array]:
        x, y = points[..., 0], points[..., 1]
        return 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
