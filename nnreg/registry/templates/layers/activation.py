"""MyRule: each unit's input times its own gate, whose steepness the unit learns.

    s = σ(β·z)
    y = z·s
    dz = dy·(s + β·z·s(1 − s))
    ∂L/∂β = Σ dy·z²·s(1 − s)

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights, check_range


@dataclass
class MyRule(Layer):
    """One sentence of intuition: between a line (β = 0) and a ReLU (β = ∞) a unit finds its own place.

    Args:
        start: what β starts as, in (-inf, inf).

    Raises:
        ValueError: start is out of its range.
    """

    elementwise: ClassVar[bool] = True  # an output depends on the input in its own place alone; leave this out if not

    start: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, start="(-inf, inf)")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for one β a unit; as many outputs as inputs."""
        return fan_in, (Shape("beta", (fan_in,), decays=False, start=self.start),)

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep β and where its gradient goes."""
        ((self._beta, self._dbeta),) = weights

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y; remember in training what backward needs."""
        s = 0.5 + 0.5 * np.tanh(0.5 * self._beta * x)  # s = σ(β·z), which overflows nowhere
        if training:
            self._z, self._s = x.copy(), s
        return x * s  # y = z·s

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dβ, return dz."""
        z, s = self._z, self._s
        bend = z * s * (1 - s)
        self._dbeta[...] = (dy * z * bend).sum(axis=0)  # ∂L/∂β = Σ dy·z²·s(1 − s)
        return dy * (s + self._beta * bend)  # dz = dy·(s + β·z·s(1 − s))
