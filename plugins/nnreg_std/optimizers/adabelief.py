"""AdaBelief: Adam that divides by how far a gradient is from what was expected, not by its size.

    m ← β₁m + (1 − β₁)g
    s ← β₂s + (1 − β₂)(g − m)² + ε
    θ ← θ − η · m/(1 − β₁ᵗ) / (√(s/(1 − β₂ᵗ)) + ε)

Source: Zhuang, J., Tang, T., Ding, Y., Tatikonda, S., Dvornek, N., Papademetris, X. & Duncan, J. (2020), "AdaBelief Optimizer:
Adapting Stepsizes by the Belief in Observed Gradients", Algorithm 2. https://arxiv.org/abs/2010.07468

Conventions: g − m is taken with the m that g has entered already, and ε is added to s in every step, so that it adds up, as
in the authors' code and optax, whose default 1e-16 is; the paper has 1e-8, which shortens the steps where gradients are
small. Decoupled decay, which the authors add, is regularizer=decoupled here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class AdaBelief(Optimizer):
    """Strides out where gradients are as expected, treads carefully where they surprise.

    Args:
        lr: learning rate η, the length of a step where gradients scatter as much as they are large, in (0, inf).
        beta1: β₁, share of the expected gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the squared surprise, in [0, 1).
        eps: ε, added to the squared surprise in every step and to its root, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "s")
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-16

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)")

    def update(self, theta: Array, g: Array, m: Array, s: Array, *, t: int, lr: float) -> None:
        """Take one turn of Algorithm 2's loop."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        surprise = g - m
        s *= self.beta2
        s += (1 - self.beta2) * surprise * surprise + self.eps  # s ← β₂s + (1 − β₂)(g − m)² + ε
        root = np.sqrt(s) / math.sqrt(1 - self.beta2**t)  # √ŝ
        theta -= lr / (1 - self.beta1**t) * m / (root + self.eps)  # θ ← θ − ηm̂ / (√ŝ + ε)
