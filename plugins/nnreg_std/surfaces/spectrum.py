"""Spectrum: a convex quadratic in any number of dimensions, whose curvatures are spread as one chooses.

    f(x) = ½ Σᵢ λᵢxᵢ²,  ∂f/∂xᵢ = λᵢxᵢ,  1/κ = λ₁ ≤ … ≤ λₙ = 1
    log: λᵢ = κ^(−(n−i)/(n−1))    linear: λᵢ = 1/κ + (1 − 1/κ)(i−1)/(n−1)    power: λᵢ = (n−i+1)^(−ln κ / ln n)

Source: Zhang, G., Li, L., Nado, Z., Martens, J. et al. (2019), "Which Algorithmic Choices Matter at Which Batch Sizes? Insights
From a Noisy Quadratic Model", whose curvatures 1, 1/2, …, 1/n are ``shape=power`` with condition = dimension.
https://arxiv.org/abs/1907.04164

Conventions: the axes are those of the curvatures; ``rotated_quadratic`` is turned. The largest curvature is 1 whatever κ, so
plain descent is stable for lr < 2, and xᵢ(t) = (1 − lr λᵢ)ᵗ. All coordinates begin at 1, so the steep ones have most of the
height. In one dimension the curvature is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from nnreg.contracts import Array, Surface, check_choices, check_range


@dataclass(frozen=True)
class Spectrum(Surface):
    """Steep directions are done with soon, flat ones last: their spread says how late.

    Args:
        dimension: n, number of coordinates, in [1, 1000].
        condition: κ, largest curvature over the smallest, in [1, 1e12].
        shape: how curvatures lie between 1/κ and 1: evenly in their logarithm, evenly, or by a power law, most of them small.

    Raises:
        ValueError: a parameter is out of its range.
    """

    dimension: int = 20
    condition: float = 100.0
    shape: Literal["log", "linear", "power"] = "log"
    largest_curvature = 1.0

    def __post_init__(self) -> None:
        check_range(self, dimension="[1, 1000]", condition="[1, 1e12]")
        check_choices(self)

    @property
    def start(self) -> tuple[float, ...]:
        """The point (1, …, 1)."""
        return (1.0,) * self.dimension

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """From -2 to 2 along each axis."""
        return ((-2.0, 2.0),) * self.dimension

    @property
    def minima(self) -> tuple[tuple[float, ...], ...]:
        """The origin."""
        return ((0.0,) * self.dimension,)

    @cached_property
    def curvatures(self) -> Array:
        """λ, ascending, float64 array (n,), read."""
        n, κ = self.dimension, self.condition
        if n == 1:
            return np.ones(1)
        if self.shape == "power":
            power: Array = np.arange(n, 0.0, -1) ** (-np.log(κ) / np.log(n))
            return power  # (n−i+1)^(−ln κ / ln n)
        return np.geomspace(1 / κ, 1, n) if self.shape == "log" else np.linspace(1 / κ, 1, n)

    def value(self, points: Array) -> Array:
        """Return the height."""
        height: Array = (0.5 * self.curvatures.astype(points.dtype) * points**2).sum(axis=-1)  # ½ Σ λᵢxᵢ²
        return height

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        return self.curvatures.astype(points.dtype) * points  # λᵢxᵢ
