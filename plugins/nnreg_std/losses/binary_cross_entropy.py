"""BinaryCrossEntropy: each output answers a yes-no question of its own, with a sigmoid.

    L = −Σₖ tₖ log σ(zₖ) + (1 − tₖ) log(1 − σ(zₖ)), the mean over the rows
      = Σₖ max(zₖ, 0) − zₖtₖ + log(1 + exp(−|zₖ|))
    ∂L/∂z = (σ(z) − t) / rows

Source: Bishop, C. (2006), "Pattern Recognition and Machine Learning", equations 5.22 and 5.18.
https://www.microsoft.com/en-us/research/publication/pattern-recognition-machine-learning/

Conventions: of logits, as torch's BCEWithLogitsLoss and Keras's with from_logits=True; summed over the outputs, where
those two take the mean over rows and outputs: theirs is 1/outputs times this one. Class numbers count as one-hot rows,
one question a class; values are the probabilities of a yes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy import exp, log1p
from numpy import float32 as T  # noqa: N812 - in a loop, the type of the run's numbers

from nnreg.contracts import Array, Loss, Targets
from nnreg.contracts.objective import LossLoop
from nnreg_std.losses._one_hot import as_values


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Surprise at every answer, in nats; several classes may be true of one row, or none."""

    takes: ClassVar[tuple[str, ...]] = ("classes", "values")

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return self.value_and_gradient(logits, targets, np.empty_like(logits))

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row."""
        t = as_values(targets, logits)
        losses: Array = (np.maximum(logits, 0) - logits * t + np.log1p(np.exp(-np.abs(logits)))).sum(axis=1)
        return losses

    def probabilities(self, logits: Array) -> Array:
        """Return how likely a yes to each question is."""
        p: Array = (1 + np.tanh(logits * 0.5)) * 0.5  # σ(z) = (1 + tanh(z/2)) / 2
        return p

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient.

        Raises:
            ValueError: a target value is no probability; the loss would have no lower bound.
        """
        t = as_values(targets, logits)
        if not (t.min() >= 0 and t.max() <= 1):  # written so that NaN fails
            raise ValueError(f"binary_cross_entropy takes values in [0, 1], got {t.min():g} to {t.max():g}")
        np.maximum(logits, 0, out=out)
        out -= logits * t
        out += np.log1p(np.exp(-np.abs(logits)))
        loss = float(out.sum()) / len(out)  # L = Σₖ max(zₖ, 0) − zₖtₖ + log(1 + exp(−|zₖ|))
        np.tanh(logits * 0.5, out=out)
        out += 1
        out *= 0.5  # σ(z) = (1 + tanh(z/2)) / 2
        out -= t
        out /= len(out)  # ∂L/∂z = (σ(z) − t) / rows
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
            if targets.ndim == 1 and (targets[i] < 0 or targets[i] >= outputs):
                raise IndexError("there is no such class")
            for k in range(outputs):
                t = (T(1) if targets[i] == k else T(0)) if targets.ndim == 1 else targets[i, k]
                if not (t >= T(0) and t <= T(1)):  # written so that NaN fails
                    raise ValueError("binary_cross_entropy takes values in [0, 1]")
            for k in range(outputs):
                out[i, k] = exp(-np.abs(logits[i, k]))
            for k in range(outputs):
                t = (T(1) if targets[i] == k else T(0)) if targets.ndim == 1 else targets[i, k]
                z, e = logits[i, k], out[i, k]
                part += np.maximum(z, T(0)) - z * t + log1p(e)
                out[i, k] = ((T(1) if z >= T(0) else e) / (T(1) + e) - t) / T(rows)  # ∂L/∂z = (σ(z) − t) / rows
        loss += part
    return float(loss / T(rows))
