"""What dropouts by a random mask have in common: the stream, the memory, and a backward pass by the mask that was drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

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

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return x by a new mask in training, x itself in evaluation."""
        if not training:
            return x
        y = self._y[: len(x)]
        self.thin(x, self.draw(len(x)), y)
        return y

    @abstractmethod
    def thin(self, x: Array, mask: Array, out: Array) -> None:
        """Scale a mask in place and compute y = x · mask, as it may be.

        Args:
            x: float array (rows, units), read.
            mask: of zeros and ones, read and written.
            out: y, written.
        """

    def draw(self, rows: int) -> Array:
        """Return a new mask, (rows, units), to be scaled in place: d ~ Bernoulli(1 − rate), the same in either precision."""
        noise, mask = self._noise[:rows], self._mask[:rows]
        self._rng.random(out=noise, dtype=np.float32)  # in [0, 1)
        return np.greater_equal(noise, self.rate, out=mask)

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dx = dy · mask, by the mask of the last training forward as it was scaled."""
        return np.multiply(dy, self._mask[: len(dy)], out=self._dx[: len(dy)])

    def twin(self) -> MaskedTwin:
        """Return the same formulas for loops."""
        return MaskedTwin(self, {"mask": self._mask, "y": self._y})


class MaskedTwin:
    """A mask's formulas, for loops; it is drawn before them."""

    def __init__(self, layer: MaskedDropout, arrays: Mapping[str, Array]) -> None:
        self._layer, self.arrays = layer, arrays

    def draw(self, n: int) -> None:
        """Draw a mask."""
        self._layer.draw(n)

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return x by the mask."""
        self._layer.thin(x, a.mask, a.y)
        return a.y

    def evaluate(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return x itself."""
        return x

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return dx = dy · mask."""
        return dy * a.mask
