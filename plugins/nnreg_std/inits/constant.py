"""Constant: every element starts at the same value; for biases, hardly ever for weights.

    W = value

Source: Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep Learning", section 6.3.1: biases of 0.1 let most ReLUs
start open. https://www.deeplearningbook.org/contents/mlp.html

Conventions: every library agrees; torch and Keras have no such default. As a bias: init@bias=constant. As weights it
starts all units of a layer alike, and alike they stay: see zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class Constant(Init):
    """The same number everywhere: a small positive bias wakes ReLUs, equal weights never part.

    Args:
        value: of every element, in (-inf, inf).

    Raises:
        ValueError: value is out of its range.
    """

    value: float = 0.1

    def __post_init__(self) -> None:
        check_range(self, value="(-inf, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Write the value; nothing is drawn."""
        weight[...] = self.value  # W = value
