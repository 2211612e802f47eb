"""RotatedQuadratic: a valley of any narrowness that need not lie along an axis.

    f(x, y) = u²/κ + v²,  u = x cos α + y sin α,  v = y cos α − x sin α

Source: Goh, G. (2017), "Why Momentum Really Works", the convex quadratic. https://doi.org/10.23915/distill.00006

Conventions: the larger curvature is 2 whatever κ; κ = 20, α = 0 is ``quadratic``. The start turns with the valley.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnreg.contracts import Array, Surface, check_range


@dataclass(frozen=True)
class RotatedQuadratic(Surface):
    """How a rule copes with narrowness, and whether it relies on the valley lying along an axis.

    Args:
        condition: κ, curvature across over curvature along the valley, in [1, inf).
        angle: α, from the x axis to the valley, in degrees, in [-180, 180].

    Raises:
        ValueError: a parameter is out of its range.
    """

    condition: float = 20.0
    angle: float = 45.0
    domain = ((-10.0, 10.0), (-10.0, 10.0))
    minima = ((0.0, 0.0),)
    largest_curvature = 2.0

    def __post_init__(self) -> None:
        check_range(self, condition="[1, inf)", angle="[-180, 180]")

    @property
    def start(self) -> tuple[float, float]:
        """The point u = -7, v = 2."""
        return self._turned(-7.0, 2.0, -1)

    def value(self, points: Array) -> Array:
        """Return the height."""
        u, v = self._turned(points[..., 0], points[..., 1])
        height: Array = u**2 / self.condition + v**2  # u²/κ + v²
        return height

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        u, v = self._turned(points[..., 0], points[..., 1])
        return np.stack(self._turned(2 / self.condition * u, 2 * v, -1), axis=-1)  # (2u/κ, 2v), turned back

    def _turned(self, x: Any, y: Any, sense: int = 1) -> tuple[Any, Any]:
        cos, sin = math.cos(math.radians(self.angle)), sense * math.sin(math.radians(self.angle))
        return x * cos + y * sin, y * cos - x * sin  # u = x cos α + y sin α, v = y cos α − x sin α
