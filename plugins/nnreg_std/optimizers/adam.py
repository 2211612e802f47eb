"""Adam: steps sized by running averages of the gradient and of its square, corrected for their start at zero.

    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    v̄ ← max(v̄, v)                                          amsgrad: then v̄ takes the place of v
    θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)           Algorithm 1
      = θ − η√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε′)            section 2, with ε′ = ε√(1 − β₂ᵗ); epsilon_hat: ε′ = ε

Source: Kingma, D. P. & Ba, J. (2015), "Adam: A Method for Stochastic Optimization", Algorithm 1 and the end of section 2,
https://arxiv.org/abs/1412.6980; amsgrad is Reddi, S. J., Kale, S. & Kumar, S. (2018), "On the Convergence of Adam and
Beyond", Algorithm 2. https://arxiv.org/abs/1904.09237

Conventions: what is computed is the line at the end of section 2, which has one division by a vector instead of three
and, with this ε′, is Algorithm 1. Algorithm 1 adds ε = 1e-8 to √v̂ after the bias correction, as torch does. Keras,
TensorFlow and several textbooks compute the section's form with ε′ = 1e-7, which amounts to ε = ε′ / √(1 − β₂ᵗ): about
30 ε′ at first, ε′ in the end. For amsgrad the maximum is taken of v before the bias correction, as in torch and Keras
(optax: after it; the paper: none).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

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
        epsilon_hat: whether ε is added before the bias correction, the form of the paper's section 2.
        amsgrad: whether to divide by the largest running square so far, so that steps never grow back.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    varies: ClassVar = ("beta1", "beta2", "eps")
    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    epsilon_hat: bool = False
    amsgrad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)")

    @property
    def state(self) -> tuple[str, ...]:
        """Running averages of g and g²; with amsgrad the largest of the latter."""
        return ("m", "v", "v_max") if self.amsgrad else ("m", "v")

    def update(self, theta: Array, g: Array, m: Array, v: Array, v_max: Array | None = None, *, t: int, lr: float) -> None:
        """Take one turn of Algorithm 1's loop."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        if v_max is not None:
            v = np.maximum(v_max, v, out=v_max)  # v̄ ← max(v̄, v)
        unbias = math.sqrt(1 - self.beta2**t)
        eps = self.eps if self.epsilon_hat else self.eps * unbias  # ε′
        theta -= lr * unbias / (1 - self.beta1**t) * m / (np.sqrt(v) + eps)  # θ ← θ − η√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε′)
