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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

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
        """Keep a; allocate min(z, 0), [z > 0], y and dz."""
        ((self._a, self._da),) = weights
        self._below, self._y, self._dz = (np.empty((rows, self.units), dtype) for _ in range(3))
        self._open = np.empty((rows, self.units), np.bool_)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y; remember in training on which side of zero z was, and how far below."""
        n = len(x)
        y, leak = self._y[:n], self._dz[:n]
        if training:
            np.minimum(x, 0, out=self._below[:n])
            np.greater(x, 0, out=self._open[:n])
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
            dz[...] = self._a
            np.copyto(dz, 1, where=self._open[:n])
            dz *= dy  # dz = dy·[z > 0] + dy·a·[z ≤ 0]
        return dz
