"""Rosenbrock: a bent valley with steep walls and a floor that hardly falls.

    f(x, y) = (1 − x)² + 100(y − x²)²

Source: Rosenbrock, H. H. (1960), "An Automatic Method for Finding the Greatest or Least Value of a Function", The Computer
Journal 3, 175–184. https://doi.org/10.1093/comjnl/3.3.175
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Rosenbrock(Surface):
    """Finding the valley is easy; following it around the bend to the minimum is not."""

    start = (-1.2, 1.0)
    domain = ((-2.0, 2.0), (-1.0, 3.0))
    minima = ((1.0, 1.0),)

    def value(self, points: Array) -> Array:
        """Return the height."""
        x, y = points[..., 0], points[..., 1]
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2  # (1 − x)² + 100(y − x²)²

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        x, y = points[..., 0], points[..., 1]
        dy = 200 * (y - x**2)  # ∂f/∂y = 200(y − x²)
        return np.stack((-2 * (1 - x) - 2 * x * dy, dy), axis=-1)  # ∂f/∂x = −2(1 − x) − 400x(y − x²)
