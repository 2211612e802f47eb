"""Prodigy: Adam that finds its learning rate by itself, from how far it has come and what the gradients said on the way.

    r ← √β₂ r + ηd²⟨g, θ₀ − θ⟩
    s ← √β₂ s + ηd²g
    m ← β₁m + (1 − β₁)dg
    v ← β₂v + (1 − β₂)d²g²
    d⁺ = max(d, c · r / ‖s‖₁)
    θ ← θ − ηd · m / (√v + d⁺ε)                           then d ← d⁺

Source: Mishchenko, K. & Defazio, A. (2024), "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", Algorithm 4.
https://arxiv.org/abs/2306.06101

Conventions: r and s are kept divided by d₀, as in the authors' code, so that they are no tiny numbers; their ratio is the
same. The authors correct m and v for their start at 0 only if asked to, optax always; bias_correction=true does here. d⁺
beside ε is theirs too. No decay; the distance to the solution is underestimated at first, so d begins at 1e-6 and grows
within tens of steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Optimizer, check_range


@dataclass
class Prodigy(Optimizer):
    """Needs no learning rate: steps are as long as the solution must be far, at the least.

    Args:
        lr: learning rate η, a factor on the rate that the rule finds by itself, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the running squared gradient, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).
        d0: d₀, the first estimate of the distance, in (0, inf); safe if too small.
        d_coef: c, a factor on the later ones, in (0, inf).
        bias_correction: whether steps are scaled by √(1 − β₂ᵗ) / (1 − β₁ᵗ), as Adam's.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "v", "s", "theta0")
    scalars = ("d", "r")
    search: ClassVar = {"lr": (0.1, 10.0)}

    lr: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    d0: float = 1e-6
    d_coef: float = 1.0
    bias_correction: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)", d0="(0, inf)", d_coef="(0, inf)")

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        theta, g = self.parameters.theta, self.parameters.grad
        m, v, s, theta0 = self.state_vectors.values()
        if t == 1:
            self.d: float = self.d0
            theta0[...] = theta
        d = self.d
        lr = float(self.lr * factor) * d
        if self.bias_correction:
            lr *= math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        fade, scale = math.sqrt(self.beta2), lr * d / self.d0
        self.r: float = fade * self.r + scale * float(np.dot(g, theta0 - theta))  # r ← √β₂ r + ηd²⟨g, θ₀ − θ⟩
        s *= fade
        s += scale * g  # s ← √β₂ s + ηd²g
        m *= self.beta1
        m += (1 - self.beta1) * d * g  # m ← β₁m + (1 − β₁)dg
        v *= self.beta2
        v += (1 - self.beta2) * np.square(d * g)  # v ← β₂v + (1 − β₂)d²g²
        if length := float(np.abs(s).sum()):
            self.d = max(d, self.d_coef * self.r / length)  # d⁺ = max(d, c · r / ‖s‖₁)
        theta -= lr * m / (np.sqrt(v) + self.d * self.eps)  # θ ← θ − ηd · m / (√v + d⁺ε)
