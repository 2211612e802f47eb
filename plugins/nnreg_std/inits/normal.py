"""Normal: weights from a normal distribution of one fixed width, whatever the layer's size.

    W ~ N(0, σ²)

Source: Krizhevsky, A., Sutskever, I. & Hinton, G. (2012), "ImageNet Classification with Deep Convolutional Neural
Networks", section 5, σ = 0.01. https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html

Conventions: the second argument of N is the variance. Keras's RandomNormal has σ = 0.05 by default, torch's normal_ has
σ = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class Normal(Init):
    """Small random numbers of one size for all layers: signals fade or saturate with depth.

    Args:
        std: standard deviation σ of a weight, in [0, inf); 0 makes every weight zero.

    Raises:
        ValueError: std is out of its range.
    """

    std: float = 0.01

    def __post_init__(self) -> None:
        check_range(self, std="[0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        weight[...] = self.std * rng.standard_normal(weight.shape)  # W ~ N(0, σ²)
