"""Ackley: a wide, wavy plain with one deep funnel at the centre.

    r = √((x² + y²) / 2)
    f(x, y) = 20 + e − 20 exp(−r/5) − exp((cos 2πx + cos 2πy) / 2)

Source: Ackley, D. H. (1987), "A Connectionist Machine for Genetic Hillclimbing".
https://doi.org/10.1007/978-1-4613-1997-9

Conventions: the tip of the funnel is a kink, where no gradient is defined; zero is returned there. The value is computed
from exp(…) − 1 of small arguments, so that it is exactly zero at the tip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Ackley(Surface):
    """Far out the slope says little about where the funnel is; close by, waves are in the way."""

    start = (-2.6, 1.7)
    domain = ((-5.0, 5.0), (-5.0, 5.0))
    minima = ((0.0, 0.0),)

    def value(self, points: Array) -> Array:
        """Return the height."""
        waves = (np.cos(2 * math.pi * points[..., 0]) + np.cos(2 * math.pi * points[..., 1])) / 2
        height: Array = -20 * np.expm1(-self._radius(points) / 5) - math.e * np.expm1(waves - 1)  # 20 + e − 20 exp(−r/5) − …
        return height

    def gradient(self, points: Array) -> Array:
        """Return the slopes; zero at the tip."""
        r = self._radius(points)[..., None]
        waves = np.cos(2 * math.pi * points).sum(axis=-1, keepdims=True) / 2
        outwards = np.divide(points, r, out=np.zeros_like(points), where=r > 0)  # 2 ∂r/∂x = x / r
        slopes: Array = 2 * np.exp(-r / 5) * outwards + math.pi * np.exp(waves) * np.sin(2 * math.pi * points)
        return slopes

    def _radius(self, points: Array) -> Array:
        radius: Array = np.hypot(points[..., 0], points[..., 1]) * math.sqrt(0.5)  # r = √((x² + y²) / 2)
        return radius
