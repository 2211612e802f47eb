"""SELU: an ELU scaled so that the outputs of a deep network settle at mean 0 and variance 1.

    y = λ·(max(z, 0) + α(exp(min(z, 0)) − 1))
    dz = dy·λ                                 where z > 0
    dz = dy·(y + λα)                          elsewhere

Source: Klambauer, G., Unterthiner, T., Mayr, A. & Hochreiter, S. (2017), "Self-Normalizing Neural Networks", equation 2;
λ and α solve equation 14 for the fixed point (0, 1). https://arxiv.org/abs/1706.02515

Conventions: every library agrees. The effect needs init=lecun and, for dropout, dropout=alpha_dropout. The derivative at
z = 0 does not exist; it is taken as λα, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array

ALPHA = 1.6732632423543772
SCALE = 1.0507009873554805  # λ


@dataclass(frozen=True)
class SELU(Activation):
    """Normalises by itself: layer after layer the outputs draw nearer to mean 0, variance 1."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.minimum(z, 0, out=out)
        np.expm1(out, out=out)
        out *= ALPHA
        out += np.maximum(z, 0)
        out *= SCALE  # y = λ·(max(z, 0) + α(exp(min(z, 0)) − 1))

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy; a sum is several times faster than a choice between the two sides."""
        np.greater(z, 0, out=out)
        out *= SCALE - SCALE * ALPHA
        out += np.minimum(y, 0)
        out += SCALE * ALPHA
        out *= dy  # dz = dy·λ where z > 0, dy·(y + λα) elsewhere
