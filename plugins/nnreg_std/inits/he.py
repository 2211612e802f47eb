"""He: normal weights that keep the variance of the signal through layers of ReLU.

    W ~ N(0, 2/fan_in)

Source: He, K., Zhang, X., Ren, S. & Sun, J. (2015), "Delving Deep into Rectifiers: Surpassing Human-Level Performance
on ImageNet Classification", equation 10. https://arxiv.org/abs/1502.01852

Conventions: the second argument of N is the variance, so the standard deviation is √(2/fan_in), not 2/√fan_in as some
textbooks print. Also called Kaiming, after the author's first name. Keras's HeNormal truncates the distribution at two
standard deviations, here it has its full tails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init


@dataclass(frozen=True)
class He(Init):
    """LeCun's rule doubled, because ReLU silences half of what arrives."""

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        fan_in, _ = weight.shape
        weight[...] = math.sqrt(2 / fan_in) * rng.standard_normal(weight.shape)  # W ~ N(0, 2/fan_in)
