"""Hinge: the true class must lead every other one by a margin; what leads by more costs nothing.

    L = Σ_{k ≠ label} max(0, m + zₖ − z_label), the mean over the rows
    ∂L/∂zₖ = [m + zₖ > z_label] / rows  for k ≠ label,   ∂L/∂z_label = −Σ of those

Source: Weston, J. & Watkins, C. (1999), "Support Vector Machines for Multi-Class Pattern Recognition", ESANN, equation 3,
https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf

Conventions: of Weston & Watkins, a sum over the other classes. torch's MultiMarginLoss divides it by the number of classes;
scikit-learn's hinge_loss and Crammer & Singer (2001) take the largest term alone. Of two classes it is the hinge of z₁ − z₀.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float32 as T  # noqa: N812 - in a loop, the type of the run's numbers

from nnreg.contracts import Array, Loss, Targets, check_range
from nnreg.contracts.objective import LossLoop


@dataclass(frozen=True)
class Hinge(Loss):
    """The loss of support vector machines: rows that are right by a margin no longer count.

    Args:
        margin: m, by which the true class must lead, in (0, inf).

    Raises:
        ValueError: margin is out of its range.
    """

    margin: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, margin="(0, inf)")

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return self.value_and_gradient(logits, targets, np.empty_like(logits))

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row."""
        losses: Array = np.maximum(self._short(logits, targets), 0).sum(axis=1)
        return losses

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""
        rows, short = np.arange(len(logits)), self._short(logits, targets)
        out[...] = short > 0
        out[rows, targets] = -np.add.reduce(out, axis=1)  # ∂L/∂z_label
        out /= len(out)
        return float(np.maximum(short, 0).sum()) / len(out)  # L = Σ_{k ≠ label} max(0, m + zₖ − z_label)

    def loop(self, targets: Targets) -> LossLoop:
        """Return the same, row by row."""
        return LossLoop(_looped, ("margin",))

    def _short(self, logits: Array, targets: Targets) -> Array:
        """Return by how much the true class leads every other one too little, and 0 for itself."""
        rows = np.arange(len(logits))
        short: Array = logits - logits[rows, targets][:, None] + self.margin
        short[rows, targets] -= self.margin  # 0, or NaN of a logit that is not finite
        return short


def _looped(numbers: Array, logits: Array, targets: Targets, out: Array) -> float:
    margin, rows, classes = numbers[0], logits.shape[0], logits.shape[1]
    loss = T(0)
    for start in range(0, rows, 256):
        part = T(0)
        for i in range(start, min(start + 256, rows)):
            label = targets[i]
            if label < 0 or label >= classes:
                raise IndexError("there is no such class")
            true, count = logits[i, label], T(0)
            for k in range(classes):
                short = logits[i, k] - true + (T(0) if label == k else margin)
                is_short = short > T(0)
                part += np.maximum(short, T(0))
                count += T(1) if is_short else T(0)
                out[i, k] = (T(1) if is_short else T(0)) / T(rows)
            out[i, label] = -count / T(rows)  # ∂L/∂z_label
        loss += part
    return float(loss / T(rows))
