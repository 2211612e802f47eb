"""ELU: the exponential linear unit, a ReLU that bends smoothly into a floor of −α.

    y = max(z, 0) + α(exp(min(z, 0)) − 1)
    dz = dy                                   where z > 0
    dz = dy·(y + α)                           elsewhere

Source: Clevert, D.-A., Unterthiner, T. & Hochreiter, S. (2016), "Fast and Accurate Deep Network Learning by Exponential
Linear Units (ELUs)", equation 15. https://arxiv.org/abs/1511.07289

Conventions: every library agrees. For α ≠ 1 the derivative at z = 0 does not exist; it is taken as α, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array, check_range


@dataclass(frozen=True)
class ELU(Activation):
    """Negative outputs pull the mean of a layer towards zero, as batch norm does.

    Args:
        alpha: the floor is at −α, in (0, inf).

    Raises:
        ValueError: alpha is out of its range.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, alpha="(0, inf)")

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.minimum(z, 0, out=out)
        np.expm1(out, out=out)
        out *= self.alpha
        out += np.maximum(z, 0)  # y = max(z, 0) + α(exp(min(z, 0)) − 1)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy; a sum is several times faster than a choice between the two sides."""
        np.greater(z, 0, out=out)
        out *= 1 - self.alpha
        out += np.minimum(y, 0)
        out += self.alpha
        out *= dy  # dz = dy where z > 0, dy·(y + α) elsewhere
