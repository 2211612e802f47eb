"""NoDropout: every unit takes part in every step.

    y = x

Source: Ioffe, S. & Szegedy, C. (2015), "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", section 4.2.1: networks with batch normalisation may do without. https://arxiv.org/abs/1502.03167
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Dropout, Shape, Weights


@dataclass
class NoDropout(Dropout):
    """Does nothing: the control against which dropout shows its worth."""

    is_identity = True

    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Ask for nothing."""
        return fan_in, ()

    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep nothing."""

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return x itself."""
        return x  # y = x

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Return dy itself."""
        return dy
