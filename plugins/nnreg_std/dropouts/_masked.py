"""What dropouts by a random mask have in common: the stream, the memory, and a backward pass by the mask that was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Dropout, Shape, Weights, check_range


@dataclass
class MaskedDropout(Dropout):
    """Multiplies by a mask of zeros and one other number, new in every training pass.

    Args:
        rate: probability that a unit is dropped, in [0, 1).

    Raises:
        ValueError: rate is out of its range.
    """

    varies: ClassVar = ("rate",)

    rate: float

    def __post_init__(self) -> None:
        check_range(self, rate="[0, 1)")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing."""
        self.units = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the stream; allocate noise, mask, y and dx."""
        self._rng = rng
        self._noise = np.empty((rows, self.units), np.float32)
        self._mask, self._y, self._dx = (np.empty((rows, self.units), dtype) for _ in range(3))

    def draw(self, rows: int) -> Array:
        """Return a new mask, (rows, units), to be scaled in place: d ~ Bernoulli(1 − rate), the same in either precision."""
        noise, mask = self._noise[:rows], self._mask[:rows]
        self._rng.random(out=noise, dtype=np.float32)  # in [0, 1)
        return np.greater_equal(noise, self.rate, out=mask)

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dx = dy · mask, by the mask of the last training forward as it was scaled."""
        return np.multiply(dy, self._mask[: len(dy)], out=self._dx[: len(dy)])
