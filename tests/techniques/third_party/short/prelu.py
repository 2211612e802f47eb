"""An activation that learns as a plugin of one's own.

Source: He et al. (2015), "Delving Deep into Rectifiers". https://arxiv.org/abs/1502.01852
"""

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Layer, Shape, check_range


@dataclass
class Leak(Layer):
    """Learns of each unit how much passes below zero.

    Args:
        start: of that share, in (-inf, inf).
    """

    start: float = 0.25

    def __post_init__(self) -> None:
        check_range(self, start="(-inf, inf)")

    def build(self, fan_in):
        return fan_in, [Shape("a", (fan_in,), decays=False, start=self.start)]

    def bind(self, weights, rows, dtype, rng):
        ((self.a, self.da),), self.x = weights, None

    def forward(self, x, *, training):
        self.x = x.copy() if training else self.x
        return np.where(x > 0, x, self.a * x)

    def backward(self, dy, *, need_dx=True):
        self.da[...] = np.where(self.x > 0, 0, dy * self.x).sum(axis=0)
        return np.where(self.x > 0, dy, dy * self.a)
