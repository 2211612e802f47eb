"""SGD: stochastic gradient descent, the plain step against the gradient.

    θ ← θ − ηg

Source: Robbins, H. & Monro, S. (1951), "A Stochastic Approximation Method", Annals of Mathematical Statistics 22(3),
400–407. https://doi.org/10.1214/aoms/1177729586

Conventions: every library agrees. The rule is called stochastic because g comes from a random mini-batch, not from all the
data; on a deterministic gradient it is gradient descent, which diverges once η exceeds 2 / (largest curvature).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Array, Optimizer


@dataclass
class SGD(Optimizer):
    """Walks straight downhill, the steeper the further.

    Args:
        lr: learning rate η, the length of a step for a gradient of length 1, in (0, inf).

    Raises:
        ValueError: lr is out of its range.
    """

    search: ClassVar = {"lr": (1e-3, 1.0)}

    lr: float = 0.01

    def update(self, theta: Array, g: Array, *, t: int, lr: float) -> None:
        """Take one step against the gradient."""
        theta -= lr * g  # θ ← θ − ηg
