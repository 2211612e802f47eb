"""Lion: the sign of a momentum, found by a program that searched the space of update rules.

    c = β₁m + (1 − β₁)g
    θ ← θ − η(sign(c) + λθ)
    m ← β₂m + (1 − β₂)g

Source: Chen, X., Liang, C., Huang, D., Real, E., Wang, K., Liu, Y., Pham, H., Dong, X., Luong, T., Hsieh, C.-J., Lu, Y. &
Le, Q. V. (2023), "Symbolic Discovery of Optimization Algorithms", Algorithm 2. https://arxiv.org/abs/2302.06675

Conventions: every step has full length, so lr is to be 3 to 10 times smaller than Adam's, and λ as many times larger than
AdamW's. λ is multiplied with the learning rate. The paper tunes λ for each task; it is 0 here, as in the authors' code, 0.001
in optax. All parameters decay, biases and gains too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Lion(Optimizer):
    """All parameters walk at one speed, each in the direction its recent gradients agree on.

    Args:
        lr: learning rate η, the length of every parameter's every step, in (0, inf).
        beta1: β₁, share of the running gradient in the direction, in [0, 1); the rest is the newest gradient's.
        beta2: β₂, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₂) steps.
        weight_decay: λ, share of a parameter lost in each step, in units of lr, in [0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m",)
    search: ClassVar = {"lr": (1e-5, 0.01)}

    lr: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", weight_decay="[0, inf)")

    def update(self, theta: Array, g: Array, m: Array, *, t: int, lr: float) -> None:
        """Let gradient and momentum vote on the direction, move, then remember the gradient."""
        c = self.beta1 * m + (1 - self.beta1) * g  # c = β₁m + (1 − β₁)g
        theta -= lr * (np.sign(c) + self.weight_decay * theta)  # θ ← θ − η(sign(c) + λθ)
        m *= self.beta2
        m += (1 - self.beta2) * g  # m ← β₂m + (1 − β₂)g
