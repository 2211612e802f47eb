"""ScheduleFreeAdamW: AdamW without a schedule: gradients are taken between a fast walk and its average, which is the answer.

    y = (1 − β₁)z + β₁x                             trained: where g is taken
    v ← β₂v + (1 − β₂)g²
    γ = η√(1 − β₂ᵗ)
    d = g / (√v + ε) + λy
    z ← z − γd
    c = γ² / Σ γ²                                   over all steps so far
    x ← (1 − c)x + cz                               evaluated and kept
    y ← y + c(z − y) − γ(1 − β₁(1 − c))d            the same y, from y and the z before the step

Source: Defazio, A., Yang, X. A., Mehta, H., Mishchenko, K., Khaled, A. & Cutkosky, A. (2024), "The Road Less Scheduled",
Algorithm 1. https://arxiv.org/abs/2405.15682

Conventions: as in the authors' code (schedulefree.AdamWScheduleFree) y is what is kept, and x is worked out of y and z, so
β₁ is above 0; η = 0.0025, λ = 0 and λ at y are its defaults too. The warm-up is the run's (warmup=), and enters γ as the
paper says. A schedule that shrinks η is not needed, and enters c through γ²; the authors' code holds on to the largest γ.
Decoupled decay and projections act on y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class ScheduleFreeAdamW(Optimizer):
    """Adam whose average is as good at any time as if a schedule had just ended there.

    Args:
        lr: learning rate η, about the longest step of a parameter, in (0, inf).
        beta1: β₁, how close to the average gradients are taken, in (0, 1).
        beta2: β₂, share of the running squared gradient that survives a step, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).
        weight_decay: λ, share of a parameter lost in each step, in units of lr, in [0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("z", "v")
    scalars = ("weight_sum",)  # Σ γ²
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.0025
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="(0, 1)", beta2="[0, 1)", eps="(0, inf)", weight_decay="[0, inf)")

    def step(self, t: int, factor: float = 1.0) -> None:
        """Weigh this step, and update all parameters."""
        if not self.weight_sum:
            self.state_vectors["z"][...] = self.parameters.theta
        gamma = self.lr * factor * math.sqrt(1 - self.beta2**t)  # γ = η√(1 − β₂ᵗ)
        self.weight_sum: float = self.weight_sum + gamma**2
        c = gamma**2 / self.weight_sum if self.weight_sum else 0.0  # c = γ² / Σ γ²
        self._walk.apply(self.update, gamma=gamma, c=c)

    def update(self, y: Array, g: Array, z: Array, v: Array, *, gamma: float, c: float) -> None:
        """Take one turn of Algorithm 1's loop."""
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        d = g / (np.sqrt(v) + self.eps) + self.weight_decay * y  # d = g / (√v + ε) + λy
        y += c * (z - y) - gamma * (1 - self.beta1 * (1 - c)) * d  # y ← y + c(z − y) − γ(1 − β₁(1 − c))d
        z -= gamma * d  # z ← z − γd

    def evaluation_parameters(self, out: Array) -> bool:
        """Write x, of which y = (1 − β₁)z + β₁x."""
        if not self.weight_sum:
            return False
        y, z = self.parameters.theta, self.state_vectors["z"]
        np.subtract(y, z, out=out)
        out *= 1 / self.beta1 - 1
        out += y  # x = y + (1/β₁ − 1)(y − z)
        return True
