"""Activity: a penalty on the outputs of hidden units, for activations that are few and small.

    R(a) = (1/n) Σ λ₁|a| + λ₂a²     over the units and the n rows of a batch, for each hidden layer
    ∂R/∂a = (λ₁ sign a + 2λ₂a) / n

Source: Glorot, X., Bordes, A. & Bengio, Y. (2011), "Deep Sparse Rectifier Neural Networks" (λ₁ of 0.001 in its experiments).
https://proceedings.mlr.press/v15/glorot11a.html

Conventions: as activity_regularizer=L1L2(λ₁, λ₂) of every hidden layer in Keras: the sum over a row's units, the mean over
rows, and no factor ½ before λ₂. What is penalised is the activation's outputs as the next layer would see them without dropout,
and without a norm that stands after the activation. The gradient enters the backward pass there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class Activity(Regularizer):
    """Lets a unit answer only where it has something to say.

    Args:
        l1: λ₁, price of an output's size, which makes many of them zero, in [0, inf).
        l2: λ₂, price of an output's square, which keeps all of them small, in [0, inf).

    Raises:
        ValueError: a strength is out of its range.
    """

    acts_on: ClassVar[str] = "outputs"
    varies: ClassVar = ("l1", "l2")

    l1: float = 0.001
    l2: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, l1="[0, inf)", l2="[0, inf)")

    def penalty(self, outputs: Array) -> float:
        """Return the penalty of one layer's outputs."""
        size, square = float(np.abs(outputs).sum()), float(np.square(outputs).sum())
        return (self.l1 * size + self.l2 * square) / max(len(outputs), 1)  # R(a) = (1/n) Σ λ₁|a| + λ₂a²

    def add_gradient(self, outputs: Array, grad: Array) -> None:
        """Add the penalty's gradient to that of the outputs."""
        n = max(len(outputs), 1)
        if self.l1:
            grad += self.l1 / n * np.sign(outputs)  # ∂R/∂a = (λ₁ sign a
        if self.l2:
            grad += 2 * self.l2 / n * outputs  # + 2λ₂a) / n
