"""PReLU: a leaky ReLU that learns how much its closed side lets through.

    y = max(z, 0) + a·min(z, 0)
    dz = dy·[z > 0] + dy·a·[z ≤ 0]
    ∂L/∂a = Σ dy·min(z, 0)

Source: He, K., Zhang, X., Ren, S. & Sun, J. (2015), "Delving Deep into Rectifiers: Surpassing Human-Level Performance on
ImageNet Classification", equations 1 to 4. https://arxiv.org/abs/1502.01852

Conventions: one a for each unit, as in the paper's channel-wise form and Keras; ``shared`` is its channel-shared form, one a
for a layer, torch's default. a starts at 0.25 as in the paper and torch; Keras starts at 0. It does not decay: a penalty would
pull the layer towards ReLU, as the paper notes. The derivative at z = 0 is taken as a, as in torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights, check_range


@dataclass
class PReLU(Layer):
    """Nothing says that a unit's closed side should be 0 or 0.01: each one finds out.

    Args:
        start: what a starts as, in (-inf, inf).
        shared: whether a layer has a single a instead of one for each unit.

    Raises:
        ValueError: start is out of its range.
    """

    elementwise: ClassVar[bool] = True

    start: float = 0.25
    shared: bool = False

    def __post_init__(self) -> None:
        check_range(self, start="(-inf, inf)")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for a."""
        self.units = fan_in
        return fan_in, (Shape("a", (1 if self.shared else fan_in,), decays=False, start=self.start),)

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep a; allocate slopes, min(z, 0), [z > 0], y and dz."""
        ((self._a, self._da),) = weights
        self._slope, self._below, self._y, self._dz = (np.empty((rows, self.units), dtype) for _ in range(4))
        self._open = np.empty((rows, self.units), np.bool_)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y; remember in training the slopes, and how far below zero z was."""
        n = len(x)
        y, leak = self._y[:n], self._dz[:n]
        if training:
            np.minimum(x, 0, out=self._below[:n])
            self._slope[:n] = self._a
            np.copyto(self._slope[:n], 1, where=np.greater(x, 0, out=self._open[:n]))  # [z > 0] + a·[z ≤ 0]
        np.minimum(x, 0, out=leak)
        leak *= self._a
        np.maximum(x, 0, out=y)
        y += leak  # y = max(z, 0) + a·min(z, 0)
        return y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write da; return dz."""
        n = len(dy)
        dz = self._dz[:n]
        np.multiply(dy, self._below[:n], out=dz)
        self._da[...] = dz.sum() if self.shared else dz.sum(axis=0)  # ∂L/∂a = Σ dy·min(z, 0)
        if need_dx:
            np.multiply(dy, self._slope[:n], out=dz)  # dz = dy·[z > 0] + dy·a·[z ≤ 0]
        return dz

    def twin(self) -> PReLUTwin | None:
        """Return the same formulas for loops; none where the units share a, which is no number of a unit then."""
        if self.shared:
            return None
        return PReLUTwin({"a": self._a, "da": self._da, "slope": self._slope, "below": self._below, "y": self._y})


class PReLUTwin:
    """PReLU's formulas, for loops."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays

    def draw(self, n: int) -> None:
        """Draw nothing."""

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y; keep slopes, and how far below zero z is."""
        a.below[...] = np.minimum(x, 0)
        a.slope[...] = np.where(x > 0, 1, a.a)
        return self.evaluate(x, a, n)

    def evaluate(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y."""
        a.y[...] = np.maximum(x, 0) + a.a * np.minimum(x, 0)  # y = max(z, 0) + a·min(z, 0)
        return a.y

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Write da; return dz."""
        a.da[...] = (dy * a.below).sum(axis=0)  # ∂L/∂a = Σ dy·min(z, 0)
        return dy * a.slope  # dz = dy·[z > 0] + dy·a·[z ≤ 0]
