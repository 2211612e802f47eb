"""Shampoo: AdaGrad for matrices, which sees how rows move together, and columns, and takes roots of their whole tables.

    L ← L + GGᵀ                      L = εI at first
    R ← R + GᵀG                      R = εI at first
    W ← W − η · L^(−1/4) G R^(−1/4)  matrices
    H ← H + ggᵀ
    b ← b − η · H^(−1/2) g           vectors

Source: Gupta, V., Koren, T. & Singer, Y. (2018), "Shampoo: Preconditioned Stochastic Tensor Optimization", Algorithms 1 and
2. https://arxiv.org/abs/1802.09568

Conventions: sums, not running averages, as in the paper. The tables and their roots, by eigenvectors, are float64 in runs of
any precision, and taken in every step. With interval=10 they are taken in the first ten steps and then in every tenth, as in
the paper's experiments, which is ten times faster; gradients that go where they never went before meet a root that knows
nothing of it, so lr is to be a tenth too. A side of more than `max_size` keeps the diagonal of its table alone, as in the
authors' code. That has η = 1, for large networks; small ones want 0.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Optimizer, ParametersView, check_range

Table = npt.NDArray[Any]
"""Of float64."""


@dataclass
class Shampoo(Optimizer):
    """Straightens a layer's steps: what rows or columns always do together counts once.

    Args:
        lr: learning rate η, the length of the first step in every direction of a matrix, in (0, inf).
        eps: ε, on the diagonal of each table at first, in (0, inf).
        interval: steps between two times that roots are taken, in [1, inf).
        max_size: longest side of an array that has a whole table, in [1, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar = {"lr": (0.01, 1.0)}

    lr: float = 0.1
    eps: float = 1e-4
    interval: int = 1
    max_size: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, eps="(0, inf)", interval="[1, inf)", max_size="[1, inf)")

    def bind(self, parameters: ParametersView) -> None:
        """Keep, of each side of each array, its table and the root in use; of a long one the diagonals."""
        super().bind(parameters)
        for name, (theta, _) in parameters.named.items():
            for side, length in enumerate(theta.shape):
                table: Table = np.full(length, self.eps) if length > self.max_size else self.eps * np.eye(length)
                self.state_vectors |= {f"{name}.table{side}": table, f"{name}.root{side}": np.zeros_like(table)}

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        lr = float(self.lr * factor)
        takes_roots = t < self.interval or t % self.interval == 0
        for name, (theta, g) in self.parameters.named.items():
            gradient = direction = np.asarray(g, np.float64)
            for side in range(g.ndim):
                table, root = self.state_vectors[f"{name}.table{side}"], self.state_vectors[f"{name}.root{side}"]
                add_products(table, np.moveaxis(gradient, side, 0))
                if takes_roots:
                    root[...] = inverse_root(table, 2 * g.ndim)
                direction = along(side, root, direction)
            theta -= lr * direction.astype(theta.dtype)


def add_products(table: Table, g: Array) -> None:
    """Add to a side's table, or to its diagonal, the products of its slices; g has that side first."""
    rows = g.reshape(len(g), math.prod(g.shape[1:]))
    table += rows @ rows.T if table.ndim == 2 else np.square(rows).sum(axis=1)  # L ← L + GGᵀ


def inverse_root(table: Table, order: int) -> Table:
    """Return table^(−1/order); of a diagonal each element's."""
    if table.ndim == 1:
        return np.power(table, -1 / order)
    values, vectors = np.linalg.eigh(table)
    floor = max(values[-1], 0.0) * len(table) * np.finfo(np.float64).eps if len(table) else 0.0  # what rounding leaves of 0
    root: Table = (vectors * np.maximum(values, floor) ** (-1 / order)) @ vectors.T
    return root


def along(side: int, root: Table, g: Table) -> Table:
    """Multiply one side of an array with a root."""
    turned = np.moveaxis(g, side, 0)
    product = root @ turned if root.ndim == 2 else root.reshape(-1, *[1] * (g.ndim - 1)) * turned
    return np.moveaxis(product, 0, side)
