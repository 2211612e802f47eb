"""Adafactor: Adam's division for the memory of a row and a column, with steps relative to the size of what they move.

    r ← β̂r + (1 − β̂)(mean over columns of g² + ε₁)
    c ← β̂c + (1 − β̂)(mean over rows of g² + ε₁)           v = rcᵀ / mean(r); of a vector v itself is kept
    u = g / √v
    u ← u / max(1, RMS(u) / d)
    θ ← θ − max(ε₂, RMS(θ)) · min(η, 1/√t) · u             β̂ = 1 − t^−γ

Source: Shazeer, N. & Stern, M. (2018), "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", Algorithms 4 to 6.
https://arxiv.org/abs/1804.04235

Conventions: the defaults are the paper's, without momentum and decay, as in torch, where ε₁ bounds √v from below instead.
Roots are taken of each factor before they are multiplied, as in optax: in float32 the product of two that are nearly 0 is 0.
Which of r and c are the rows does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, ParametersView, check_range


@dataclass
class Adafactor(Optimizer):
    """Remembers squares by row and column, and moves each array by a share of its size.

    Args:
        lr: learning rate η, largest step of an array as a share of its size, in (0, inf).
        gamma: γ, how fast the memory of squares grows with t, in [0, inf); the paper's 0.8.
        clip: d, root mean square of u above which it is scaled down, in (0, inf).
        eps1: ε₁, added to squared gradients, in (0, inf).
        eps2: ε₂, size that an array counts as at least, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar = {"lr": (1e-3, 0.3)}

    lr: float = 0.01
    gamma: float = 0.8
    clip: float = 1.0
    eps1: float = 1e-30
    eps2: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, gamma="[0, inf)", clip="(0, inf)", eps1="(0, inf)", eps2="(0, inf)")

    def bind(self, parameters: ParametersView) -> None:
        """Keep a number a row and a column of each matrix, and one for each element of all else."""
        super().bind(parameters)
        for name, (theta, _) in parameters.named.items():
            if theta.ndim == 2:
                rows, columns = theta.shape
                self.state_vectors |= {
                    f"{name}.r": np.zeros((rows, 1), theta.dtype),
                    f"{name}.c": np.zeros((1, columns), theta.dtype),
                }
            else:
                self.state_vectors[f"{name}.v"] = np.zeros_like(theta)

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        rho = min(float(self.lr * factor), 1 / math.sqrt(t))  # min(η, 1/√t)
        share = t**-self.gamma  # 1 − β̂
        for name, (theta, g) in self.parameters.named.items():
            if theta.size:
                u = g / self._root(name, g * g + self.eps1, share)  # u = g / √v
                u /= max(1.0, size_of(u) / self.clip)  # u ← u / max(1, RMS(u) / d)
                theta -= max(self.eps2, size_of(theta)) * rho * u  # θ ← θ − max(ε₂, RMS(θ)) · min(η, 1/√t) · u

    def _root(self, name: str, squares: Array, share: float) -> Array:
        if squares.ndim != 2:
            v = self.state_vectors[f"{name}.v"]
            v += share * (squares - v)  # v ← β̂v + (1 − β̂)(g² + ε₁)
            return np.sqrt(v)
        r, c = self.state_vectors[f"{name}.r"], self.state_vectors[f"{name}.c"]
        r += share * (squares.mean(axis=1, keepdims=True) - r)  # r ← β̂r + (1 − β̂)(mean over columns of g² + ε₁)
        c += share * (squares.mean(axis=0, keepdims=True) - c)  # c ← β̂c + (1 − β̂)(mean over rows of g² + ε₁)
        root: Array = np.sqrt(r / r.mean()) * np.sqrt(c)  # √v, where v = rcᵀ / mean(r) itself may be too small a number
        return root


def size_of(x: Array) -> float:
    """Return the root mean square."""
    return float(np.linalg.norm(x)) / math.sqrt(x.size)
