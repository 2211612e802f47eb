"""MyRule: each row divided by its root mean square, then scaled unit by unit.

    y = γ x / r, with r = √(mean x² + ε)
    dx = (γ dy − x̂ mean(γ dy x̂)) / r, with x̂ = x / r
    dγ = Σ dy x̂, over the rows

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Norm, Shape, Weights, check_range


@dataclass
class MyRule(Norm):
    """One sentence of intuition: no row is louder than another.

    Args:
        eps: ε, keeps the division defined for a row of zeros, in (0, inf).

    Raises:
        ValueError: eps is out of its range.
    """

    eps: float = 1e-5

    def __post_init__(self) -> None:
        check_range(self, eps="(0, inf)")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for a gain γ that starts at 1."""
        return fan_in, (Shape("gain", (fan_in,), decays=False, start=1.0),)

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the views of γ and its gradient."""
        ((self._gain, self._dgain),) = weights

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y from x; the same in training and out of it."""
        r = np.sqrt(np.square(x).mean(axis=1, keepdims=True) + self.eps)  # r = √(mean x² + ε)
        x_hat = x / r
        if training:  # backward belongs to the last training forward
            self._r, self._x_hat = r, x_hat
        y: Array = self._gain * x_hat  # y = γ x / r
        return y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dγ and return dx."""
        self._dgain[...] = (dy * self._x_hat).sum(axis=0)  # dγ = Σ dy x̂
        scaled = self._gain * dy
        mean = (scaled * self._x_hat).mean(axis=1, keepdims=True)
        dx: Array = (scaled - self._x_hat * mean) / self._r  # dx = (γ dy − x̂ mean(γ dy x̂)) / r
        return dx
