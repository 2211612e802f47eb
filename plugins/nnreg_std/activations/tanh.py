"""Tanh: the hyperbolic tangent, a smooth step from −1 to 1.

    y = tanh(z)
    dz = dy·(1 − y²)

Source: LeCun, Y., Bottou, L., Orr, G. & Müller, K.-R. (1998), "Efficient BackProp", section 4.4.
http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf

Conventions: the plain function, as in every library; the paper recommends the scaled 1.7159 tanh(2z/3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class Tanh(Activation):
    """A sigmoid centred on zero, with slope 1 there, so the next layer sees balanced inputs."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.tanh(z, out=out)  # y = tanh(z)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.multiply(y, y, out=out)
        np.subtract(1, out, out=out)
        out *= dy  # dz = dy·(1 − y²)
