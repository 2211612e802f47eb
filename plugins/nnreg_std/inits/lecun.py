"""LeCun: normal weights that keep the variance of the signal from layer to layer.

    W ~ N(0, 1/fan_in)

Source: LeCun, Y., Bottou, L., Orr, G. & Müller, K.-R. (1998), "Efficient BackProp", section 4.6, equation 16.
http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf

Conventions: the second argument of N is the variance. Several textbooks call this one Xavier; Keras's LecunNormal
truncates the distribution at two standard deviations, here it has its full tails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init


@dataclass(frozen=True)
class LeCun(Init):
    """A unit's input has the variance of one feature, however many features it sums."""

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        fan_in, _ = weight.shape
        weight[...] = math.sqrt(1 / fan_in) * rng.standard_normal(weight.shape)  # W ~ N(0, 1/fan_in)
