"""LayerNorm: each row is centred and scaled over its own units, whatever the rest of the batch.

    μ = Σ x / H,  σ² = Σ (x − μ)² / H, over the H units of a row
    x̂ = (x − μ) / √(σ² + ε)
    y = γx̂ + β
    ∂L/∂x = (γdy − mean(γdy) − x̂ · mean(γdy · x̂)) / √(σ² + ε)

Source: Ba, J. L., Kiros, J. R. & Hinton, G. E. (2016), "Layer Normalization", equations 3 and 4.
https://arxiv.org/abs/1607.06450

Conventions: γ starts at 1, β at 0, and neither decays. Training and evaluation are the same, nothing is averaged, and a
batch of one row is fine; but a layer of one unit is its own mean, so that y = β. ε is 1e-5 as in torch, under the root;
Keras has 1e-3. The paper normalises before the activation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Norm, Shape, Weights, check_choices, check_range
from nnreg_std.norms._by_row import RowTwin


@dataclass
class LayerNorm(Norm):
    """Puts every row on one scale by its own numbers alone, whatever the batch it comes in.

    Args:
        eps: ε, keeps the division defined where the units of a row are all alike, in (0, inf).
        position: "before" or "after" the activation.

    Raises:
        ValueError: a parameter is out of its range or not one of its choices.
    """

    eps: float = 1e-5
    position: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        check_range(self, eps="(0, inf)")
        check_choices(self)

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for γ and β, one of each a unit."""
        self.units = fan_in
        return fan_in, (Shape("gamma", (fan_in,), decays=False, start=1.0), Shape("beta", (fan_in,), decays=False, start=0.0))

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep γ and β; allocate x̂ and √(σ² + ε), those of evaluation apart, y and dx."""
        (self._gamma, self._dgamma), (self._beta, self._dbeta) = weights
        self._x_hat, self._aside, self._y, self._dx = (np.empty((rows, self.units), dtype) for _ in range(4))
        self._deviation, self._deviation_aside = (np.empty((rows, 1), dtype) for _ in range(2))
        self._ones: Array = np.ones(rows, dtype)
        self._share: Array = np.full((self.units, 1), 1 / self.units, dtype)  # a mean as a product

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y."""
        kept = (self._x_hat, self._deviation) if training else (self._aside, self._deviation_aside)
        x_hat, deviation, y = (array[: len(x)] for array in (*kept, self._y))
        np.subtract(x, x @ self._share, out=x_hat)
        np.matmul(np.square(x_hat, out=y), self._share, out=deviation)  # σ² = Σ (x − μ)² / H
        deviation += self.eps
        x_hat /= np.sqrt(deviation, out=deviation)  # x̂ = (x − μ) / √(σ² + ε)
        np.multiply(x_hat, self._gamma, out=y)
        return np.add(y, self._beta, out=y)  # y = γx̂ + β

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dγ = Σ dy · x̂ and dβ = Σ dy over the rows; return dx, which knows that μ and σ² depend on x."""
        n = len(dy)
        ones, x_hat, dx, work = self._ones[:n], self._x_hat[:n], self._dx[:n], self._aside[:n]
        np.matmul(ones, dy, out=self._dbeta)
        np.matmul(ones, np.multiply(dy, x_hat, out=work), out=self._dgamma)
        if need_dx:
            work *= self._gamma
            np.multiply(x_hat, work @ self._share, out=work)  # x̂ · mean(γdy · x̂)
            np.multiply(dy, self._gamma, out=dx)
            work += dx @ self._share  # mean(γdy)
            dx -= work
            dx /= self._deviation[:n]
        return dx

    def twin(self) -> RowTwin:
        """Return the same formulas for loops."""
        arrays = {"gamma": self._gamma, "dgamma": self._dgamma, "beta": self._beta, "dbeta": self._dbeta}
        return RowTwin(self, arrays | {"x_hat": self._x_hat, "deviation": self._deviation, "y": self._y})
