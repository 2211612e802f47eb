"""SoftmaxCrossEntropy: logits become probabilities; the loss is the surprise at the true class.

    pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
    L = −log p_label, the mean over the rows
    ∂L/∂z = (p − onehot(label)) / rows

Source: Bridle, J. (1990), "Probabilistic Interpretation of Feedforward Classification Network Outputs, with
Relationships to Statistical Pattern Recognition", https://doi.org/10.1007/978-3-642-76153-9_28; the gradient is
equation 4.109 of Bishop, C. (2006), "Pattern Recognition and Machine Learning".

Conventions: natural logarithm and mean over rows, as torch and Keras have it for logits. Nothing is added inside the
logarithm: working with logits makes the 1e-7 of some textbooks unnecessary. Labels are class numbers, never one-hot
rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Labels, Loss


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """How surprised the network is, in nats, by the true class; guessing costs log(classes)."""

    def value(self, logits: Array, labels: Labels) -> float:
        """Return the mean loss."""
        return self.value_and_gradient(logits, labels, np.empty_like(logits))

    def value_and_gradient(self, logits: Array, labels: Labels, out: Array) -> float:
        """Return the mean loss and write its gradient; the largest logit is subtracted first, so exp cannot overflow."""
        true = np.arange(len(labels)), labels
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=out)
        z_label = out[true]
        np.exp(out, out=out)
        total = out.sum(axis=1, keepdims=True)
        loss = np.log(total[:, 0]) - z_label  # L = −log p_label = log Σⱼ exp(zⱼ) − z_label
        out /= total  # pₖ = exp(zₖ) / Σⱼ exp(zⱼ)
        out[true] -= 1
        out /= len(labels)  # ∂L/∂z = (p − onehot(label)) / rows
        return float(loss.mean())
