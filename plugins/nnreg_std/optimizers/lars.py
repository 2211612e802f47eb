"""LARS: momentum whose learning rate in each layer is in proportion to the layer's weights over their gradient.

    λ = c‖W‖ / (‖g‖ + β‖W‖)
    v ← μv + ηλ(g + βW)
    W ← W − v                                             of each array; where ‖W‖ or ‖g‖ is 0, λ = 1

Source: You, Y., Gitman, I. & Ginsburg, B. (2017), "Large Batch Training of Convolutional Networks", Algorithm 1 and equation
6. https://arxiv.org/abs/1708.03888

Conventions: each array is a layer, biases and gains too, as in the paper's tables and in optax, which divides by ‖g + βW‖
instead of the paper's ‖g‖ + β‖W‖. Later code often leaves biases and gains out. In the paper η is about 10 for batches of
thousands; 1 here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Optimizer, ParametersView, check_range


@dataclass
class LARS(Optimizer):
    """Moves all layers by one share of their weights, however steep the loss is in them.

    Args:
        lr: learning rate η, in (0, inf); without momentum a step is η·c of a layer's weights.
        momentum: μ, share of the velocity that survives a step, in [0, 1).
        weight_decay: β, how much of a weight is added to its gradient, in [0, inf).
        trust: c, length of a step as a share of the weights, in units of lr, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar = {"lr": (0.1, 30.0)}

    lr: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0005
    trust: float = 0.001

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, momentum="[0, 1)", weight_decay="[0, inf)", trust="(0, inf)")

    def bind(self, parameters: ParametersView) -> None:
        """Keep the velocity of each array by its name."""
        super().bind(parameters)
        self.state_vectors |= {f"{name}.v": np.zeros_like(theta) for name, (theta, _) in parameters.named.items()}

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        lr = float(self.lr * factor)
        for name, (theta, g) in self.parameters.named.items():
            length, slope = float(np.linalg.norm(theta)), float(np.linalg.norm(g))
            local = self.trust * length / (slope + self.weight_decay * length) if length and slope else 1.0  # λ = …
            v = self.state_vectors[f"{name}.v"]
            v *= self.momentum
            v += lr * local * (g + self.weight_decay * theta)  # v ← μv + ηλ(g + βW)
            theta -= v  # W ← W − v
