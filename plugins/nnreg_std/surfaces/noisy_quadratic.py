"""NoisyQuadratic: a valley whose slopes are those around a point that is drawn anew for each step, as of a mini-batch.

    f(x, y) = E[(x − c₁)²/κ + (y − c₂)²] − const = x²/κ + y²,  c₁, c₂ ~ N(0, σ²)
    g = (2(x − c₁)/κ, 2(y − c₂))

Source: Schaul, T., Zhang, S. & LeCun, Y. (2013), "No More Pesky Learning Rates", section 3, https://arxiv.org/abs/1206.1106;
Wu, Y., Ren, M., Liao, R. & Grosse, R. (2018), "Understanding Short-Horizon Bias in Stochastic Meta-Optimization", section 2.
https://arxiv.org/abs/1803.02021

Conventions: curvatures are 2/κ and 2, as of ``rotated_quadratic``; the papers write h/2. The height is the expected one, less
a constant that no rule can go below. Plain descent with learning rate η ends, along curvature h, in a cloud of variance
σ² ηh / (2 − ηh): a smaller rate ends nearer, and later. A rule that looks again at a step sees the same c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Surface, check_range


@dataclass(frozen=True)
class NoisyQuadratic(Surface):
    """Where a constant learning rate is never done: only a smaller one ends nearer.

    Args:
        condition: κ, curvature across over curvature along the valley, in [1, inf).
        noise: σ, standard deviation of the point that a step's bowl stands around, in [0, inf).

    Raises:
        ValueError: a parameter is out of its range.
    """

    condition: float = 20.0
    noise: float = 1.0
    start = (-7.0, 2.0)
    domain = ((-10.0, 10.0), (-10.0, 10.0))
    minima = ((0.0, 0.0),)
    largest_curvature = 2.0

    def __post_init__(self) -> None:
        check_range(self, condition="[1, inf)", noise="[0, inf)")

    def value(self, points: Array) -> Array:
        """Return the expected height."""
        height: Array = points[..., 0] ** 2 / self.condition + points[..., 1] ** 2  # x²/κ + y²
        return height

    def gradient(self, points: Array, rng: np.random.Generator | None = None) -> Array:
        """Return the slopes around a point that is drawn, or the expected ones."""
        if rng is not None:
            points = points - (self.noise * rng.standard_normal(points.shape)).astype(points.dtype)  # (x, y) − c
        return np.stack([2 / self.condition * points[..., 0], 2 * points[..., 1]], axis=-1)  # g
