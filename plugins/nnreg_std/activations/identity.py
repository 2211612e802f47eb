"""Identity: the output is the input; a network of these is one linear map.

    y = z
    dz = dy

Source: Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep Learning", section 6.2.2.1.
https://www.deeplearningbook.org/contents/mlp.html

Conventions: every library agrees; Keras calls it linear.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class Identity(Activation):
    """Does nothing: the control against which a non-linearity shows its worth."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        out[...] = z  # y = z

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        out[...] = dy  # dz = dy
