"""The residual: what some layers make of x is added to x.

Source: He, K., Zhang, X., Ren, S. & Sun, J. (2016), "Deep Residual Learning for Image Recognition", equations 1 and 2.
https://arxiv.org/abs/1512.03385
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights
from nnreg.engine.containers import Chain
from nnreg.engine.convolution import Convolution
from nnreg.engine.layers import Affine, located


class Residual(Layer):
    """y = x + F(x), or y = x W + b + F(x) where F(x) has another form than x; W is then a projection of x to that form.

    Args:
        layers: F, first to last.
    """

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.body = Chain(layers)
        self.shortcut: Layer | None = None
        self.is_spatial = self.body.is_spatial

    def children(self) -> Sequence[Layer]:
        """Return the layers of F, and the projection."""
        return [*self.body.layers, *([self.shortcut] if self.shortcut else [])]

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Let both ways know where they stand."""
        self._before, self._after = positions, located(self.body, positions)
        return self._after

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Build F, and a projection where x does not fit.

        Raises:
            ValueError: no projection makes x fit.
        """
        self.width, shapes = self.body.build(fan_in)
        self._fan_in, self._own = fan_in, len(shapes)
        if (self._before, fan_in) == (self._after, self.width):
            return self.width, shapes
        self.shortcut = self._projection()
        _, others = self.shortcut.build(fan_in)
        return self.width, [*shapes, *others]

    def _projection(self) -> Layer:
        """Return an affine map of whole rows, or of each position where the answers have positions."""
        if not self._after:
            shortcut: Layer = Affine(self.width)
        else:
            shortcut = Convolution(self.width, 1, round(self._before[0] / self._after[0]))
        if located(shortcut, self._before) != self._after:
            sizes = (" x ".join(map(str, positions)) for positions in (self._before, self._after))
            raise ValueError("a residual cannot add {} positions to {}: use a padding that keeps them".format(*sizes))
        return shortcut

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Hand both ways their views; allocate y and dx."""
        self.body.bind(weights[: self._own], rows, dtype, rng)
        if self.shortcut is not None:
            self.shortcut.bind(weights[self._own :], rows, dtype, rng)
        after = rows // math.prod(self._before) * math.prod(self._after)
        self._y_rows: Array = np.empty((after, self.width), dtype)
        self._dx_rows: Array = np.empty((rows, self._fan_in), dtype)
        self._y, self._dx = self._y_rows, self._dx_rows

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return the sum of both ways."""
        made = self.body.forward(x, training=training)
        past = x if self.shortcut is None else self.shortcut.forward(x, training=training)
        if len(made) != len(self._y):
            self._y = self._y_rows[: len(made)]
        return np.add(made, past, out=self._y)

    def renew(self, k: int) -> bool:
        """Let each layer collect anew by itself."""
        past = self.shortcut.renew(k) if self.shortcut else False
        return self.body.renew(k) or past

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return the sum of what both ways give back."""
        made = self.body.backward(dy, need_dx=need_dx)
        past = dy if self.shortcut is None else self.shortcut.backward(dy, need_dx=need_dx)
        if not need_dx:
            return made
        if len(made) != len(self._dx):
            self._dx = self._dx_rows[: len(made)]
        return np.add(made, past, out=self._dx)
