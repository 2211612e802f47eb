"""BatchNorm: each unit is centred and scaled over its batch, then given a scale and a shift of its own to learn.

    μ = Σ x / n,  σ² = Σ (x − μ)² / n
    y = γ (x − μ) / √(σ² + ε) + β
    ∂L/∂x = γ / √(σ² + ε) · (dy − dβ/n − (x − μ) / √(σ² + ε) · dγ/n)

Source: Ioffe, S. & Szegedy, C. (2015), "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", Algorithms 1 and 2; the gradient is section 3. https://arxiv.org/abs/1502.03167

Conventions: γ starts at 1, β at 0, and neither decays. Evaluation uses running averages instead of the batch's own μ and
σ²; they start at 0 and 1, as in torch and Keras. ``momentum`` is the share of the old average that survives a step, as
in Keras (default 0.99 there); torch counts the other share, so its 0.1 is this 0.9. As in the paper's Algorithm 2 and
in torch, the batch is normalised with the variance over n and the running variance averages the one over n − 1; Keras
averages the one over n. ε is 1e-5 as in torch; Keras has 1e-3. Before the activation, as in the paper, γ and β follow an
affine layer whose own bias is cancelled by μ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Norm, Shape, Weights, check_choices, check_range


@dataclass
class BatchNorm(Norm):
    """Keeps every layer's input on one scale, so that deep networks learn from almost any start.

    Args:
        momentum: share of the running mean and variance that survives a step, in [0, 1).
        eps: ε, keeps the division defined where a unit does not vary, in (0, inf).
        position: "before" or "after" the activation.

    Raises:
        ValueError: a parameter is out of its range, or a training batch has one row.
    """

    least_rows: ClassVar[int] = 2

    momentum: float = 0.9
    eps: float = 1e-5
    position: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        check_range(self, momentum="[0, 1)", eps="(0, inf)")
        check_choices(self)

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for γ and β, one of each a unit."""
        self.units = fan_in
        return fan_in, (Shape("gamma", (fan_in,), decays=False, start=1.0), Shape("beta", (fan_in,), decays=False, start=0.0))

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep γ and β; start the running averages and allocate x − μ, y, dx and what is one number a unit."""
        (self._gamma, self._dgamma), (self._beta, self._dbeta) = weights
        self._running: Array = np.array([[0], [1]], dtype).repeat(self.units, axis=1)
        self._running_mean, self._running_variance = self._running
        self._whole: Array = np.empty((3, rows, self.units), dtype)
        self._shares_whole: Array = np.empty(rows, dtype)
        self._averages: Array = np.empty((2, self.units), dtype)
        self._change: Array = np.empty((2, self.units), dtype)
        # Numbers as arrays without dimensions: NumPy takes twice as long over one of Python's.
        self._eps, self._fresh, self._unbias = (np.array(number, dtype) for number in (self.eps, 1 - self.momentum, 1))
        self._inverse: Array = np.empty(self.units, dtype)
        self._scale: Array = np.empty(self.units, dtype)
        self.arrays: Mapping[str, Array] = {  # for loops
            "gamma": self._gamma,
            "dgamma": self._dgamma,
            "beta": self._beta,
            "dbeta": self._dbeta,
            "inverse": self._inverse,
            "mean": np.empty(self.units, dtype),
            "running_mean": self._running_mean,
            "running_variance": self._running_variance,
            "y": self._whole[1],
        }
        self._fit(rows)

    def _fit(self, n: int) -> None:
        """Work on the first n rows of every work array from now on."""
        self._n = n
        self._centred: Array = self._whole[0, :n]
        self._y: Array = self._whole[1, :n]
        self._dx: Array = self._whole[2, :n]
        self._shares = self._shares_whole[:n]
        self._shares[...] = 1 / n
        self._unbias[...] = n / max(n - 1, 1)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y, by the batch's own mean and variance in training, by their running averages in evaluation."""
        if training:
            if len(x) != self._n:
                self._fit(len(x))
            y = self._y
            self._normalise(x, y)
        else:
            y = self._whole[1, : len(x)]
            np.subtract(x, self._running_mean, out=y)
            y *= self._gamma / np.sqrt(self._running_variance + self.eps)
        return np.add(y, self._beta, out=y)

    def _normalise(self, x: Array, y: Array) -> None:
        n, centred, (mean, variance) = self._n, self._centred, self._averages
        self.check_rows(n)
        np.dot(self._shares, x, out=mean)  # μ = Σ x / n as a product: BLAS is faster than np.mean
        np.subtract(x, mean, out=centred)
        np.dot(self._shares, np.square(centred, out=y), out=variance)  # σ² = Σ (x − μ)² / n
        inverse, change = self._inverse, self._change
        np.add(variance, self._eps, out=inverse)
        np.reciprocal(np.sqrt(inverse, out=inverse), out=inverse)
        np.multiply(self._gamma, inverse, out=self._scale)
        np.multiply(centred, self._scale, out=y)  # y = γ (x − μ) / √(σ² + ε) + β, β follows
        variance *= self._unbias
        np.subtract(self._averages, self._running, out=change)
        self._running += np.multiply(change, self._fresh, out=change)

    def check_rows(self, n: int) -> None:
        """Refuse to train on a batch of one row.

        Raises:
            ValueError: it is one.
        """
        if n < self.least_rows:
            raise ValueError("a batch of one row is its own mean: train batch_norm on batches of 2 or more, or use layer_norm")

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write dγ = Σ dy (x − μ) / √(σ² + ε) and dβ = Σ dy; return dx, which knows that μ and σ² depend on x."""
        centred, dx, (of_dbeta, of_dgamma) = self._centred, self._dx, self._averages  # dβ/n and dγ/n
        np.dot(self._shares, dy, out=of_dbeta)
        np.dot(self._shares, np.multiply(dy, centred, out=dx), out=of_dgamma)
        of_dgamma *= self._inverse
        np.multiply(of_dbeta, self._n, out=self._dbeta)
        np.multiply(of_dgamma, self._n, out=self._dgamma)
        if need_dx:
            of_dgamma *= self._inverse
            np.multiply(centred, of_dgamma, out=dx)  # (x − μ) / √(σ² + ε) · dγ/n
            np.subtract(dy, dx, out=dx)
            dx -= of_dbeta
            dx *= self._scale  # γ / √(σ² + ε) · (dy − dβ/n − ...)
        return dx

    def renew(self, k: int) -> bool:
        """Average the means and the variances of k batches, each with the same share."""
        self._fresh[...] = 1 / k if k else 1 - self.momentum
        return True

    def twin(self) -> BatchNormTwin:
        """Return the same formulas for loops."""
        return BatchNormTwin(self)

    def state(self) -> Mapping[str, Array]:
        """Return the running averages, which a checkpoint must keep."""
        return {"running_mean": self._running_mean, "running_variance": self._running_variance}


class BatchNormTwin:
    """The same column by column: the batch's statistics in two passes, everything else in a third."""

    def __init__(self, norm: BatchNorm) -> None:
        self._norm, self.arrays = norm, norm.arrays

    def draw(self, n: int) -> None:
        """Draw nothing.

        Raises:
            ValueError: a batch has one row.
        """
        self._norm.check_rows(n)

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y by the batch's own mean and variance, and move their running averages."""
        a.mean[...] = x.sum(axis=0) / n  # μ = Σ x / n
        centred = x - a.mean
        variance = (centred * centred).sum(axis=0) / n  # σ² = Σ (x − μ)² / n
        a.inverse[...] = 1 / np.sqrt(variance + self._norm.eps)
        a.y[...] = centred * (a.gamma * a.inverse) + a.beta  # y = γ (x − μ) / √(σ² + ε) + β
        fresh = 1 - self._norm.momentum
        a.running_mean += (a.mean - a.running_mean) * fresh
        a.running_variance += (variance * (n / max(n - 1, 1)) - a.running_variance) * fresh
        return a.y

    def evaluate(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y by the running averages."""
        a.y[...] = (x - a.running_mean) * (a.gamma / np.sqrt(a.running_variance + self._norm.eps)) + a.beta
        return a.y

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Write dγ and dβ; return dx."""
        centred = x - a.mean
        a.dbeta[...] = dy.sum(axis=0)
        a.dgamma[...] = (dy * centred).sum(axis=0) * a.inverse
        of_dgamma = a.dgamma * a.inverse / n
        return (dy - centred * of_dgamma - a.dbeta / n) * (a.gamma * a.inverse)
