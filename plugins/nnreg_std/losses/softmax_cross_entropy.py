"""SoftmaxCrossEntropy: logits become probabilities; the loss is the surprise at the true class.

    pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
    qₖ = (1 − ε)·[k = label] + ε/K,  K classes
    L = −Σₖ qₖ log pₖ, the mean over the rows
    ∂L/∂z = (p − q) / rows

Source: Bridle, J. (1990), "Probabilistic Interpretation of Feedforward Classification Network Outputs, with Relationships
to Statistical Pattern Recognition", https://doi.org/10.1007/978-3-642-76153-9_28; ε from Szegedy, C. et al. (2016),
"Rethinking the Inception Architecture for Computer Vision", section 7. https://arxiv.org/abs/1512.00567

Conventions: natural logarithm, mean over rows and ε shared by all K classes, the true one too, as in torch and Keras.
Nothing is added inside the logarithm, as logits need no 1e-7. The validation loss is smoothed like the training loss. Shares of
the classes, as mixup makes them, stand in the place of [k = label].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy import exp, log
from numpy import float32 as T  # noqa: N812 - in a loop, the type of the run's numbers

from nnreg.contracts import Array, Loss, Targets, check_range
from nnreg.contracts.objective import LossLoop
from nnreg_std.losses._one_hot import as_values


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """How surprised the network is, in nats, by the true class; guessing costs log(classes).

    Args:
        label_smoothing: ε, the share of belief spread evenly over all classes, in [0, 1).

    Raises:
        ValueError: label_smoothing is out of its range.
    """

    label_smoothing: float = 0.0
    takes: ClassVar[tuple[str, ...]] = ("classes", "soft")

    def __post_init__(self) -> None:
        check_range(self, label_smoothing="[0, 1)")

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return self.value_and_gradient(logits, targets, np.empty_like(logits))

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row."""
        return self._of_shares(logits, as_values(targets, logits), np.empty_like(logits))

    def probabilities(self, logits: Array) -> Array:
        """Return how likely each class is."""
        z = logits - logits.max(axis=1, keepdims=True)
        p: Array = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)  # pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
        return p

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient.

        The largest logit is subtracted first, so that exp cannot overflow. Rows and columns change places for it: NumPy adds
        up a few long rows several times faster than many short ones.
        """
        if targets.ndim == 2:
            return float(np.add.reduce(self._of_shares(logits, targets, out))) / len(targets)
        eps, rows, labels = self.label_smoothing, len(targets), targets
        z: Array = logits.T.copy()
        z -= np.maximum.reduce(z)
        flat, true = z.reshape(-1), np.multiply(labels, rows, dtype=np.intp) + np.arange(rows)  # where each row's true class is
        z_q = flat[true]  # Σₖ qₖ zₖ
        if eps:
            z_q = (1 - eps) * z_q + eps * z.mean(axis=0)
        p = np.exp(z, out=z)
        total = np.add.reduce(p)
        loss = np.log(total) - z_q  # L = −Σₖ qₖ log pₖ = log Σⱼ exp(zⱼ) − Σₖ qₖ zₖ
        p /= total  # pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
        flat[true] -= 1 - eps
        if eps:
            p -= eps / len(p)
        np.divide(p.T, rows, out=out)  # ∂L/∂z = (p − q) / rows
        return float(np.add.reduce(loss)) / rows

    def loop(self, targets: Targets) -> LossLoop:
        """Return the same, row by row."""
        return LossLoop(_looped, ("label_smoothing",))

    def _of_shares(self, logits: Array, shares: Array, out: Array) -> Array:
        """Return the loss of each row, and write the gradient of their mean, for shares of classes, (rows, classes)."""
        z, q = logits.T.copy(), (1 - self.label_smoothing) * shares.T + self.label_smoothing / logits.shape[1]
        z -= np.maximum.reduce(z)
        z_q = np.add.reduce(q * z)  # Σₖ qₖ zₖ
        p = np.exp(z, out=z)
        total = np.add.reduce(p)
        p /= total
        p -= q
        np.divide(p.T, len(shares), out=out)  # ∂L/∂z = (p − q) / rows
        losses: Array = np.log(total) - z_q
        return losses


def _looped(numbers: Array, logits: Array, targets: Targets, out: Array) -> float:
    eps, rows, classes = numbers[0], logits.shape[0], logits.shape[1]
    loss = T(0)
    for start in range(0, rows, 256):
        part = T(0)
        for i in range(start, min(start + 256, rows)):
            if targets.ndim == 1 and (targets[i] < 0 or targets[i] >= classes):
                raise IndexError("there is no such class")
            largest = logits[i, 0]
            for k in range(1, classes):
                largest = max(largest, logits[i, k])
            total, rest, true = T(0), T(0), T(0)
            for k in range(classes):
                z = logits[i, k] - largest
                out[i, k] = exp(z)
                rest += z
            for k in range(classes):
                total += out[i, k]
            if targets.ndim == 1:
                true = logits[i, targets[i]] - largest
            else:
                for k in range(classes):
                    true += targets[i, k] * (logits[i, k] - largest)
            part += log(total) - (T(1) - eps) * true - eps * rest / T(classes)  # −Σₖ qₖ log pₖ
            for k in range(classes):
                out[i, k] = (out[i, k] / total - eps / T(classes)) / T(rows)  # ∂L/∂z = (p − q) / rows
            if targets.ndim == 1:
                out[i, targets[i]] -= (T(1) - eps) / T(rows)
            else:
                for k in range(classes):
                    out[i, k] -= (T(1) - eps) * targets[i, k] / T(rows)
        loss += part
    return float(loss / T(rows))
