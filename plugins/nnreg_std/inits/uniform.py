"""Uniform: weights from a uniform distribution of one fixed width, whatever the layer's size.

    W ~ U(−limit, limit)

Source: Sutskever, I., Vinyals, O. & Le, Q. (2014), "Sequence to Sequence Learning with Neural Networks", section 3.4,
limit = 0.08. https://arxiv.org/abs/1409.3215

Conventions: the variance is limit²/3. Keras's RandomUniform has limit = 0.05 by default, torch's uniform_ draws from
[0, 1). For a width that follows the layer's size: init=lecun, glorot or he with distribution=uniform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class Uniform(Init):
    """Small random numbers, none beyond a limit, of one size for all layers.

    Args:
        limit: largest absolute value of a weight, in [0, inf); 0 makes every weight zero.

    Raises:
        ValueError: limit is out of its range.
    """

    limit: float = 0.08

    def __post_init__(self) -> None:
        check_range(self, limit="[0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        weight[...] = self.limit * rng.uniform(-1, 1, weight.shape)  # W ~ U(−limit, limit)
