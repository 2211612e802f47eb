"""A regularizer at work in a network: its penalty, its part of the gradient, and where weights are brought back to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Regularizer, Shape, Weights
from nnreg.contracts.objective import projection_of, target_of


class Penalty:
    """What a regularizer adds to the objective of a network, laid out once for what it acts on.

    Args:
        regularizer: as configured; None where nothing is trained.
        weights: all weights and their gradient, each one vector.
        layers: the same memory by layer.
        seen: the layers that see outputs; empty where the regularizer acts on weights.

    Attributes:
        value: returns the penalty of this step.
        add_gradient: adds its gradient to that of the weights; of outputs it is in the backward pass already.
        project: brings the weights back after an update, or None for a regularizer that leaves them where they are.
    """

    def __init__(
        self, regularizer: Regularizer | None, weights: Weights, layers: Mapping[str, Weights], seen: Sequence[Penalised] = ()
    ) -> None:
        arrays = {name: array.theta for name, array in layers.items()}
        self.value: Callable[[], float] = float
        self.add_gradient: Callable[[], None] = _nothing
        self.project: Callable[[], None] | None = None
        if regularizer is None:
            return
        self.value = partial(regularizer.penalty, weights.theta)
        self.add_gradient = partial(regularizer.add_gradient, *weights)
        if target_of(regularizer) == "layers":
            self.value = partial(regularizer.penalty, arrays)
            self.add_gradient = partial(regularizer.add_gradient, arrays, {name: array.grad for name, array in layers.items()})
        elif target_of(regularizer) == "outputs":
            self.value, self.add_gradient = partial(_total, seen), _nothing
        project = projection_of(regularizer)
        self.project = partial(project, arrays) if project else None


def weights_of(shapes: Sequence[Shape], named: Mapping[str, Weights]) -> dict[str, Weights]:
    """Return those arrays of a network that decay, by name, in the order in which they were asked for."""
    return {shape.name: named[shape.name] for shape in shapes if shape.decays}


class Penalised(Layer):
    """A layer that changes nothing, through which a regularizer sees what the layer before it gives, and adds its gradient.

    Args:
        regularizer: one that acts on outputs.
    """

    def __init__(self, regularizer: Regularizer) -> None:
        self._regularizer = regularizer

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing: as many outputs as inputs and no parameters."""
        self._units = fan_in
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate dx."""
        self._dx_rows: Array = np.empty((rows, self._units), dtype)
        self._seen: Array = self._dx_rows[:0]

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return x."""
        if training:
            self._seen = x
        return x

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dy and the gradient of the penalty of x."""
        dx = self._dx_rows[: len(dy)]
        dx[...] = dy
        self._regularizer.add_gradient(self._seen, dx)
        return dx

    @property
    def penalty(self) -> float:
        """Of what was seen last."""
        return self._regularizer.penalty(self._seen)


def _total(seen: Sequence[Penalised]) -> float:
    return sum((layer.penalty for layer in seen), 0.0)


def _nothing() -> None:
    pass
