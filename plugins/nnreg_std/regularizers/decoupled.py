"""DecoupledDecay: weights shrink by a fixed share a step, whatever the optimizer makes of the gradient.

    w ← w − ηλw, then the update

Source: Loshchilov, I. & Hutter, F. (2019), "Decoupled Weight Decay Regularization", equation 1 and Algorithm 2.
https://arxiv.org/abs/1711.05101

Conventions: the share is ηλ with the learning rate η of this step, schedule included, as in torch's and Keras's AdamW:
optimizer=adam with this is AdamW. The paper multiplies λ with the schedule's factor alone: its λ is this λ times the
optimizer's lr. With plain SGD it is the same as regularizer=l2, with momentum or an adaptive rule it is not. Nothing is
added to loss or gradient. Biases and gains are left out; torch decays every parameter it is given. A rule that decays by
itself, such as optimizer=adamw, needs no other decay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class DecoupledDecay(Regularizer):
    """Forgets a little of every weight in each step, at one rate for all of them.

    Args:
        weight_decay: λ, share of a weight that is lost a step for a learning rate of 1, in [0, inf).

    Raises:
        ValueError: weight_decay is out of its range.
    """

    varies: ClassVar = ("weight_decay",)

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        check_range(self, weight_decay="[0, inf)")

    def penalty(self, weights: Array) -> float:
        """Return zero: the loss does not know."""
        return 0.0

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Leave the gradient as it is."""

    def decay(self, weights: Array, lr: float) -> None:
        """Shrink the weights."""
        weights *= 1 - lr * self.weight_decay  # w ← w − ηλw
