"""TruncatedNormal: normal weights without the rare large ones, cut at two standard deviations.

    p ~ U(Φ(−2), Φ(2))
    W = σ·Φ⁻¹(p)                  which is N(0, σ²) given |W| ≤ 2σ

Source: Devlin, J., Chang, M.-W., Lee, K. & Toutanova, K. (2018), "BERT: Pre-training of Deep Bidirectional
Transformers", https://arxiv.org/abs/1810.04805, whose published code has σ = 0.02. The draw inverts the distribution
function: Devroye, L. (1986), "Non-Uniform Random Variate Generation", section II.2.

Conventions: σ belongs to the normal distribution before the cut, as in Keras's TruncatedNormal and torch's
trunc_normal_; the standard deviation after it is 0.8796 σ. (Keras's HeNormal and its like divide by 0.8796 to make up
for that.) Keras has σ = 0.05 by default; torch has σ = 1 and cuts at ±2, whatever σ is. One draw a weight: nothing is
drawn again, so the stream advances by the same amount always.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from nnreg.contracts import Array, Init, check_range

CUT = 2.0  # standard deviations


@dataclass(frozen=True)
class TruncatedNormal(Init):
    """Small random numbers of one size for all layers, with no unit far from the others.

    Args:
        std: standard deviation σ before the cut, in [0, inf); no weight is larger than 2σ.

    Raises:
        ValueError: std is out of its range.
    """

    std: float = 0.02

    def __post_init__(self) -> None:
        check_range(self, std="[0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        normal = NormalDist()
        p = rng.uniform(normal.cdf(-CUT), normal.cdf(CUT), weight.size)  # p ~ U(Φ(−2), Φ(2))
        quantiles = np.fromiter(map(normal.inv_cdf, p.tolist()), float, p.size)
        weight[...] = self.std * quantiles.reshape(weight.shape)  # W = σ·Φ⁻¹(p)
