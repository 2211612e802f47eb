"""LeCun: weights that keep the variance of the signal from layer to layer.

    W ~ N(0, 1/fan_in)                             distribution=normal
    W ~ U(−√(3/fan_in), √(3/fan_in))               distribution=uniform

Source: LeCun, Y., Bottou, L., Orr, G. & Müller, K.-R. (1998), "Efficient BackProp", section 4.6, equation 16.
http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf

Conventions: the second argument of N is the variance; the uniform distribution has the same. Several textbooks call this
rule Xavier; Keras's LecunNormal truncates the distribution at two standard deviations, here it has its full tails. A
bias counts as a weight of one input, fan_in = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnreg.contracts import Array, Init, check_choices
from nnreg_std.inits._drawing import draw


@dataclass(frozen=True)
class LeCun(Init):
    """A unit's input has the variance of one feature, however many features it sums.

    Args:
        distribution: "normal", or "uniform" of the same variance.

    Raises:
        ValueError: distribution is neither.
    """

    distribution: Literal["normal", "uniform"] = "normal"

    def __post_init__(self) -> None:
        check_choices(self)

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw the starting weights."""
        fan_in, _ = weight.shape
        draw(weight, 1 / fan_in, self.distribution, rng)  # Var W = 1/fan_in
