"""The two layers that every network has: the affine map, and the activation on it, element by element.

Both work in arrays that were allocated once. A step comes with the same arrays as the one before it, so what is laid out for
them, views and products, is laid out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Activation, Array, Layer, Shape, Weights
from nnreg.engine.numerics import product, product_with_transposed


class Affine(Layer):
    """y = x W + b, with W (fan_in, fan_out) and b (fan_out,).

    Args:
        outputs: fan_out.
    """

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for W and b."""
        self.fan_in = fan_in
        return self.outputs, (Shape("W", (fan_in, self.outputs), decays=True), Shape("b", (self.outputs,), decays=False))

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the views of W and b; allocate y and dx."""
        (self._W, self._dW), (self._b, self._db) = weights
        self.weights = weights[0]  # W and dW, for diagnostics to read
        self._y_rows: Array = np.empty((rows, self.outputs), dtype)
        self._dx_rows: Array = np.empty((rows, self.fan_in), dtype)
        self._ones_rows: Array = np.ones(rows, dtype)
        self._x = self._dy = np.empty((0, 0), dtype)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return x W + b."""
        if x is not self._x:
            self._prepare_forward(x)
        self._multiply()
        self._add_b()
        return self._y

    def _prepare_forward(self, x: Array) -> None:
        """Lay out the product; a step comes with the same array as the one before, and finds it ready."""
        self._x, self._dy, self._y = x, x, self._y_rows[: len(x)]  # what is prepared for dy belongs to an earlier x
        self._multiply, self._add_b = product(x, self._W, self._y), partial(np.add, self._y, self._b, self._y)

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dW = xᵀ dy and db = Σ dy over the rows; return dx = dy Wᵀ."""
        if dy is not self._dy:
            self._prepare_backward(dy)
        self._multiply_dW()
        self._sum_db()
        if need_dx:
            self._multiply_dx()
        return self._dx

    def _prepare_backward(self, dy: Array) -> None:
        self._dy, self._dx = dy, self._dx_rows[: len(dy)]
        self._multiply_dW = product(self._x.T, dy, self._dW)
        self._sum_db = partial(np.dot, self._ones_rows[: len(dy)], dy, self._db)  # BLAS adds up in half of np.sum's time
        self._multiply_dx = product_with_transposed(dy, self._W, self._dx)


class Elementwise(Layer):
    """y = f(z) for an activation plugin, which is two stateless formulas; the buffers are here.

    Args:
        activation: f and its derivative.
    """

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing: as many outputs as inputs and no parameters."""
        self.units = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate y and dz."""
        self._rows: Array = np.empty((2, rows, self.units), dtype)
        self._y: Array = self._rows[0]
        self._dz: Array = self._rows[1]

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return f(x)."""
        if len(x) != len(self._y):
            self._y, self._dz = self._rows[:, : len(x)]
        self.activation.forward(x, out=self._y)
        self.last = x, self._y  # z and f(z), for backward, and for diagnostics to read
        return self._y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dz = dy · f′(z)."""
        if need_dx:
            self.activation.backward(dy, *self.last, out=self._dz)
        return self._dz
