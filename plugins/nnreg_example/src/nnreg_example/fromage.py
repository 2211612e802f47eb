"""Fromage: each layer turns by the same angle, whatever the size of its gradient.

    W ← (W − η · ‖W‖ / ‖g‖ · g) / √(1 + η²)      layer by layer; where ‖W‖ or ‖g‖ is 0 their ratio is 1

Source: Bernstein, J., Vahdat, A., Yue, Y. & Liu, M.-Y. (2020), "On the distance between two neural networks and the stability
of learning", Algorithm 1. https://arxiv.org/abs/2002.03432

Conventions: each array is a layer, as in the authors' code and in optax: a bias too. The rule has no state; one that has keeps
an array for each name in ``self.state_vectors``, which is then saved and loaded: see nnreg's own lars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Optimizer


@dataclass
class Fromage(Optimizer):
    """Changes every layer by the same share of what it is.

    Args:
        lr: learning rate η, the length of a step as a share of the layer's weights, in (0, inf).

    Raises:
        ValueError: lr is out of its range.
    """

    lr: float = 0.01

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        lr = float(self.lr * factor)
        for w, g in self.parameters.named.values():
            length, slope = float(np.linalg.norm(w)), float(np.linalg.norm(g))
            ratio = length / slope if length and slope else 1.0
            w -= lr * ratio * g  # W ← W − η · ‖W‖ / ‖g‖ · g
            w /= math.sqrt(1 + lr * lr)  # W ← W / √(1 + η²)
