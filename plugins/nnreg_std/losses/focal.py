"""Focal: cross-entropy in which rows that are easy already count little.

    pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
    L = −Σₖ tₖ (1 − pₖ)^γ log pₖ, the mean over the rows;   t = one-hot rows
    hₖ = tₖ (1 − pₖ)^γ (γ pₖ log pₖ / (1 − pₖ) − 1);   ∂L/∂z = (h − p Σₖ hₖ) / rows

Source: Lin, T.-Y., Goyal, P., Girshick, R., He, K. & Dollár, P. (2017), "Focal Loss for Dense Object Detection", equation 4,
ICCV, https://arxiv.org/abs/1708.02002.

Conventions: of the softmax of several classes; the paper's is of two, by a sigmoid, which is the softmax of z and 0. Its α, a
weight a class, is no part of this one. γ = 0 is cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Loss, Targets, check_range
from nnreg_std.losses._one_hot import as_values


@dataclass(frozen=True)
class Focal(Loss):
    """Surprise at the true class, turned down where it is small: the hard rows lead.

    Args:
        gamma: γ, how strongly easy rows are turned down, 0 for not at all, in [0, 100].

    Raises:
        ValueError: gamma is out of its range.
    """

    gamma: float = 2.0
    takes: ClassVar[tuple[str, ...]] = ("classes", "soft")

    def __post_init__(self) -> None:
        check_range(self, gamma="[0, 100]")

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return float(np.add.reduce(self.row_losses(logits, targets))) / len(logits)

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row."""
        log_p, missing = _probabilities(logits)
        losses: Array = -(as_values(targets, logits) * missing**self.gamma * log_p).sum(axis=1)  # L = −Σₖ tₖ (1 − pₖ)^γ log pₖ
        return losses

    def probabilities(self, logits: Array) -> Array:
        """Return how likely each class is."""
        z = logits - logits.max(axis=1, keepdims=True)
        p: Array = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)  # pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
        return p

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""
        log_p, missing = _probabilities(logits)
        p = np.exp(log_p)
        ratio = np.full_like(p, -1)  # log p / (1 − p), −1 where p is 1
        np.divide(log_p, missing, out=ratio, where=missing > 0)
        h = as_values(targets, logits) * missing**self.gamma * (self.gamma * p * ratio - 1)
        np.subtract(h, p * h.sum(axis=1, keepdims=True), out=out)
        out /= len(out)  # ∂L/∂z = (h − p Σₖ hₖ) / rows
        return self.value(logits, targets)


def _probabilities(logits: Array) -> tuple[Array, Array]:
    """Return log p and 1 − p, both as exact as the logits are."""
    log_p = logits - logits.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    np.minimum(log_p, 0, out=log_p)  # a sum may round to less than its one term
    return log_p, -np.expm1(log_p)
