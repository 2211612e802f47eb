"""Noise: every feature is a little off, another way each time.

    x′ = x + σ ε,   ε ~ N(0, 1)

Source: Bishop, C. M. (1995), "Training with Noise is Equivalent to Tikhonov Regularization", Neural Computation 7(1), eq. 2,
https://doi.org/10.1162/neco.1995.7.1.108; Sietsma, J. & Dow, R. (1991), "Creating artificial neural networks that generalize".

Conventions: σ is in units of the features as the network sees them: pixels lie in [0, 1], standardised columns have a spread
of 1. What leaves [0, 1] is not cut off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets, check_range


@dataclass
class Noise(Augmentation):
    """Adds Gaussian noise to the features, so that near rows must have near answers.

    Args:
        std: σ, the spread of the noise, in [0, inf).

    Raises:
        ValueError: std is out of its range.
    """

    std: float = 0.1
    search = {"std": (0.01, 1.0)}  # noqa: RUF012 - one for all, never written

    def __post_init__(self) -> None:
        check_range(self, std="[0, inf)")

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Add noise in place."""
        noise = rng.standard_normal(x.shape, np.float32).astype(x.dtype, copy=False)  # ε, the same in every precision
        noise *= self.std
        x += noise  # x′ = x + σ ε
        return x, y
