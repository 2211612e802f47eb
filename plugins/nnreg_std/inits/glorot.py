"""Glorot: weights that balance the variance of the signal forwards and of the gradient backwards.

    W ~ N(0, 2/(fan_in + fan_out))                                   distribution=normal
    W ~ U(−√(6/(fan_in + fan_out)), √(6/(fan_in + fan_out)))         distribution=uniform

Source: Glorot, X. & Bengio, Y. (2010), "Understanding the difficulty of training deep feedforward neural networks",
equation 12 for the variance, 16 for the uniform form. https://proceedings.mlr.press/v9/glorot10a.html

Conventions: also called Xavier, after the author's first name. The second argument of N is the variance. The paper
draws from the uniform distribution, and so does Keras by default; torch has both. What several textbooks call Xavier,
N(0, 1/fan_in), is LeCun's rule: it is mode=fan_in here. A bias counts as a weight of one input, fan_in = 1;
a filter of a convolution reaches as many outputs as its positions and channels are, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnreg.contracts import Array, Init, Place, check_choices
from nnreg_std.inits._drawing import draw


@dataclass(frozen=True)
class Glorot(Init):
    """A compromise between what the forward and the backward pass want of the weights.

    Args:
        mode: "fan_avg" averages inputs and outputs as the paper does, "fan_in" counts inputs only.
        distribution: "normal", or "uniform" of the same variance.

    Raises:
        ValueError: mode or distribution is none of these.
    """

    mode: Literal["fan_avg", "fan_in"] = "fan_avg"
    distribution: Literal["normal", "uniform"] = "normal"

    def __post_init__(self) -> None:
        check_choices(self)

    def fill(self, weight: Array, rng: np.random.Generator, place: Place | None = None) -> None:
        """Draw the starting weights."""
        fan_in, fan_out = weight.shape if place is None else (place.fan_in, place.fan_out)
        variance = 2 / (fan_in + fan_out) if self.mode == "fan_avg" else 1 / fan_in  # Var W = 2/(fan_in + fan_out)
        draw(weight, variance, self.distribution, rng)
