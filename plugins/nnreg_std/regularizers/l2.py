"""L2: weight decay by a penalty on the squared length of the weights.

    R(W) = ½λ Σ w²
    ∂R/∂w = λw

Source: Krogh, A. & Hertz, J. (1991), "A Simple Weight Decay Can Improve Generalization".
https://papers.nips.cc/paper/1991/hash/8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html

Conventions: with the factor ½ the gradient is λw, as for torch's weight_decay; Keras's L2(λ) has no ½, so its λ counts
twice. Biases and gains are left out here; torch decays every parameter it is given. The penalty is part of the gradient
that an optimizer sees, so adaptive rules rescale it; decoupled decay, as in AdamW, is a different technique.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class L2(Regularizer):
    """A spring that pulls every weight towards zero, the harder the longer the weight.

    Args:
        weight_decay: λ, strength of the pull, in [0, inf).

    Raises:
        ValueError: weight_decay is out of its range.
    """

    varies: ClassVar = ("weight_decay",)

    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        check_range(self, weight_decay="[0, inf)")

    def penalty(self, weights: Array) -> float:
        """Return the penalty of all weights."""
        return 0.5 * self.weight_decay * float(weights @ weights)  # R(W) = ½λ Σ w²

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add the pull to the gradient."""
        grad += self.weight_decay * weights  # ∂R/∂w = λw
