"""Mish: the input times the hyperbolic tangent of its softplus.

    s = log(1 + eᶻ) = max(z, 0) + log(1 + exp(−|z|))
    y = z·tanh(s)
    dz = dy·(tanh(s) + z·(1 − tanh²(s))·(1 − e⁻ˢ))

Source: Misra, D. (2020), "Mish: A Self Regularized Non-Monotonic Activation Function", equation 1.
https://arxiv.org/abs/1908.08681

Conventions: every library agrees; the second form of s overflows nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class Mish(Activation):
    """Smooth like SiLU and dipping below zero like it, a little steeper where it opens."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        _softplus(z, out)
        np.tanh(out, out=out)
        out *= z  # y = z·tanh(s)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        s = np.empty_like(z)
        _softplus(z, s)
        tanh = np.tanh(s)
        np.expm1(np.negative(s, out=s), out=s)  # −(1 − e⁻ˢ)
        np.square(tanh, out=out)
        out -= 1
        out *= s
        out *= z
        out += tanh
        out *= dy  # dz = dy·(tanh(s) + z·(1 − tanh²(s))·(1 − e⁻ˢ))


def _softplus(z: Array, out: Array) -> None:
    np.abs(z, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    out += np.maximum(z, 0)  # s = max(z, 0) + log(1 + exp(−|z|))
