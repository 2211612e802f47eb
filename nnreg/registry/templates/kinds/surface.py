"""MyRule: a bowl that is steeper one way than the other.

    f(x, y) = ½ (x² + κy²)
    ∇f = (x, κy)

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface, check_range


@dataclass(frozen=True)
class MyRule(Surface):
    """One sentence on what a descent meets here: a valley whose walls are κ times as steep as its floor.

    Args:
        condition: κ, in [1, inf).

    Raises:
        ValueError: condition is out of its range.
    """

    condition: float = 10.0

    start = (-3.0, 1.0)
    domain = ((-4.0, 4.0), (-2.0, 2.0))
    minima = ((0.0, 0.0),)

    def __post_init__(self) -> None:
        check_range(self, condition="[1, inf)")

    @property
    def largest_curvature(self) -> float:
        """Return κ, the Hessian's largest eigenvalue everywhere."""
        return self.condition

    def value(self, points: Array) -> Array:
        """Return f for each point."""
        x, y = points[..., 0], points[..., 1]
        return 0.5 * (x * x + self.condition * y * y)  # f(x, y) = ½ (x² + κy²)

    def gradient(self, points: Array) -> Array:
        """Return ∇f for each point."""
        return points * np.array([1, self.condition], points.dtype)  # ∇f = (x, κy)
