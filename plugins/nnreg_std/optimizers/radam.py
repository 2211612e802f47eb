"""RAdam: Adam that warms itself up, holding back while its average of squares rests on few gradients.

    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    ρ∞ = 2 / (1 − β₂) − 1
    ρ = ρ∞ − 2tβ₂ᵗ / (1 − β₂ᵗ)
    r = √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ))
    θ ← θ − ηr√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)        if ρ > 5
    θ ← θ − η / (1 − β₁ᵗ) · m                              otherwise

Source: Liu, L., Jiang, H., He, P., Chen, W., Liu, X., Gao, J. & Han, J. (2020), "On the Variance of the Adaptive Learning
Rate and Beyond", Algorithm 2. https://arxiv.org/abs/1908.03265

Conventions: the paper rectifies from ρ > 4 on; its authors' code and torch wait for 5, as here, which by default is step 6
instead of 5. The paper has no ε; as in torch it is added to √v, before the bias correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class RAdam(Optimizer):
    """Adam without wild first steps: it trusts its step sizes as far as it has seen gradients.

    Args:
        lr: learning rate η, about the longest step of a parameter once warmed up, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the running squared gradient, in [0, 1); up to 2/3 it is never divided by.
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "v")
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)")

    def update(self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float) -> None:
        """Take Adam's step as far as the average of squares is reliable, else momentum's."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        lr = lr / (1 - self.beta1**t)
        rho_inf = 2 / (1 - self.beta2) - 1  # ρ∞ = 2 / (1 − β₂) − 1, the memory of v in steps
        rho = rho_inf - 2 * t * self.beta2**t / (1 - self.beta2**t)  # ρ = ρ∞ − 2tβ₂ᵗ / (1 − β₂ᵗ)
        if rho > 5:
            r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))  # r = √(…)
            theta -= lr * r * math.sqrt(1 - self.beta2**t) * m / (np.sqrt(v) + self.eps)  # θ ← θ − … · m / (√v + ε)
        else:
            theta -= lr * m  # θ ← θ − η / (1 − β₁ᵗ) · m
