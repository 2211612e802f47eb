"""Maxout: each unit is the largest of some linear maps, and so learns the shape of its own convex activation.

    y_j = max over i of z_{jk + i},  0 ≤ i < k
    dz_{jk + i} = dy_j where z_{jk + i} is the first largest, 0 elsewhere

Source: Goodfellow, I., Warde-Farley, D., Mirza, M., Courville, A. & Bengio, Y. (2013), "Maxout Networks", section 3.
https://arxiv.org/abs/1302.4389

Conventions: k neighbouring units of a hidden layer are the pieces of one that is passed on: hidden=[100] with 2 pieces passes
50 on, each the larger of two maps with weights and biases of their own; the number of units must be a multiple of k. Of pieces
that tie, the first takes the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights, check_range


@dataclass
class Maxout(Layer):
    """Nothing saturates: wherever the input lies, one of the pieces is linear there.

    Args:
        pieces: k, linear maps of each unit, in [2, inf).

    Raises:
        ValueError: pieces is out of its range; or, when the network is stacked, does not divide the number of units.
    """

    pieces: int = 2

    def __post_init__(self) -> None:
        check_range(self, pieces="[2, inf)")

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing; a k-th of the inputs comes out."""
        k = self.pieces
        if fan_in % k:
            near = fan_in // k * k
            other = f"{near} or {near + k}" if near else f"{k}"
            raise ValueError(f"it needs a multiple of {k} units, one for each of its pieces, got {fan_in}: use {other}")
        self.units = fan_in // k
        return self.units, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate y, dx, and for each piece where it was the first largest."""
        self._y = np.empty((rows, self.units), dtype)
        self._dx = np.empty((rows, self.units * self.pieces), dtype)
        self._first = np.empty((self.pieces, rows, self.units), np.bool_)
        self._open = np.empty((rows, self.units), np.bool_)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y; remember in training which piece it was."""
        k, y = self.pieces, self._y[: len(x)]
        y[...] = x[:, ::k]
        for piece in range(1, k):
            np.maximum(y, x[:, piece::k], out=y)  # y_j = max over i of z_{jk + i}
        if training:
            is_open = self._open[: len(x)]
            is_open.fill(True)
            for piece, first in enumerate(self._first[:, : len(x)]):
                np.equal(y, x[:, piece::k], out=first)
                first &= is_open
                is_open ^= first
        return y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dz, which is dy at the piece that was the first largest."""
        dx = self._dx[: len(dy)]
        for piece, first in enumerate(self._first[:, : len(dy)]):
            np.multiply(dy, first, out=dx[:, piece :: self.pieces])
        return dx
