"""Pooling: windows of an image that do not overlap become one position each, by the largest number or by the mean.

What is left over at the end, where the size does not divide the image, is left out, as in torch. Of equal largest numbers the
first one, row by row, gets the gradient.

Source: Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep Learning", section 9.3, https://www.deeplearningbook.org.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights


class Pool(Layer):
    """One position for each window, channel by channel.

    Args:
        size: positions of a window in each direction.
        by: "max" or "mean" of what is in it.

    Raises:
        ValueError: there is no such pooling.
    """

    is_spatial = True

    def __init__(self, size: int, by: Literal["max", "mean"] = "max") -> None:
        if size < 1 or by not in ("max", "mean"):
            raise ValueError(f"pooling is over windows of size 1 or more, by max or mean, got size {size} by {by}")
        self.size, self.by = size, by

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Return the windows that fit.

        Raises:
            ValueError: none does.
        """
        if len(positions) != 2:
            raise ValueError("pooling looks at neighbours, and these rows have no shape of rows and columns")
        if min(positions) < self.size:
            before = " x ".join(map(str, positions))
            raise ValueError(f"pooling {before} positions by windows of {self.size} x {self.size} leaves nothing")
        self._before = positions
        self._after = tuple(size // self.size for size in positions)
        return self._after

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing."""
        self._channels = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate y and dx, and which number of a window was taken."""
        images = rows // (self._before[0] * self._before[1])
        self._y_rows: Array = np.empty((images, *self._after, self._channels), dtype)
        self._dx_rows: Array = np.zeros((images, *self._before, self._channels), dtype)  # what is left over stays 0
        self._masks = np.empty((2, *self._y_rows.shape), np.bool_)
        self._x = np.empty((0, 0), dtype)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return the largest number, or the mean, of each window."""
        if x is not self._x:
            self._x, images = x, x.reshape(-1, *self._before, self._channels)
            self._y4, self._dx4 = self._y_rows[: len(images)], self._dx_rows[: len(images)]
            self._y, self._dx = self._y4.reshape(-1, self._channels), self._dx4.reshape(x.shape)
            self._numbers, self._gradients = self._windows(images), self._windows(self._dx4)
        first, *others = self._numbers
        combine = np.maximum if self.by == "max" else np.add
        np.copyto(self._y4, first)
        for number in others:
            combine(self._y4, number, out=self._y4)
        if self.by == "mean":
            self._y4 *= 1 / self.size**2
        return self._y

    def _windows(self, images: Array) -> list[Array]:
        """Return views of the first number of every window, of the second, and so on."""
        rows, columns = (count * self.size for count in self._after)
        offsets = product(range(self.size), repeat=2)
        return [images[:, i : rows : self.size, j : columns : self.size] for i, j in offsets]

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dx: dy where the largest number was, or its share everywhere."""
        upstream = dy.reshape(self._y4.shape)
        if self.by == "mean":
            for gradient in self._gradients:
                np.multiply(upstream, 1 / self.size**2, out=gradient)
            return self._dx
        taken, here = (mask[: len(upstream)] for mask in self._masks)
        taken[...] = False
        for number, gradient in zip(self._numbers, self._gradients, strict=True):
            np.equal(number, self._y4, out=here)
            np.greater(here, taken, out=here)
            np.logical_or(taken, here, out=taken)
            np.multiply(upstream, here, out=gradient)
        return self._dx
