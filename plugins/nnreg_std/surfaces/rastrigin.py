"""Rastrigin: a bowl covered with a regular pattern of dents, one local minimum in each.

    f(x, y) = 20 + x² − 10 cos 2πx + y² − 10 cos 2πy

Source: Rastrigin, L. A. (1974), "Systems of Extremal Control", in two dimensions; the form in use is from Mühlenbein, H.,
Schomisch, M. & Born, J. (1991), "The Parallel Genetic Algorithm as Function Optimizer".
https://doi.org/10.1016/S0167-8191(05)80052-3
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Rastrigin(Surface):
    """A hundred traps on the way down: only a rule with momentum or long steps leaves the first."""

    start = (-3.4, 2.7)
    domain = ((-5.12, 5.12), (-5.12, 5.12))
    minima = ((0.0, 0.0),)

    def value(self, points: Array) -> Array:
        """Return the height."""
        x, y = points[..., 0], points[..., 1]
        height: Array = 20 + x**2 - 10 * np.cos(2 * math.pi * x) + y**2 - 10 * np.cos(2 * math.pi * y)  # 20 + x² − 10 cos 2πx …
        return height

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        slopes: Array = 2 * points + 20 * math.pi * np.sin(2 * math.pi * points)  # ∂f/∂x = 2x + 20π sin 2πx
        return slopes
