"""Glorot: normal weights that balance the variance of the signal forwards and of the gradient backwards.

    W ~ N(0, 2/(fan_in + fan_out))

Source: Glorot, X. & Bengio, Y. (2010), "Understanding the difficulty of training deep feedforward neural networks",
equation 12. https://proceedings.mlr.press/v9/glorot10a.html

Conventions: also called Xavier, after the author's first name. The second argument of N is the variance. The paper
draws from a uniform distribution of this variance (equation 16), Keras and torch offer both. What several textbooks
call Xavier, N(0, 1/fan_in), is LeCun's rule: it is mode=fan_in here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnreg.contracts import Array, Init


@dataclass(frozen=True)
class Glorot(Init):
    """A compromise between what the forward and the backward pass want of the weights.

    Args:
        mode: "fan_avg" averages inputs and outputs as the paper does, "fan_in" counts inputs only.

    Raises:
        ValueError: mode is neither.
    """

    mode: Literal["fan_avg", "fan_in"] = "fan_avg"

    def __post_init__(self) -> None:
        if self.mode not in ("fan_avg", "fan_in"):
            raise ValueError(f"mode must be 'fan_avg' or 'fan_in', got {self.mode!r}")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        fan_in, fan_out = weight.shape
        variance = 2 / (fan_in + fan_out) if self.mode == "fan_avg" else 1 / fan_in
        weight[...] = math.sqrt(variance) * rng.standard_normal(weight.shape)  # W ~ N(0, 2/(fan_in + fan_out))
