"""AdaGrad: a learning rate for each parameter, which shrinks with all the gradient it has seen.

    h ← h + g²
    θ ← θ − ηg / (√h + ε)

Source: Duchi, J., Hazan, E. & Singer, Y. (2011), "Adaptive Subgradient Methods for Online Learning and Stochastic
Optimization", Journal of Machine Learning Research 12, 2121–2159, the diagonal form.
https://jmlr.org/papers/v12/duchi11a.html

Conventions: h starts at 0 here and in torch, so the first step has length η whatever the gradient; Keras starts it at
0.1. ε is added to the root here (1e-7) and in torch (1e-10); Keras adds it under the root (1e-7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class AdaGrad(Optimizer):
    """Remembers every gradient: often pushed parameters grow cautious, rare ones stay bold.

    Args:
        lr: learning rate η, the length of a parameter's first step, in (0, inf).
        eps: ε, keeps the division defined where no gradient was seen yet, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("h",)
    search: ClassVar = {"lr": (1e-3, 1.0)}

    lr: float = 0.01
    eps: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, eps="(0, inf)")

    def update(self, theta: Array, g: Array, h: Array, *, t: int, lr: float) -> None:
        """Add up squared gradients, then step by the gradient over their root."""
        h += g * g  # h ← h + g²
        theta -= lr * g / (np.sqrt(h) + self.eps)  # θ ← θ − ηg / (√h + ε)
