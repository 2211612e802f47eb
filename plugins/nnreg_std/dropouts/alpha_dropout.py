"""AlphaDropout: dropout for selu networks, which drops units to selu's floor and keeps mean and variance.

    d ~ Bernoulli(q), q = 1 − rate
    y = a(xd + α′(1 − d)) + b,  α′ = −λα
    a = 1 / √(q + α′²q(1 − q)),  b = −aα′(1 − q)
    ∂L/∂x = a · d · dy

Source: Klambauer, G., Unterthiner, T., Mayr, A. & Hochreiter, S. (2017), "Self-Normalizing Neural Networks", section
"New Dropout Technique". https://arxiv.org/abs/1706.02515

Conventions: α′ = −1.7581 is where selu ends on the left, with the paper's α = 1.6733 and λ = 1.0507, as in torch and
Keras. Units of mean 0 and variance 1 keep both; that is what activation=selu with init=lecun gives. Behind another
activation, whose floor is elsewhere, it runs, but the promise does not hold: use dropout=dropout there. The paper
recommends a rate of 0.05 to 0.1. Masks come from the run's own stream, the same as those of dropout=dropout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array
from nnreg_std.dropouts._masked import MaskedDropout


@dataclass
class AlphaDropout(MaskedDropout):
    """Drops units to where selu saturates, so that a self-normalising network stays normalised.

    Args:
        rate: probability that a unit is dropped, in [0, 1).

    Raises:
        ValueError: rate is out of its range.
    """

    floor: ClassVar[float] = -1.0507009873554805 * 1.6732632423543772  # α′ = −λα

    rate: float = 0.05

    def thin(self, x: Array, mask: Array, out: Array) -> None:
        """Put some units at the floor, then scale and shift all."""
        q = 1 - self.rate
        a = 1 / math.sqrt(q + self.floor**2 * q * (1 - q))
        b = -a * self.floor * (1 - q)
        mask *= a
        np.subtract(x, self.floor, out=out)
        out *= mask
        np.add(out, a * self.floor + b, out=out)  # y = a(xd + α′(1 − d)) + b = ad(x − α′) + aα′ + b
