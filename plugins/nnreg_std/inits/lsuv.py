"""LSUV: layer-sequential unit variance, orthogonal weights scaled by what a batch makes of them, layer after layer.

    W_l orthogonal
    while |Var(B_l) − 1| ≥ tolerance, at most ``attempts`` times:   W_l ← W_l / √Var(B_l)
    where B_l = x_l W_l + b_l is what layer l puts out for a batch, before norm and activation; l = 1, 2, ... in turn

Source: Mishkin, D. & Matas, J. (2016), "All you need is a good init", Algorithm 1. https://arxiv.org/abs/1511.06422

Conventions: the paper's tolerance is 0.1 and its most attempts 10; the tolerance is 0.01 here, so that the standard deviation
is 1.00 in every layer: without a bias the first attempt makes it so. The batch is the first training rows, as many as a batch
has; no stream is drawn from. The variance is that over rows and units. A layer that puts out the same number for all is left
as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, Untrained, check_range
from nnreg_std.inits.orthogonal import Orthogonal


@dataclass(frozen=True)
class LSUV(Init):
    """Formulas guess what an activation does to a signal; this looks, and corrects.

    Args:
        tolerance: of the variance, in (0, 1).
        attempts: most divisions of a layer's weights, in [1, inf).

    Raises:
        ValueError: a parameter is out of its range.
    """

    tolerance: float = 0.01
    attempts: int = 10

    def __post_init__(self) -> None:
        check_range(self, tolerance="(0, 1)", attempts="[1, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw orthogonal weights."""
        Orthogonal().fill(weight, rng)

    def settle(self, network: Untrained, batch: Array) -> None:
        """Scale the weights of one layer after the other."""
        for name, weight in network.weights.items():
            for _ in range(self.attempts):
                variance = float(network.outputs(name, batch).var(dtype=np.float64))
                if abs(variance - 1) < self.tolerance or not 0 < variance < math.inf:
                    break
                weight /= math.sqrt(variance)  # W_l ← W_l / √Var(B_l)
