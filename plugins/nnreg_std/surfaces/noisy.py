"""Noisy: any surface, whose slopes are seen through noise that is drawn anew for each step, as of a mini-batch.

    g = ∇f(θ) + ε,  ε ~ N(0, σ²) in each coordinate

Source: Robbins, H. & Monro, S. (1951), "A Stochastic Approximation Method", Annals of Mathematical Statistics 22(3), 400–407,
https://doi.org/10.1214/aoms/1177729586; Bottou, L., Curtis, F. E. & Nocedal, J. (2018), "Optimization Methods for Large-Scale
Machine Learning", section 4, where noise of bounded variance is what keeps a constant learning rate from arriving.
https://arxiv.org/abs/1606.04838

Conventions: the noise is as large everywhere; that of a mini-batch falls where all its rows agree. The height is that of the
surface inside. A rule that looks again at a step sees the same ε.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface, check_range, slot
from nnreg.contracts.objective import Interval, Point, is_noisy


@dataclass(frozen=True)
class Noisy(Surface):
    """Any surface as a mini-batch shows it: downhill only on average.

    Args:
        inner: surface whose slopes are disturbed.
        noise: σ, standard deviation of what is added to each slope, in [0, inf).

    Raises:
        ValueError: a parameter is out of its range.
    """

    inner: Surface = slot("quadratic")
    noise: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, noise="[0, inf)")

    @property
    def start(self) -> Point:
        """That of the surface inside."""
        return self.inner.start

    @property
    def domain(self) -> tuple[Interval, ...]:
        """That of the surface inside."""
        return self.inner.domain

    @property
    def minima(self) -> tuple[Point, ...]:
        """Those of the surface inside."""
        return self.inner.minima

    @property
    def largest_curvature(self) -> float | None:
        """That of the surface inside."""
        return self.inner.largest_curvature

    def value(self, points: Array) -> Array:
        """Return the height of the surface inside."""
        return self.inner.value(points)

    def gradient(self, points: Array, rng: np.random.Generator | None = None) -> Array:
        """Return the slopes with noise that is drawn, or the expected ones."""
        if rng is None:
            return self.inner.gradient(points)
        slopes: Array = self.inner.gradient(points, rng=rng) if is_noisy(self.inner) else self.inner.gradient(points)  # type: ignore[call-arg] # a noisy one takes it
        noise: Array = (self.noise * rng.standard_normal(points.shape)).astype(points.dtype)
        return slopes + noise  # g = ∇f(θ) + ε
