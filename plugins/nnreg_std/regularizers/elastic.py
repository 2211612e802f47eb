"""Elastic: the elastic net, a mixture of the penalties on absolute and on squared weights.

    R(W) = λ (ρ Σ |w| + ½(1 − ρ) Σ w²)
    ∂R/∂w = λ (ρ sign(w) + (1 − ρ)w)

Source: Zou, H. & Hastie, T. (2005), "Regularization and Variable Selection via the Elastic Net", Journal of the Royal
Statistical Society B 67(2), 301–320, https://doi.org/10.1111/j.1467-9868.2005.00503.x, the naive elastic net; in this
form Friedman, J., Hastie, T. & Tibshirani, R. (2010), "Regularization Paths for Generalized Linear Models via Coordinate
Descent", equation 2.

Conventions: one strength λ and a share ρ, as in glmnet (its α) and scikit-learn (l1_ratio), so that ρ = 1 is l1 and ρ = 0
is l2 with the same λ. Zou & Hastie and Keras give each penalty a strength of its own, λ₁ and λ₂, without the ½. The
gradient of |w| at 0 is 0. Biases and gains are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class Elastic(Regularizer):
    """A spring that also pulls when it is slack: few weights, and none of them large.

    Args:
        weight_decay: λ, strength of the pull, in [0, inf).
        l1_ratio: ρ, share of the penalty on absolute values, in [0, 1]; 0 is l2, 1 is l1.

    Raises:
        ValueError: a parameter is out of its range.
    """

    weight_decay: float = 1e-4
    l1_ratio: float = 0.5

    def __post_init__(self) -> None:
        check_range(self, weight_decay="[0, inf)", l1_ratio="[0, 1]")

    def penalty(self, weights: Array) -> float:
        """Return the penalty of all weights."""
        absolute, squared = float(np.abs(weights).sum()), float(weights @ weights)
        return self.weight_decay * (self.l1_ratio * absolute + 0.5 * (1 - self.l1_ratio) * squared)  # λ (ρ Σ|w| + ½(1 − ρ) Σw²)

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add the pull to the gradient."""
        pull = self.l1_ratio * np.sign(weights) + (1 - self.l1_ratio) * weights
        grad += self.weight_decay * pull  # ∂R/∂w = λ (ρ sign(w) + (1 − ρ)w)
