"""Norms of whole rows as formulas for loops: each row is centred, or not, and divided by its own size."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from nnreg.contracts import Array


class Sized(Protocol):
    """A norm with an ε."""

    eps: float


class RowTwin:
    """x̂ = (x − μ) / √(σ² + ε), y = γx̂ + β, row by row; where there is no β, nothing is subtracted either.

    Args:
        norm: whose formulas they are.
        arrays: its γ, x̂, √(σ² + ε) and y, and β, by the names gamma, x_hat, deviation, y and beta; dgamma and dbeta likewise.
    """

    def __init__(self, norm: Sized, arrays: Mapping[str, Array]) -> None:
        self._norm, self.arrays = norm, arrays
        self._units, self._is_centred = len(arrays["gamma"]), "beta" in arrays

    def draw(self, n: int) -> None:
        """Draw nothing."""

    def _mean(self, values: Any) -> Any:
        return values.sum(axis=1, keepdims=True) / self._units

    def _centred(self, x: Any) -> tuple[Any, Any]:
        """Return x − μ and √(σ² + ε)."""
        centred = x - self._mean(x) if self._is_centred else x
        return centred, np.sqrt(self._mean(centred * centred) + self._norm.eps)

    def _moved(self, x_hat: Any, a: SimpleNamespace) -> Any:
        return x_hat * a.gamma + a.beta if self._is_centred else x_hat * a.gamma

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y."""
        centred, deviation = self._centred(x)
        a.deviation[...] = deviation
        a.x_hat[...] = centred / deviation
        a.y[...] = self._moved(a.x_hat, a)
        return a.y

    def evaluate(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y, and leave what training kept alone."""
        centred, deviation = self._centred(x)
        a.y[...] = self._moved(centred / deviation, a)
        return a.y

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Write dγ and dβ; return dx = (γdy − mean(γdy) − x̂ · mean(γdy · x̂)) / √(σ² + ε)."""
        a.dgamma[...] = (dy * a.x_hat).sum(axis=0)
        scaled = dy * a.gamma
        along = scaled - a.x_hat * self._mean(scaled * a.x_hat)
        if self._is_centred:
            a.dbeta[...] = dy.sum(axis=0)
            along = along - self._mean(scaled)
        return along / a.deviation
