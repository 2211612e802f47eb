"""MyRule: a penalty on the squared length of the weights.

    R(W) = ½λ Σ w²
    ∂R/∂w = λw

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class MyRule(Regularizer):
    """One sentence of intuition: the longer a weight, the harder it is pulled back.

    Args:
        strength: λ, in [0, inf).

    Raises:
        ValueError: strength is out of its range.
    """

    strength: float = 1e-4

    def __post_init__(self) -> None:
        check_range(self, strength="[0, inf)")

    def penalty(self, weights: Array) -> float:
        """Return the penalty of all weights."""
        return 0.5 * self.strength * float(weights @ weights)  # R(W) = ½λ Σ w²

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add the penalty's gradient to what is there."""
        grad += self.strength * weights  # ∂R/∂w = λw
