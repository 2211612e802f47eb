"""LAMB: Adam whose step in each layer is as long as a share of the layer's weights.

    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    r = m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
    W ← W − η · ‖W‖ / ‖r + λW‖ · (r + λW)                 weights, layer by layer
    b ← b − ηr                                            biases and gains

Source: You, Y., Li, J., Reddi, S., Hseu, J., Kumar, S., Bhojanapalli, S., Song, X., Demmel, J., Keutzer, K. & Hsieh, C.-J.
(2020), "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", Algorithm 2.
https://arxiv.org/abs/1904.00962

Conventions: as in the authors' code biases and gains take Adam's step, without decay; a bias that starts at 0 would stay
there for a long time. optax scales and decays them like weights, unless it is told otherwise. Where ‖W‖ or its divisor is 0
their ratio counts as 1, as in both. φ of the paper is the identity, as there. In the paper η grows with the root of the
batch, 0.00088 for 1,024 rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, ParametersView, check_range


@dataclass
class LAMB(Optimizer):
    """Turns each layer's weights by an angle that lr decides, in Adam's direction.

    Args:
        lr: learning rate η, the length of a step as a share of the layer's weights, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, the same for the running squared gradient, in [0, 1).
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).
        weight_decay: λ, how much of a weight is added to its direction r, in [0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar = {"lr": (1e-4, 0.1)}

    lr: float = 0.00088
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", eps="(0, inf)", weight_decay="[0, inf)")

    def bind(self, parameters: ParametersView) -> None:
        """Keep the running averages of each array by its name."""
        super().bind(parameters)
        for name, (theta, _) in parameters.named.items():
            self.state_vectors |= {f"{name}.m": np.zeros_like(theta), f"{name}.v": np.zeros_like(theta)}

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        lr = float(self.lr * factor)
        for name, (theta, g) in self.parameters.named.items():
            r = self._direction(g, self.state_vectors[f"{name}.m"], self.state_vectors[f"{name}.v"], t)
            if self.parameters.places[name].role == "weight":
                r += self.weight_decay * theta
                lengths = float(np.linalg.norm(theta)), float(np.linalg.norm(r))
                r *= lengths[0] / lengths[1] if all(lengths) else 1.0  # ‖W‖ / ‖r + λW‖ · (r + λW)
            theta -= lr * r

    def _direction(self, g: Array, m: Array, v: Array, t: int) -> Array:
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        root = np.sqrt(v) / math.sqrt(1 - self.beta2**t)
        return m / (1 - self.beta1**t) / (root + self.eps)  # r = m̂ / (√v̂ + ε)
