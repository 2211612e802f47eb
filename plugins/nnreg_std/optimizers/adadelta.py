"""AdaDelta: steps in the parameter's own units, sized by the steps before.

    h ← ρh + (1 − ρ)g²
    Δ ← √(d + ε) / √(h + ε) · g
    d ← ρd + (1 − ρ)Δ²
    θ ← θ − ηΔ

Source: Zeiler, M. D. (2012), "ADADELTA: An Adaptive Learning Rate Method", Algorithm 1. https://arxiv.org/abs/1212.5701

Conventions: the paper has no learning rate, which is η = 1, here and in torch; Keras multiplies by 0.001. The decay is the
paper's ρ = 0.95, as in Keras; torch has 0.9. ε = 1e-6 stands under both roots, everywhere; Keras makes it 1e-7. It is more
than a safeguard: d starts at 0, so ε sets the length of the first step, √(ε / (1 − ρ)), whatever the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class AdaDelta(Optimizer):
    """Needs no learning rate: the recent steps set the length of the next one.

    Args:
        lr: learning rate η, a factor on the step that the rule finds by itself, in (0, inf).
        decay: ρ, share of both running averages that survives a step, in [0, 1); it looks back about 1 / (1 − ρ) steps.
        eps: ε, under the roots; the larger, the faster the first steps, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("h", "d")
    search: ClassVar = {"lr": (0.03, 30.0)}

    lr: float = 1.0
    decay: float = 0.95
    eps: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, decay="[0, 1)", eps="(0, inf)")

    def update(self, theta: Array, g: Array, h: Array, d: Array, *, t: int, lr: float) -> None:
        """Average squared gradients, scale the gradient to the size of recent steps, average squared steps."""
        h *= self.decay
        h += (1 - self.decay) * g * g  # h ← ρh + (1 − ρ)g²
        step = np.sqrt(d + self.eps) / np.sqrt(h + self.eps) * g  # Δ ← √(d + ε) / √(h + ε) · g
        d *= self.decay
        d += (1 - self.decay) * step * step  # d ← ρd + (1 − ρ)Δ²
        theta -= lr * step  # θ ← θ − ηΔ
