"""The two layers that every network has: the affine map, and the activation on it, a formula or a layer of its own.

Both work in arrays that were allocated once. A step comes with the same arrays as the one before it, so what is laid out for
them, views and products, is laid out once.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Activation, Architecture, Array, Layer, Passed, Shape, Weights
from nnreg.engine.numerics import product, product_with_transposed

if TYPE_CHECKING:  # a run without compiled code has no use for it
    from nnreg.contracts.columns import Twin


class Weighted(Layer):
    """A layer that multiplies by a weight matrix.

    Attributes:
        weights: the matrix and its gradient, for others to read.
        times: how often the matrix multiplies in a row, once for each place that it is laid on; known once it is built.
    """

    weights: Weights
    times: int = 1

    @property
    @abstractmethod
    def answer(self) -> Array:
        """What the last ``forward`` returned."""


class Product(Weighted):
    """A layer that multiplies its inputs by a weight matrix and adds a bias, which can be asked to multiply alone.

    Attributes:
        bias: what is added and its gradient, arrays (outputs,), for others to read and write.
        answers: where the answers are written, float array (rows, outputs), the first rows of it.
    """

    bias: Weights
    answers: Array

    @abstractmethod
    def multiply(self, x: Array) -> Array:
        """Return x W, in the array that ``forward`` would return."""

    @abstractmethod
    def multiply_back(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dW; return dx."""


class Affine(Product):
    """y = x W + b, with W (fan_in, fan_out) and b (fan_out,).

    Args:
        outputs: fan_out.
    """

    def __init__(self, outputs: int) -> None:
        self._fan_out, self._positions = outputs, 1

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Take all positions of a row at once, as one flat row."""
        self._positions = math.prod(positions)
        return ()

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for W and b."""
        self.fan_in = fan_in * self._positions
        return self._fan_out, (
            Shape("W", (self.fan_in, self._fan_out), decays=True),
            Shape("b", (self._fan_out,), decays=False),
        )

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep the views of W and b; allocate y and dx."""
        (self._W, self._dW), (self._b, self._db) = weights
        self.weights, self.bias = weights
        rows //= self._positions
        self.answers: Array = np.empty((rows, self._fan_out), dtype)
        self._dx_rows: Array = np.empty((rows, self.fan_in), dtype)
        self._ones_rows: Array = np.ones(rows, dtype)
        self._x = self._dy = np.empty((0, 0), dtype)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return x W + b."""
        self.multiply(x)
        self._add_b()
        return self._y

    def multiply(self, x: Array) -> Array:
        """Return x W."""
        if x is not self._x:
            self._prepare_forward(x)
        self._multiply()
        return self._y

    @property
    def answer(self) -> Array:
        """What the last ``forward`` returned."""
        return self._y

    def _prepare_forward(self, x: Array) -> None:
        """Lay out the product; a step comes with the same array as the one before, and finds it ready."""
        self._x = self._dy = x  # what is prepared for dy belongs to an earlier x
        self._flat = x if self._positions == 1 else x.reshape(-1, self.fan_in)
        self._y = self.answers[: len(self._flat)]
        self._multiply, self._add_b = product(self._flat, self._W, self._y), partial(np.add, self._y, self._b, self._y)

    @property
    def passed(self) -> Passed:
        """What went through W last."""
        return Passed(self._x, self._dy)

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dW = xᵀ dy and db = Σ dy over the rows; return dx = dy Wᵀ."""
        dx = self.multiply_back(dy, need_dx=need_dx)
        self._sum_db()
        return dx

    def multiply_back(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dW; return dx."""
        if dy is not self._dy:
            self._prepare_backward(dy)
        self._multiply_dW()
        if need_dx:
            self._multiply_dx()
        return self._dx

    def _prepare_backward(self, dy: Array) -> None:
        self._dy, dx = dy, self._dx_rows[: len(dy)]
        self._dx = dx if self._positions == 1 else dx.reshape(self._x.shape)
        self._multiply_dW = product(self._flat.T, dy, self._dW)
        self._sum_db = partial(np.dot, self._ones_rows[: len(dy)], dy, self._db)  # BLAS adds up in half of np.sum's time
        self._multiply_dx = product_with_transposed(dy, self._W, dx)


class Activated(Layer):
    """What stands on an affine map as its activation.

    Attributes:
        activation: the plugin, as it was given.
        last: what the last ``forward`` read and what it returned, for diagnostics to read.
    """

    activation: Activation | Layer
    last: tuple[Array, Array]

    @abstractmethod
    def slope(self) -> Array | None:
        """Return |f′| at what the last training ``forward`` read, a new array, or None where there is no slope.

        Training does not notice it: gradients stay as they are.
        """


class Elementwise(Activated):
    """y = f(z) for an activation plugin, which is two stateless formulas; the buffers are here.

    Args:
        activation: f and its derivative.

    Attributes:
        answers: where f(z) is written, float array (rows, units), the first rows of it.
    """

    activation: Activation
    answers: Array

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing: as many outputs as inputs and no parameters."""
        self.units = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate y and dz."""
        self._rows: Array = np.empty((2, rows, self.units), dtype)
        self.answers: Array = self._rows[0]
        self._y = self.answers
        self._dz: Array = self._rows[1]

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return f(x)."""
        if len(x) != len(self._y):
            self._y, self._dz = self._rows[:, : len(x)]
        self.activation.forward(x, out=self._y)
        self.last = x, self._y  # z and f(z), for backward too
        return self._y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dz = dy · f′(z)."""
        if need_dx:
            self.activation.backward(dy, *self.last, out=self._dz)
        return self._dz

    def twin(self) -> Twin:
        """Return the two formulas for loops."""
        return ElementwiseTwin(self)

    def slope(self) -> Array:
        """Return |f′(z)|, which is the activation's own ``backward`` with dy = 1."""
        z, y = self.last
        out = np.empty_like(z)
        self.activation.backward(np.ones_like(z), z, y, out=out)
        return np.abs(out, out=out)


class ElementwiseTwin:
    """An elementwise activation's formulas, for loops."""

    def __init__(self, layer: Elementwise) -> None:
        self._activation = layer.activation
        self.arrays: Mapping[str, Array] = {"y": layer.answers}

    def draw(self, n: int) -> None:
        """Draw nothing."""

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return f(x)."""
        self._activation.forward(x, out=a.y)
        return a.y

    evaluate = forward

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return dy · f′(x)."""
        dx = np.empty_like(x)
        self._activation.backward(dy, x, a.y, out=dx)
        return dx


class Layered(Activated):
    """An activation plugin that is a layer of its own, with parameters, randomness or another width.

    Args:
        activation: a prototype; it stays as it is, what computes is a copy.
    """

    activation: Layer

    def __init__(self, activation: Layer) -> None:
        self.activation = activation
        self._own = copy.deepcopy(activation)

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Let it know where it stands."""
        return self._own.locate(positions)

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for what it asks for."""
        return self._own.build(fan_in)

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Hand its memory on; keep its gradients in sight."""
        self._grads = [grad for _, grad in weights]
        self._own.bind(weights, rows, dtype, rng)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return what it makes of x."""
        y = self._own.forward(x, training=training)
        self.last = x, y
        return y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Let it write its gradients; return its dx."""
        return self._own.backward(dy, need_dx=need_dx)

    def renew(self, k: int) -> bool:
        """Let it collect its statistics anew."""
        return self._own.renew(k)

    def state(self) -> Mapping[str, Array]:
        """Return its own."""
        return self._own.state()

    def twin(self) -> Twin | None:
        """Return its own formulas for loops, if it has some."""
        from nnreg.contracts.columns import twin_of  # who asks has imported it

        return twin_of(self._own)

    def slope(self) -> Array | None:
        """Return |dx| for dy = 1 where the activation works element by element, and put its gradients back."""
        if not self.activation.elementwise:
            return None
        kept = [grad.copy() for grad in self._grads]
        slope = np.abs(self._own.backward(np.ones_like(self.last[1])))
        for grad, before in zip(self._grads, kept, strict=True):
            grad[...] = before
        return slope


def activated(activation: Activation | Layer) -> Activated:
    """Return an activation as a layer of a network, a new one for each place where it stands."""
    return Layered(activation) if isinstance(activation, Layer) else Elementwise(activation)


def one_unit(activation: Activation | Layer, z: Array) -> Activated | None:
    """Return an untrained activation that has seen the values z, one after the other, at one unit, in float64.

    Args:
        activation: stays as it is.
        z: float64 array (n,), read.

    Returns:
        The layer after a training ``forward`` of (n, 1), or None for one that does not work element by element.
    """
    layer = activated(activation)
    if isinstance(layer, Layered) and not layer.activation.elementwise:
        return None
    _, shapes = layer.build(1)
    weights = [Weights(np.full(shape.shape, shape.start or 0.0), np.zeros(shape.shape)) for shape in shapes]
    layer.bind(weights, len(z), np.float64, np.random.default_rng(0))
    layer.forward(z.reshape(-1, 1), training=True)
    return layer


class Unfit(ValueError):
    """A layer cannot stand on so many inputs, or at such positions, or a network cannot be composed for what a run asks.

    Args:
        part: which.
        reason: what it says.
    """

    def __init__(self, part: Layer | Architecture, reason: str) -> None:
        super().__init__(reason)
        self.technique = type(part.activation if isinstance(part, Layered) else part)


def located(layer: Layer, positions: tuple[int, ...]) -> tuple[int, ...]:
    """Let a layer know its positions.

    Raises:
        Unfit: it refuses them.
    """
    try:
        return layer.locate(positions)
    except Unfit:
        raise
    except ValueError as refusal:
        raise Unfit(layer, str(refusal)) from refusal


def built(layer: Layer, fan_in: int) -> tuple[int, Sequence[Shape]]:
    """Build a layer on ``fan_in`` inputs.

    Raises:
        Unfit: it refuses them.
    """
    try:
        return layer.build(fan_in)
    except Unfit:  # from within a layer that holds others
        raise
    except ValueError as refusal:
        raise Unfit(layer, str(refusal)) from refusal
