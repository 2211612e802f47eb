"""MaxNorm: after every update, the incoming weights of a unit that have grown too long are shortened.

    w ← w · c / max(‖w‖, c)     for each unit's incoming weights w, a column of W

Source: Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. & Salakhutdinov, R. (2014), "Dropout: A Simple Way to Prevent
Neural Networks from Overfitting", appendix A.2, with c of 3 to 4.
https://jmlr.org/papers/v15/srivastava14a.html

Conventions: the length is that of the incoming weights alone, without the unit's bias. All weight matrices are bounded, that
of the logits too. As MaxNorm(c, axis=0) in Keras and torch's renorm, which add 1e-7 to the length they divide by. In a weight
array of more axes the last is that of the units. Nothing is added to loss or gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class MaxNorm(Regularizer):
    """A fence around every unit: within it weights move freely, by large steps too.

    Args:
        limit: c, the greatest length of a unit's incoming weights, in (0, inf).

    Raises:
        ValueError: limit is out of its range.
    """

    varies: ClassVar = ("limit",)

    limit: float = 3.0

    def __post_init__(self) -> None:
        check_range(self, limit="(0, inf)")

    def penalty(self, weights: Array) -> float:
        """Return zero: the loss does not know."""
        return 0.0

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Leave the gradient as it is."""

    def project(self, layers: Mapping[str, Array]) -> None:
        """Shorten what is too long."""
        for array in layers.values():
            W = array.reshape(-1, array.shape[-1])
            W *= self.limit / np.maximum(np.linalg.norm(W, axis=0), self.limit)  # w ← w · c / max(‖w‖, c)
