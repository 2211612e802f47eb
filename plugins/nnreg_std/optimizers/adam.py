"""Adam: steps sized by running averages of the gradient and of its square, corrected for their start at zero.

    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    m̂ = m / (1 − β₁ᵗ)
    v̂ = v / (1 − β₂ᵗ)
    θ ← θ − ηm̂ / (√v̂ + ε)

Source: Kingma, D. P. & Ba, J. (2015), "Adam: A Method for Stochastic Optimization", Algorithm 1.
https://arxiv.org/abs/1412.6980

Conventions: this is Algorithm 1, as in torch: ε = 1e-8 is added to √v̂, after the bias correction. Keras, TensorFlow
and several textbooks compute the form at the end of the paper's section 2 instead: η is multiplied by
√(1 − β₂ᵗ) / (1 − β₁ᵗ), and m divided by √v + ε̂ with ε̂ = 1e-7, which amounts to ε = ε̂ / √(1 − β₂ᵗ): about 30 ε̂ at the
first step, ε̂ in the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Adam(Optimizer):
    """Momentum divided by the gradient's recent size: no step much longer than lr, at any scale.

    Args:
        lr: learning rate η, about the longest step of a parameter, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the running squared gradient, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m", "v")

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)")

    def update(self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float) -> None:
        """Take one turn of Algorithm 1's loop."""
        m += (1 - self.beta1) * (g - m)  # m ← β₁m + (1 − β₁)g
        v += (1 - self.beta2) * (g * g - v)  # v ← β₂v + (1 − β₂)g²
        m_hat = m / (1 - self.beta1**t)  # m̂ = m / (1 − β₁ᵗ)
        v_hat = v / (1 - self.beta2**t)  # v̂ = v / (1 − β₂ᵗ)
        theta -= lr * m_hat / (np.sqrt(v_hat) + self.eps)  # θ ← θ − ηm̂ / (√v̂ + ε)
