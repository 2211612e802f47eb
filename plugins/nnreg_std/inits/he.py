"""He: weights that keep the variance of the signal through layers of ReLU.

    W ~ N(0, 2/fan_in)                             distribution=normal
    W ~ U(−√(6/fan_in), √(6/fan_in))               distribution=uniform

Source: He, K., Zhang, X., Ren, S. & Sun, J. (2015), "Delving Deep into Rectifiers: Surpassing Human-Level Performance
on ImageNet Classification", equations 10 (fan_in) and 14 (fan_out). https://arxiv.org/abs/1502.01852

Conventions: the second argument of N is the variance, so the standard deviation is √(2/fan_in), not 2/√fan_in as some
textbooks print. Also called Kaiming, after the author's first name. Keras's HeNormal truncates the distribution at two
standard deviations, here it has its full tails; torch's kaiming_uniform_ is the uniform form, but torch's Linear calls it
with a = √5 and so starts with a variance six times smaller. A bias counts as a weight of one input, fan_in = 1;
a filter of a convolution reaches as many outputs as its positions and channels are, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnreg.contracts import Array, Init, Place, check_choices
from nnreg_std.inits._drawing import draw


@dataclass(frozen=True)
class He(Init):
    """LeCun's rule doubled, because ReLU silences half of what arrives.

    Args:
        mode: "fan_in" keeps the variance of the signal forwards, "fan_out" that of the gradient backwards.
        distribution: "normal", or "uniform" of the same variance.

    Raises:
        ValueError: mode or distribution is none of these.
    """

    mode: Literal["fan_in", "fan_out"] = "fan_in"
    distribution: Literal["normal", "uniform"] = "normal"

    def __post_init__(self) -> None:
        check_choices(self)

    def fill(self, weight: Array, rng: np.random.Generator, place: Place | None = None) -> None:
        """Draw the starting weights."""
        fan_in, fan_out = weight.shape if place is None else (place.fan_in, place.fan_out)
        fan = fan_in if self.mode == "fan_in" else fan_out
        draw(weight, 2 / fan, self.distribution, rng)  # Var W = 2/fan
