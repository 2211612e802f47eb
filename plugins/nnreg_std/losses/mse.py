"""MSE: half the squared distance between outputs and targets.

    L = ½ Σₖ (zₖ − tₖ)², the mean over the rows
    ∂L/∂z = (z − t) / rows

Source: Bishop, C. (2006), "Pattern Recognition and Machine Learning", equations 5.11 and 5.18; the ½ makes the gradient
the bare difference. https://www.microsoft.com/en-us/research/publication/pattern-recognition-machine-learning/

Conventions: summed over the outputs, halved. torch and Keras take the mean over rows and outputs without the half, so
theirs is 2/outputs times this one, and so is its gradient: scale the learning rate. Class numbers count as one-hot rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy import float32 as T  # noqa: N812 - in a loop, the type of the run's numbers

from nnreg.contracts import Array, Loss, Targets
from nnreg.contracts.objective import LossLoop
from nnreg_std.losses._one_hot import as_values


@dataclass(frozen=True)
class MSE(Loss):
    """The loss of regression; for classes it pulls outputs to 0 and 1 and learns slowly."""

    takes: ClassVar[tuple[str, ...]] = ("values", "classes")

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return self.value_and_gradient(logits, targets, np.empty_like(logits))

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row."""
        losses: Array = 0.5 * np.square(logits - as_values(targets, logits)).sum(axis=1)
        return losses

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""
        np.subtract(logits, as_values(targets, logits), out=out)
        loss = float(np.vdot(out, out)) / (2 * len(out))  # L = ½ Σₖ (zₖ − tₖ)²
        out /= len(out)  # ∂L/∂z = (z − t) / rows
        return loss

    def loop(self, targets: Targets) -> LossLoop:
        """Return the same, row by row."""
        return LossLoop(_looped)


def _looped(numbers: Array, logits: Array, targets: Targets, out: Array) -> float:
    rows, outputs = logits.shape[0], logits.shape[1]
    loss = T(0)
    for start in range(0, rows, 256):
        part = T(0)
        for i in range(start, min(start + 256, rows)):
            for k in range(outputs):
                t = (T(1) if targets[i] == k else T(0)) if targets.ndim == 1 else targets[i, k]
                d = logits[i, k] - t
                part += d * d
                out[i, k] = d / T(rows)  # ∂L/∂z = (z − t) / rows
        loss += part
    return float(loss / T(2 * rows))
