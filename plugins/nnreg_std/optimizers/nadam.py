"""NAdam: Adam with Nesterov's foresight, and momentum that grows in the course of training.

    μₜ = β₁(1 − ½ · 0.96^(tψ))
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    m̂ = μₜ₊₁m / (1 − μ₁μ₂…μₜ₊₁) + (1 − μₜ)g / (1 − μ₁μ₂…μₜ)
    v̂ = v / (1 − β₂ᵗ)
    θ ← θ − ηm̂ / (√v̂ + ε)

Source: Dozat, T. (2016), "Incorporating Nesterov Momentum into Adam", Algorithm 2 and the schedule of its experiments.
https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ

Conventions: the form and the defaults are torch's. There, as in Keras, m decays with the constant β₁; the paper lets it decay
with μₜ. Keras takes lr = 0.001 and ε = 1e-7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class NAdam(Optimizer):
    """Adam that looks ahead: the new gradient counts at once and through the momentum.

    Args:
        lr: learning rate η, about the longest step of a parameter, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the running squared gradient, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).
        momentum_decay: ψ, how fast the momentum grows from β₁/2 to β₁, in [0, inf); about a third of the way in 10 / ψ steps.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "v")
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)", momentum_decay="[0, inf)")
        self._products = [1.0]  # μ₁μ₂…μₜ at place t, as far as asked for

    def _mu(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * math.pow(0.96, t * self.momentum_decay))  # μₜ = β₁(1 − ½ · 0.96^(tψ))

    def _product(self, t: int) -> float:
        for i in range(len(self._products), t + 1):
            self._products.append(self._products[-1] * self._mu(i))
        return self._products[t]

    def update(self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float) -> None:
        """Take Adam's step with the momentum of the next one."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        of_m = self._mu(t + 1) / (1 - self._product(t + 1))  # μₜ₊₁ / (1 − μ₁μ₂…μₜ₊₁)
        of_g = (1 - self._mu(t)) / (1 - self._product(t))  # (1 − μₜ) / (1 − μ₁μ₂…μₜ)
        v_hat = v / (1 - self.beta2**t)  # v̂ = v / (1 − β₂ᵗ)
        theta -= lr * (of_m * m + of_g * g) / (np.sqrt(v_hat) + self.eps)  # θ ← θ − ηm̂ / (√v̂ + ε)
