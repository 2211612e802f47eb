"""AdamW: Adam, and beside it a decay of the weights that the running averages never see.

    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    m̂ = m / (1 − β₁ᵗ)
    v̂ = v / (1 − β₂ᵗ)
    θ ← θ − η(m̂ / (√v̂ + ε) + λθ)

Source: Loshchilov, I. & Hutter, F. (2019), "Decoupled Weight Decay Regularization", Algorithm 2.
https://arxiv.org/abs/1711.05101

Conventions: λ is multiplied with the learning rate and its schedule, as in torch and Keras; the paper multiplies it with the
schedule alone, so its λ is ηλ here. λ = 0.01 is torch's; Keras has 0.004. All parameters decay, biases and gains too, as
by default in both; optimizer=adam regularizer=decoupled spares those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class AdamW(Optimizer):
    """Adam that also shrinks every weight a little, large gradients or not.

    Args:
        lr: learning rate η, about the longest step of a parameter, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the running squared gradient, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).
        weight_decay: λ, share of a parameter lost in each step, in units of lr, in [0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "v")
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)", weight_decay="[0, inf)")

    def update(self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float) -> None:
        """Add Adam's step and the decay."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        m_hat = m / (1 - self.beta1**t)  # m̂ = m / (1 − β₁ᵗ)
        v_hat = v / (1 - self.beta2**t)  # v̂ = v / (1 − β₂ᵗ)
        theta -= lr * (m_hat / (np.sqrt(v_hat) + self.eps) + self.weight_decay * theta)  # θ ← θ − η(m̂ / (√v̂ + ε) + λθ)
