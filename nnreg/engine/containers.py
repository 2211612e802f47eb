"""Layers of layers, and the matrix that flows from one to the next.

Rows of a dataset are flat, (n, features). A layer that looks at neighbours works on positions: what it is given and gives is
(n · positions, channels), the same memory as (n, positions · channels), so that every other layer, which knows nothing of
positions, takes each for a row of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, repeat

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights
from nnreg.engine.layers import built, located


class Chain(Layer):
    """Layers one after the other; chains in it are laid out flat, and layers that change nothing are left out.

    Args:
        layers: first to last, each in one place only.
        shape: the natural shape of the rows that come in flat, channels last; None where they have none.
    """

    def __init__(self, layers: Iterable[Layer], shape: tuple[int, ...] | None = None) -> None:
        self.layers = [each for layer in layers for each in _flat(layer)]
        self.is_spatial = any(layer.is_spatial for layer in self.layers)
        self._shape, self._renewing = shape, list[bool]()

    def children(self) -> Sequence[Layer]:
        """Return the layers."""
        return self.layers

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Let each layer know its positions; where the first spatial one meets flat rows, they are given their shape."""
        stand: list[tuple[Layer, tuple[int, ...]]] = []
        for layer in self.layers:
            if layer.is_spatial and not positions and self._shape is not None:
                unfolded = Reshape(self._shape[-1], math.prod(self._shape))
                stand.append((unfolded, ()))
                positions = self._shape[:-1]
            stand.append((layer, positions))
            positions = located(layer, positions)
        self.layers = [layer for layer, _ in stand]
        self._positions = [math.prod(before) for _, before in stand]
        return positions

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Build each layer on the outputs of the one before."""
        width, wanted = fan_in, list[Shape]()
        self._counts: list[int] = []
        for layer in self.layers:
            width, shapes = built(layer, width)
            self._counts.append(len(shapes))
            wanted += shapes
        return width, wanted

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Hand each layer its views and as many rows as it will see."""
        views, alone = iter(weights), rows // self._positions[0] if self.layers else 0
        for layer, count, positions in zip(self.layers, self._counts, self._positions, strict=True):
            layer.bind(list(islice(views, count)), alone * positions, dtype, rng)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return what the last layer makes of x."""
        for layer, own in zip(self.layers, self._renewing or repeat(training)):  # noqa: B905 - repeat has no end
            x = layer.forward(x, training=own)
        return x

    def renew(self, k: int) -> bool:
        """Let each layer collect anew by itself."""
        renewing = [layer.renew(k) for layer in self.layers]
        self._renewing = renewing if k else []
        return any(renewing)

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dx of the first layer."""
        for layer in self.layers[:0:-1]:
            dy = layer.backward(dy)
        return self.layers[0].backward(dy, need_dx=need_dx) if self.layers else dy


def _flat(layer: Layer) -> Sequence[Layer]:
    if isinstance(layer, Chain):
        return layer.layers
    return () if layer.is_identity else (layer,)


def every_layer(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield layers and those inside them, in the order in which they compute."""
    for layer in layers:
        yield layer
        yield from every_layer(layer.children())


class Reshape(Layer):
    """The same numbers in rows of another length: whole rows as positions, or positions as whole rows.

    Args:
        columns: of what goes out.
        wanted: columns that must come in.
    """

    def __init__(self, columns: int, wanted: int) -> None:
        self.columns, self._wanted = columns, wanted

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing.

        Raises:
            ValueError: what comes in has no shape.
        """
        if fan_in != self._wanted:
            raise ValueError(f"{fan_in} units have no shape any more: a convolution or pooling cannot look at neighbours there")
        return self.columns, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep nothing: what is returned is a view."""
        self._x = self._y = self._dy = self._dx = np.empty((0, 0), dtype)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return x in its other form; a step comes with the same array as the one before, and finds the view ready."""
        if x is not self._x:
            self._x, self._y = x, x.reshape(-1, self.columns)
        return self._y

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dy in the form of x."""
        if dy is not self._dy:
            self._dy, self._dx = dy, dy.reshape(self._x.shape)
        return self._dx
