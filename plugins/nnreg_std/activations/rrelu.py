"""RReLU: a leaky ReLU whose leak is drawn anew for every unit and row in training, and is its mean afterwards.

    y = max(z, 0) + a·min(z, 0)
    a ~ U(lower, upper) in training,  a = (lower + upper) / 2 in evaluation
    dz = dy·[z > 0] + dy·a·[z ≤ 0]

Source: Xu, B., Wang, N., Chen, T. & Li, M. (2015), "Empirical Evaluation of Rectified Activations in Convolutional Network",
section 3.4. https://arxiv.org/abs/1505.00853

Conventions: the paper divides by a ~ U(3, 8) in training and by 5.5 in evaluation; torch multiplies, with a ~ U(1/8, 1/3) and
in evaluation its mean, 11/48, and so does this. The derivative at z = 0 is taken as a, as in torch. Slopes come from the run's
own stream of random masks, in float32 for either precision.
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
class RReLU(Layer):
    """The noise of a slope that never stays the same keeps a network from leaning on it.

    Args:
        lower: least slope below zero, in [0, 1].
        upper: greatest slope below zero, in [0, 1]; where it is below lower, the two change places.

    Raises:
        ValueError: a slope is out of its range.
    """

    elementwise: ClassVar[bool] = True

    lower: float = 1 / 8
    upper: float = 1 / 3

    def __post_init__(self) -> None:
        check_range(self, lower="[0, 1]", upper="[0, 1]")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing."""
        self.units = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the stream; allocate noise, slopes, [z > 0], y and dz."""
        self._rng = rng
        self._noise = np.empty((rows, self.units), np.float32)
        self._open = np.empty((rows, self.units), np.bool_)
        self._slope, self._y, self._dz = (np.empty((rows, self.units), dtype) for _ in range(3))

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y, by slopes that are drawn in training."""
        y, below = self._y[: len(x)], self._dz[: len(x)]
        np.minimum(x, 0, out=below)
        if training:
            slope = self.draw(len(x))
            below *= slope
            np.copyto(slope, 1, where=np.greater(x, 0, out=self._open[: len(x)]))  # [z > 0] + a·[z ≤ 0]
        else:
            below *= self.mean
        np.maximum(x, 0, out=y)
        y += below  # y = max(z, 0) + a·min(z, 0)
        return y

    @property
    def mean(self) -> float:
        """The slope below zero in evaluation."""
        return (self.lower + self.upper) / 2

    def draw(self, n: int) -> Array:
        """Return new slopes for n rows, a ~ U(lower, upper)."""
        noise, slope = self._noise[:n], self._slope[:n]
        self._rng.random(out=noise, dtype=np.float32)
        slope[...] = noise
        slope *= self.upper - self.lower
        slope += self.lower
        return slope

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dz, by the slopes of the last training forward."""
        return np.multiply(dy, self._slope[: len(dy)], out=self._dz[: len(dy)])  # dz = dy·[z > 0] + dy·a·[z ≤ 0]

    def twin(self) -> RReLUTwin:
        """Return the same formulas for loops."""
        return RReLUTwin(self, {"slope": self._slope, "y": self._y})


class RReLUTwin:
    """RReLU's formulas, for loops; its slopes are drawn before them."""

    def __init__(self, layer: RReLU, arrays: Mapping[str, Array]) -> None:
        self._layer, self.arrays = layer, arrays

    def draw(self, n: int) -> None:
        """Draw slopes."""
        self._layer.draw(n)

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y; keep the slopes, 1 where z > 0."""
        a.y[...] = np.maximum(x, 0) + a.slope * np.minimum(x, 0)  # y = max(z, 0) + a·min(z, 0)
        a.slope[...] = np.where(x > 0, 1, a.slope)
        return a.y

    def evaluate(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y by the mean slope."""
        a.y[...] = np.maximum(x, 0) + self._layer.mean * np.minimum(x, 0)
        return a.y

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return dz = dy·[z > 0] + dy·a·[z ≤ 0]."""
        return dy * a.slope
