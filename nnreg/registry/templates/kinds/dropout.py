"""MyRule: every unit multiplied with normal noise around 1, in training only.

    y = x·n, n ~ N(1, σ²)
    dx = dy·n

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Dropout, Shape, Weights, check_range


@dataclass
class MyRule(Dropout):
    """One sentence of intuition: a unit that cannot be relied on teaches the others to do without.

    Args:
        sigma: σ, standard deviation of the noise, in [0, inf).

    Raises:
        ValueError: sigma is out of its range.
    """

    sigma: float = 0.3

    def __post_init__(self) -> None:
        check_range(self, sigma="[0, inf)")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for no parameters."""
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the stream that noise is drawn from."""
        self._rng = rng

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y in training, x itself outside."""
        if not training:
            return x
        self._n = self._rng.normal(1, self.sigma, x.shape).astype(x.dtype)  # n ~ N(1, σ²)
        return x * self._n  # y = x·n

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dx, with the noise of the forward pass."""
        return dy * self._n  # dx = dy·n
