"""GLU: half of the units pass, each as far as its gate among the other half opens.

    y = a ⊙ σ(b)                  a: the first half of the units, b: the second
    da = dy ⊙ σ(b)
    db = dy ⊙ a ⊙ σ(b) ⊙ (1 − σ(b))

Source: Dauphin, Y., Fan, A., Auli, M. & Grangier, D. (2017), "Language Modeling with Gated Convolutional Networks", equation 1.
https://arxiv.org/abs/1612.08083

Conventions: the layer puts out half as many units as it is given, which must be even; values first and gates second, as in
torch and JAX. The width of a hidden layer is that before the gate: hidden=[100] passes 50 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Layer, Shape, Weights


@dataclass
class GLU(Layer):
    """The way past an open gate is linear, so that the gradient is not squashed on it.

    Raises:
        ValueError: the number of units is odd; when the network is stacked.
    """

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing; half the inputs come out."""
        if fan_in % 2:
            other = f"{fan_in - 1} or {fan_in + 1}" if fan_in > 1 else "2"
            raise ValueError(f"it needs an even number of units, got {fan_in}: use {other}")
        self.units = fan_in // 2
        return self.units, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Allocate what a training pass remembers, y and dx."""
        self._a, self._gate, self._y = (np.empty((rows, self.units), dtype) for _ in range(3))
        self._dx = np.empty((rows, 2 * self.units), dtype)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y."""
        n, y = len(x), self._y[: len(x)]
        a, b = x[:, : self.units], x[:, self.units :]
        gate = self._gate[:n] if training else y
        np.multiply(b, 0.5, out=gate)
        np.tanh(gate, out=gate)  # σ(b) = ½ tanh(½b) + ½, which overflows nowhere
        gate *= 0.5
        gate += 0.5
        if training:
            self._a[:n] = a
        return np.multiply(a, gate, out=y)  # y = a ⊙ σ(b)

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dx, that of the values beside that of the gates."""
        n, dx = len(dy), self._dx[: len(dy)]
        a, gate, da, db = self._a[:n], self._gate[:n], dx[:, : self.units], dx[:, self.units :]
        np.multiply(dy, gate, out=da)  # da = dy ⊙ σ(b)
        np.subtract(1, gate, out=db)
        db *= da
        db *= a  # db = dy ⊙ a ⊙ σ(b) ⊙ (1 − σ(b))
        return dx
