"""AdaMax: Adam that divides by the largest recent gradient instead of a root mean square.

    m ← β₁m + (1 − β₁)g
    u ← max(β₂u, |g| + ε)
    θ ← θ − η / (1 − β₁ᵗ) · m / u

Source: Kingma, D. P. & Ba, J. (2015), "Adam: A Method for Stochastic Optimization", Algorithm 2.
https://arxiv.org/abs/1412.6980

Conventions: the paper has no ε and divides zero by zero where no gradient was seen yet. Here, as in torch, ε is added to |g|
inside the maximum; Keras adds it to u. The learning rate is the paper's and torch's 0.002; Keras has 0.001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class AdaMax(Optimizer):
    """Momentum divided by the gradient's recent maximum: no step much longer than lr.

    Args:
        lr: learning rate η, about the longest step of a parameter, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, share of the maximum that survives a step, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "u")
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)")

    def update(self, theta: Array, g: Array, m: Array, u: Array, *, t: int, lr: float) -> None:
        """Take one turn of Algorithm 2's loop."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        np.maximum(self.beta2 * u, np.abs(g) + self.eps, out=u)  # u ← max(β₂u, |g| + ε)
        theta -= lr / (1 - self.beta1**t) * m / u  # θ ← θ − η / (1 − β₁ᵗ) · m / u
