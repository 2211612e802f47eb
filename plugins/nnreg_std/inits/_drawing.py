"""Weights of a chosen variance, drawn from either of two distributions.

W ~ N(0, variance)                                   "normal"
W ~ U(−√(3·variance), √(3·variance))                 "uniform"
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from nnreg.contracts import Array

Distribution = Literal["normal", "uniform"]


def draw(weight: Array, variance: float, distribution: Distribution, rng: np.random.Generator) -> None:
    """Fill ``weight`` in place; drawn in float64 and rounded, so that float32 and float64 runs start from the same numbers.

    Args:
        weight: float array of any shape, written.
        variance: of one weight, in [0, inf).
        distribution: "normal", or "uniform" of the same variance.
        rng: the stream, advanced.
    """
    if distribution == "normal":
        weight[...] = math.sqrt(variance) * rng.standard_normal(weight.shape)  # W ~ N(0, variance)
    else:
        weight[...] = math.sqrt(3 * variance) * rng.uniform(-1, 1, weight.shape)  # W ~ U(−√(3·variance), √(3·variance))
