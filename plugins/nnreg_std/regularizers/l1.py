"""L1: a penalty on the absolute size of the weights, which drives unneeded ones to zero.

    R(W) = λ Σ |w|
    ∂R/∂w = λ sign(w)

Source: Tibshirani, R. (1996), "Regression Shrinkage and Selection via the Lasso", Journal of the Royal Statistical
Society B 58(1), 267–288. https://doi.org/10.1111/j.2517-6161.1996.tb02080.x

Conventions: the gradient at w = 0 is 0, one of the subgradients; torch's sign agrees. A plain gradient step makes weights
small, but they jump across zero instead of staying there; exact zeros need a proximal rule. λ is called weight_decay as
for the other regularizers, so that one sweep can compare them; Keras's L1(λ) has the same λ. Biases and gains are left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class L1(Regularizer):
    """Pulls every weight towards zero with the same force, however small it is already.

    Args:
        weight_decay: λ, strength of the pull, in [0, inf).

    Raises:
        ValueError: weight_decay is out of its range.
    """

    varies: ClassVar = ("weight_decay",)

    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        check_range(self, weight_decay="[0, inf)")

    def penalty(self, weights: Array) -> float:
        """Return the penalty of all weights."""
        return self.weight_decay * float(np.abs(weights).sum())  # R(W) = λ Σ |w|

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add the pull to the gradient."""
        grad += self.weight_decay * np.sign(weights)  # ∂R/∂w = λ sign(w)
