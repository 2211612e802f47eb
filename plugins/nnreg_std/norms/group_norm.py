"""GroupNorm: each row's channels are normalised in groups, over all its positions, whatever the batch it comes in.

    μ, σ² = mean and variance over the positions and channels of a row's group
    x̂ = (x − μ) / √(σ² + ε),  y = γx̂ + β
    ∂L/∂x = (γdy − mean(γdy) − x̂ · mean(γdy · x̂)) / √(σ² + ε)

Source: Wu, Y. & He, K. (2018), "Group Normalization", equations 1, 2 and 7. https://arxiv.org/abs/1803.08494

Conventions: as in torch, γ and β are one a channel and start at 1 and 0, and σ² is divided by the number, not by one less. The
channels of a group stand side by side. Rows without positions are normalised over the units of a group. ``groups=1`` is
what the paper calls layer norm: all channels and positions together; the paper uses 32 groups of wider networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Norm, Shape, Weights, check_choices, check_range
from nnreg_std.norms._by_row import RowTwin


@dataclass
class GroupNorm(Norm):
    """Puts a group of channels that belong together on one scale, row by row.

    Args:
        groups: into which the channels are divided evenly, in [1, inf).
        eps: ε, keeps the division defined where a group is all alike, in (0, inf).
        position: "before" or "after" the activation.

    Raises:
        ValueError: a parameter is out of its range or not one of its choices.
    """

    groups: int = 1
    eps: float = 1e-5
    position: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        check_range(self, groups="[1, inf)", eps="(0, inf)")
        check_choices(self)
        self._positions = 1

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Learn how many positions belong to a row."""
        self._positions = math.prod(positions)
        return positions

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for γ and β, one of each a channel.

        Raises:
            ValueError: the groups do not divide the channels.
        """
        if fan_in % self.groups:
            fits = math.gcd(self.groups, fan_in)
            raise ValueError(f"{self.groups} groups do not divide {fan_in} units evenly: use groups={fits}")
        self._form = self._positions, self.groups, fan_in // self.groups
        return fan_in, (Shape("gamma", (fan_in,), decays=False, start=1.0), Shape("beta", (fan_in,), decays=False, start=0.0))

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep γ and β; allocate x̂ and √(σ² + ε), those of evaluation apart, y and dx."""
        (self._gamma, self._dgamma), (self._beta, self._dbeta) = weights
        units, alone = len(self._gamma), rows // self._positions
        self._x_hat, self._aside, self._y, self._dx = (np.empty((rows, units), dtype) for _ in range(4))
        self._deviation, self._deviation_aside, self._mean = (np.empty((alone, 1, self.groups, 1), dtype) for _ in range(3))
        self._ones: Array = np.ones(rows, dtype)

    def _grouped(self, array: Array) -> Array:
        """Return a view (rows, positions, groups, channels of a group)."""
        return array.reshape(-1, *self._form)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y."""
        kept = (self._x_hat, self._deviation) if training else (self._aside, self._deviation_aside)
        n, alone = len(x), len(x) // self._positions
        x_hat, y = kept[0][:n], self._y[:n]
        mean, deviation = self._mean[:alone], kept[1][:alone]
        within, grouped = self._grouped(x), self._grouped(x_hat)
        np.subtract(within, within.mean(axis=(1, 3), keepdims=True, out=mean), out=grouped)
        np.mean(self._grouped(np.square(x_hat, out=y)), axis=(1, 3), keepdims=True, out=deviation)  # σ²
        deviation += self.eps
        grouped /= np.sqrt(deviation, out=deviation)  # x̂ = (x − μ) / √(σ² + ε)
        np.multiply(x_hat, self._gamma, out=y)
        return np.add(y, self._beta, out=y)  # y = γx̂ + β

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dγ = Σ dy · x̂ and dβ = Σ dy over rows and positions; return dx, which knows that μ and σ² depend on x."""
        n, alone = len(dy), len(dy) // self._positions
        ones, x_hat, dx, work, mean = self._ones[:n], self._x_hat[:n], self._dx[:n], self._aside[:n], self._mean[:alone]
        np.matmul(ones, dy, out=self._dbeta)
        np.matmul(ones, np.multiply(dy, x_hat, out=work), out=self._dgamma)
        if need_dx:
            work *= self._gamma
            np.mean(self._grouped(work), axis=(1, 3), keepdims=True, out=mean)  # mean(γdy · x̂)
            np.multiply(self._grouped(x_hat), mean, out=self._grouped(work))
            np.multiply(dy, self._gamma, out=dx)
            grouped = self._grouped(dx)
            np.mean(grouped, axis=(1, 3), keepdims=True, out=mean)  # mean(γdy)
            grouped -= mean
            dx -= work
            grouped /= self._deviation[:alone]
        return dx

    def twin(self) -> RowTwin | None:
        """Return the same formulas for loops, where a group is a whole row."""
        if self.groups > 1 or self._positions > 1:
            return None
        arrays = {"gamma": self._gamma, "dgamma": self._dgamma, "beta": self._beta, "dbeta": self._dbeta}
        deviation = self._deviation.reshape(-1, 1)
        return RowTwin(self, arrays | {"x_hat": self._x_hat, "deviation": deviation, "y": self._y})
