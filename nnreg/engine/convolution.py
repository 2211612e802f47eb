"""The convolution: the same small affine map at every position of an image, on the neighbours of that position.

y[i, j] = Σ x[s i + u − p, s j + v − p] W[u, v] + b over the k × k offsets (u, v) of the kernel, with stride s and padding p of
zeros; W[u, v] is a matrix (channels in, channels out), and in memory W is one, (k · k · channels in, channels out).

The neighbours of each position are copied side by side (im2col), and the map is one matrix product. That is done for a few
images at a time, so that the copies stay in the cache, and done again for the backward pass, which costs less than to keep
them: they are k² times as large as x. The gradient of x is a convolution too, of dy with W turned around.

Source: Chellapilla, K., Puri, S. & Simard, P. (2006), "High Performance Convolutional Neural Networks for Document
Processing", section 3 (unfolding), https://inria.hal.science/inria-00112631; Dumoulin, V. & Visin, F. (2016), "A guide to
convolution arithmetic for deep learning", https://arxiv.org/abs/1603.07285.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from nnreg.contracts import Array, Shape, Weights
from nnreg.engine.layers import Weighted
from nnreg.engine.numerics import product

Calls = list[Callable[[], object]]

COPIED = 150_000  # numbers side by side at a time: they stay in the second cache
SHORT = 16  # numbers that lie together in x; fewer are copied column by column


class Convolution(Weighted):
    """A k × k convolution with bias, channels last.

    Args:
        channels: that go out.
        kernel: k, positions in each direction.
        stride: s, positions from one answer to the next.
        padding: p, zeros around the image, fewer than k.

    Raises:
        ValueError: there is no such convolution.
    """

    is_spatial = True

    def __init__(self, channels: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        if channels < 1 or kernel < 1 or stride < 1 or not 0 <= padding < kernel:
            raise ValueError(
                f"there is no convolution of {channels} channels with kernel {kernel}, stride {stride} and padding {padding}: "
                "all but padding are 1 or more, and padding is less than the kernel"
            )
        self.channels, self.kernel, self.stride, self.padding = channels, kernel, stride, padding

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Return the positions at which the kernel fits.

        Raises:
            ValueError: it fits nowhere.
        """
        if len(positions) != 2:
            raise ValueError("a convolution looks at neighbours, and these rows have no shape of rows and columns")
        if min(positions) + 2 * self.padding < self.kernel:
            zeros = f" and {self.padding} zeros around them" if self.padding else ""
            size = " x ".join(map(str, positions))
            raise ValueError(f"a kernel of {self.kernel} x {self.kernel} is larger than the {size} positions{zeros}")
        self._before = positions
        self._after = tuple((size + 2 * self.padding - self.kernel) // self.stride + 1 for size in positions)
        self.times = math.prod(self._after)
        return self._after

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for W and b."""
        self.fan_in, offsets = fan_in, self.kernel**2
        weight = Shape("W", (offsets * fan_in, self.channels), decays=True, fan_out=offsets * self.channels)
        return self.channels, (weight, Shape("b", (self.channels,), decays=False))

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the views of W and b; allocate y, dx, and what the neighbours are copied to."""
        (self._W, self._dW), (self._b, self._db) = weights
        self.weights = weights[0]
        images = rows // (self._before[0] * self._before[1])
        self._y_rows: Array = np.empty((images, *self._after, self.channels), dtype)
        self._dx_rows: Array = np.empty((images, *self._before, self.fan_in), dtype)
        self._ones: Array = np.ones(images * self._after[0] * self._after[1], dtype)
        k, p, s = self.kernel, self.padding, self.stride
        around = tuple(size + 2 * p for size in self._before)
        self._neighbours = Neighbours(around, self.fan_in, k, s, (p, p), 1, images, dtype)
        turned = tuple(size + k - 1 for size in self._before)
        self._turned = Neighbours(turned, self.channels, k, 1, (k - 1 - p, k - 1 - p), s, images, dtype)
        self._W_turned: Array = np.empty((k, k, self.channels, self.fan_in), dtype)
        self._dW_parts: Array = np.empty((len(self._neighbours.blocks(images)), *self._W.shape), dtype)
        self._x = self._dy = np.empty((0, 0), dtype)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return the answer at every position."""
        if x is not self._x:
            self._prepare_forward(x)
        for call in self._forward_calls:
            call()
        return self._y

    @property
    def answer(self) -> Array:
        """What the last ``forward`` returned."""
        return self._y

    def _prepare_forward(self, x: Array) -> None:
        """Lay out the products; a step comes with the same array as the one before, and finds them ready."""
        self._x = self._dy = x  # what is prepared for dy belongs to an earlier x
        self._images = x.reshape(-1, *self._before, self.fan_in)
        y = self._y_rows[: len(self._images)]
        self._y = y.reshape(-1, self.channels)
        self._forward_calls: Calls = []
        for part in self._neighbours.blocks(len(y)):
            rows = y[part].reshape(-1, self.channels)
            calls, side_by_side = self._neighbours.of(self._images[part])
            self._forward_calls += [*calls, product(side_by_side, self._W, rows), partial(np.add, rows, self._b, rows)]

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dW and db, summed over rows and positions; return dx."""
        if dy is not self._dy:
            self._prepare_backward(dy)
        for call in self._backward_calls:
            call()
        if need_dx:
            np.copyto(self._W_turned, self._W_seen)
            for call in self._dx_calls:
                call()
        return self._dx

    def _prepare_backward(self, dy: Array) -> None:
        self._dy, k = dy, self.kernel
        answers = dy.reshape(-1, *self._after, self.channels)
        dx = self._dx_rows[: len(answers)]
        self._dx = dx.reshape(self._x.shape)
        blocks = self._neighbours.blocks(len(dx))
        parts = self._dW_parts[: len(blocks)]
        rows = answers.reshape(-1, self.channels)
        self._backward_calls: Calls = [partial(np.dot, self._ones[: len(rows)], rows, self._db)]
        for part, partial_sum in zip(blocks, parts, strict=True):
            calls, side_by_side = self._neighbours.of(self._images[part])
            each = answers[part].reshape(-1, self.channels)
            self._backward_calls += [*calls, product(side_by_side.T, each, partial_sum)]
        self._backward_calls.append(partial(np.add.reduce, parts, 0, None, self._dW))
        self._W_seen = self._W.reshape(k, k, self.fan_in, self.channels)[::-1, ::-1].swapaxes(2, 3)
        turned = self._W_turned.reshape(-1, self.fan_in)
        self._dx_calls: Calls = []
        for part in self._turned.blocks(len(dx)):
            calls, side_by_side = self._turned.of(answers[part])
            self._dx_calls += [*calls, product(side_by_side, turned, dx[part].reshape(-1, self.fan_in))]


class Neighbours:
    """Copies what a kernel sees at each position side by side, for a few images at a time, into the same memory each time.

    Args:
        around: positions of an image, zeros around it and between its own included.
        channels: of the image.
        kernel: positions in each direction.
        stride: from one answer to the next.
        first: where in ``around`` the image begins.
        apart: positions from one of the image to the next; 1 where they lie side by side.
        images: the most that come at once.
        dtype: of all numbers.
    """

    def __init__(
        self,
        around: tuple[int, ...],
        channels: int,
        kernel: int,
        stride: int,
        first: tuple[int, int],
        apart: int,
        images: int,
        dtype: npt.DTypeLike,
    ) -> None:
        self._kernel, self._stride, self._first, self._apart = kernel, stride, first, apart
        self._after = tuple((size - kernel) // stride + 1 for size in around)
        columns = kernel * kernel * channels
        self._together = min(images, max(1, COPIED // (self._after[0] * self._after[1] * columns)))
        self._padded: Array = np.zeros((self._together, *around, channels), dtype)
        self._by_column = kernel * channels < SHORT
        positions = self._together * self._after[0] * self._after[1]
        self._copied: Array = np.empty((columns, positions) if self._by_column else (positions, columns), dtype)

    def blocks(self, images: int) -> list[slice]:
        """Return which images are looked at together."""
        return [slice(start, min(start + self._together, images)) for start in range(0, images, self._together)]

    def of(self, images: Array) -> tuple[Calls, Array]:
        """Return what copies, and the matrix (images · positions, kernel · kernel · channels) that is there afterwards."""
        calls: Calls = []
        padded = self._padded[: len(images)]
        if padded.shape == images.shape:
            padded = images
        else:
            (top, left), apart = self._first, self._apart
            rows, columns = ((size - 1) * apart + 1 for size in images.shape[1:3])
            calls.append(partial(np.copyto, padded[:, top : top + rows : apart, left : left + columns : apart], images))
        size, stride = self._kernel, self._stride
        seen = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]  # (n, rows, columns, c, u, v)
        count = len(images) * self._after[0] * self._after[1]
        if self._by_column:
            copied = self._copied.reshape(-1)[: self._copied.shape[0] * count].reshape(-1, count)
            seen = seen.transpose(4, 5, 3, 0, 1, 2)
            calls.append(partial(np.copyto, copied.reshape(seen.shape), seen))
            return calls, copied.T
        copied = self._copied[:count]
        seen = seen.transpose(0, 1, 2, 4, 5, 3)
        calls.append(partial(np.copyto, copied.reshape(seen.shape), seen))
        return calls, copied
