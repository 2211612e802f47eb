"""Saddle: a ridge that falls towards a saddle point, with a minimum on either side.

    f(x, y) = x²/2 + y⁴/4 − y²/2

Source: Nesterov, Y. (2004), "Introductory Lectures on Convex Optimization", example 1.2.2: gradient descent from (1, 0) ends
at the saddle (0, 0). https://doi.org/10.1007/978-1-4419-8853-9

Conventions: the start is a thousandth beside the ridge, since on it no rule can leave. The textbook x² − y² has no minimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface


@dataclass(frozen=True)
class Saddle(Surface):
    """The slope vanishes where there is no minimum, and rules linger."""

    start = (1.0, 0.001)
    domain = ((-1.5, 1.5), (-1.5, 1.5))
    minima = ((0.0, 1.0), (0.0, -1.0))

    def value(self, points: Array) -> Array:
        """Return the height."""
        x, y = points[..., 0], points[..., 1]
        return x**2 / 2 + y**4 / 4 - y**2 / 2  # x²/2 + y⁴/4 − y²/2

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        x, y = points[..., 0], points[..., 1]
        return np.stack((x, y**3 - y), axis=-1)  # (x, y³ − y)
