"""Signum: momentum of which only the sign is used, one bit for each parameter.

    m ← βm + (1 − β)g
    θ ← θ − η sign(m)

Source: Bernstein, J., Wang, Y.-X., Azizzadenesheli, K. & Anandkumar, A. (2018), "signSGD: Compressed Optimisation for
Non-Convex Problems", Algorithm 2. https://arxiv.org/abs/1802.04434

Conventions: the paper writes δ for η and tunes it for each problem; the default here is Adam's, whose steps are about as
long. The paper's weight decay is left to the run's regularizer. β = 0 is the paper's signSGD. Where m is 0 nothing moves.
optax has the rule in two parts, ema without bias correction and scale_by_sign; torch has it not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Signum(Optimizer):
    """Every parameter walks at the same speed; the gradient only votes on the direction.

    Args:
        lr: learning rate η, the length of every parameter's every step, in (0, inf).
        beta: β, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β) steps.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m",)
    search: ClassVar = {"lr": (1e-5, 0.03)}

    lr: float = 0.001
    beta: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta="[0, 1)")

    def update(self, theta: Array, g: Array, m: Array, *, t: int, lr: float) -> None:
        """Let the running gradient decide, then move by lr."""
        m *= self.beta
        m += (1 - self.beta) * g  # m ← βm + (1 − β)g
        theta -= lr * np.sign(m)  # θ ← θ − η sign(m)
