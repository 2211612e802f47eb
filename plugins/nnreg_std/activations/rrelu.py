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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

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
        below *= self._draw(x) if training else (self.lower + self.upper) / 2
        np.maximum(x, 0, out=y)
        y += below  # y = max(z, 0) + a·min(z, 0)
        return y

    def _draw(self, x: Array) -> Array:
        """Return new slopes, 1 where z > 0."""
        noise, slope = self._noise[: len(x)], self._slope[: len(x)]
        self._rng.random(out=noise, dtype=np.float32)
        slope[...] = noise
        slope *= self.upper - self.lower
        slope += self.lower  # a ~ U(lower, upper)
        np.copyto(slope, 1, where=np.greater(x, 0, out=self._open[: len(x)]))
        return slope

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dz, by the slopes of the last training forward."""
        return np.multiply(dy, self._slope[: len(dy)], out=self._dz[: len(dy)])  # dz = dy·[z > 0] + dy·a·[z ≤ 0]
