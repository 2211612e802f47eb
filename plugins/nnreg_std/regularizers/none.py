"""NoRegularizer: no penalty, the weights are free.

    R(W) = 0

Source: Zhang, C., Bengio, S., Hardt, M., Recht, B. & Vinyals, O. (2017), "Understanding deep learning requires
rethinking generalization", section 3: networks generalise without explicit regularisation too.
https://arxiv.org/abs/1611.03530
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Array, Regularizer


@dataclass(frozen=True)
class NoRegularizer(Regularizer):
    """Does nothing: the control against which a penalty shows its worth."""

    def penalty(self, weights: Array) -> float:
        """Return zero."""
        return 0.0  # R(W) = 0

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Leave the gradient as it is."""
