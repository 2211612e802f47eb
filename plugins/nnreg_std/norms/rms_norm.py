"""RMSNorm: layer normalisation without the mean: each row is divided by its own size.

    r = √(Σ x² / H + ε),  x̂ = x / r,  y = γx̂
    ∂L/∂x = (γdy − x̂ · mean(γdy · x̂)) / r

Source: Zhang, B. & Sennrich, R. (2019), "Root Mean Square Layer Normalization", equation 4. https://arxiv.org/abs/1910.07467

Conventions: H is the number of units of the layer; γ starts at 1, and there is no shift. ε stands below the root, as in torch;
torch's own default is the smallest number that float32 tells from 1, 1.2e-7. Where rows have positions, each is normalised over
its channels alone.
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
class RMSNorm(Norm):
    """Makes no row louder than another, and leaves its mean where it is.

    Args:
        eps: ε, keeps the division defined for a row of zeros, in (0, inf).
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
        """Ask for γ, one a unit."""
        self.units = fan_in
        return fan_in, (Shape("gamma", (fan_in,), decays=False, start=1.0),)

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep γ; allocate x̂ and r, those of evaluation apart, y and dx."""
        ((self._gamma, self._dgamma),) = weights
        self._x_hat, self._aside, self._y, self._dx = (np.empty((rows, self.units), dtype) for _ in range(4))
        self._r, self._r_aside, self._mean = (np.empty((rows, 1), dtype) for _ in range(3))
        self._ones: Array = np.ones(rows, dtype)
        self._share: Array = np.full((self.units, 1), 1 / self.units, dtype)  # a mean as a product

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y."""
        kept = (self._x_hat, self._r) if training else (self._aside, self._r_aside)
        x_hat, r, y = (array[: len(x)] for array in (*kept, self._y))
        np.matmul(np.square(x, out=y), self._share, out=r)
        r += self.eps
        np.divide(x, np.sqrt(r, out=r), out=x_hat)  # x̂ = x / √(Σ x² / H + ε)
        return np.multiply(x_hat, self._gamma, out=y)  # y = γx̂

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dγ = Σ dy · x̂ over the rows; return dx, which knows that r depends on x."""
        n = len(dy)
        x_hat, dx, work, mean = self._x_hat[:n], self._dx[:n], self._aside[:n], self._mean[:n]
        np.matmul(self._ones[:n], np.multiply(dy, x_hat, out=work), out=self._dgamma)
        if need_dx:
            work *= self._gamma
            np.matmul(work, self._share, out=mean)  # mean(γdy · x̂)
            np.multiply(x_hat, mean, out=work)
            np.multiply(dy, self._gamma, out=dx)
            dx -= work
            dx /= self._r[:n]
        return dx

    def twin(self) -> RowTwin:
        """Return the same formulas for loops."""
        arrays = {"gamma": self._gamma, "dgamma": self._dgamma, "x_hat": self._x_hat, "deviation": self._r, "y": self._y}
        return RowTwin(self, arrays)
