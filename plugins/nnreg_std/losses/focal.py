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
from numpy import exp, expm1, log
from numpy import float32 as T  # noqa: N812 - in a loop, the type of the run's numbers

from nnreg.contracts import Array, Loss, Targets, check_range
from nnreg.contracts.objective import LossLoop
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

    def loop(self, targets: Targets) -> LossLoop:
        """Return the same, row by row."""
        return LossLoop(_looped, ("gamma",))


def _probabilities(logits: Array) -> tuple[Array, Array]:
    """Return log p and 1 − p, both as exact as the logits are."""
    log_p = logits - logits.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    np.minimum(log_p, 0, out=log_p)  # a sum may round to less than its one term
    return log_p, -np.expm1(log_p)


def _looped(numbers: Array, logits: Array, targets: Targets, out: Array) -> float:
    gamma, rows, classes = numbers[0], logits.shape[0], logits.shape[1]
    loss = T(0)
    for start in range(0, rows, 256):
        part = T(0)
        for i in range(start, min(start + 256, rows)):
            if targets.ndim == 1 and (targets[i] < 0 or targets[i] >= classes):
                raise IndexError("there is no such class")
            largest, total, sum_h = logits[i, 0], T(0), T(0)
            for k in range(1, classes):
                largest = max(largest, logits[i, k])
            for k in range(classes):
                total += exp(logits[i, k] - largest)
            log_total = log(total)
            for k in range(classes):
                t = (T(1) if targets[i] == k else T(0)) if targets.ndim == 1 else targets[i, k]
                h = T(0)
                if t != T(0):
                    log_p = np.minimum(logits[i, k] - largest - log_total, T(0))
                    missing = -expm1(log_p)
                    weight = t * missing**gamma
                    ratio = log_p / missing if missing > T(0) else T(-1)
                    part -= weight * log_p
                    h = weight * (gamma * exp(log_p) * ratio - T(1))
                sum_h += h
                out[i, k] = h
            for k in range(classes):
                p = exp(np.minimum(logits[i, k] - largest - log_total, T(0)))
                out[i, k] = (out[i, k] - p * sum_h) / T(rows)  # ∂L/∂z = (h − p Σₖ hₖ) / rows
        loss += part
    return float(loss / T(rows))
