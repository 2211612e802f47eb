"""GELU: the input times the probability that a standard normal number is smaller.

    y = z·Φ(z)
    dz = dy·(Φ(z) + z·Φ′(z)),  Φ′(z) = exp(−z²/2)/√(2π)
    Φ(z) ≈ (1 + tanh u)/2,  u = √(2/π)·(z + 0.044715 z³)        approximate=tanh

Source: Hendrycks, D. & Gimpel, K. (2016), "Gaussian Error Linear Units (GELUs)". https://arxiv.org/abs/1606.08415

Conventions: torch has the same choice and default; JAX's default is the tanh form, which differs by up to 0.0005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnreg.contracts import Activation, Array, check_choices
from nnreg_std.activations._normal_cdf import FAR, normal_cdf


@dataclass(frozen=True)
class GELU(Activation):
    """A gate that opens by degrees: smooth where ReLU has its kink, slightly negative before.

    Args:
        approximate: "none" for the exact Φ, "tanh" for the paper's approximation of it.

    Raises:
        ValueError: approximate is neither.
    """

    approximate: Literal["none", "tanh"] = "none"

    def __post_init__(self) -> None:
        check_choices(self)

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        self._cdf(z, out)
        out *= z  # y = z·Φ(z)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        out += self._cdf(z, out)
        out *= dy  # dz = dy·(Φ(z) + z·Φ′(z))

    def _cdf(self, z: Array, out: Array) -> Array:
        """Write Φ(z) to ``out`` and return z·Φ′(z)."""
        near: Array = np.clip(z, -FAR, FAR)
        if self.approximate == "none":
            normal_cdf(z, out=out)
            near *= np.exp(near * near * -0.5) * (1 / math.sqrt(2 * math.pi))
        else:
            t = np.tanh(near * (1 + 0.044715 * near * near) * math.sqrt(2 / math.pi))  # tanh u
            near *= (1 + 3 * 0.044715 * near * near) * (1 - t * t) * (1 / math.sqrt(2 * math.pi))
            np.multiply(1 + t, 0.5, out=out)  # Φ(z) ≈ (1 + tanh u)/2
        return near
