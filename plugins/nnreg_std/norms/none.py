"""NoNorm: hidden layers pass on what they compute, at whatever scale.

    y = x

Source: Zhang, H., Dauphin, Y. N. & Ma, T. (2019), "Fixup Initialization: Residual Learning Without Normalization": with
the right start, deep networks learn without. https://arxiv.org/abs/1901.09321
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Norm, Shape, Weights


@dataclass
class NoNorm(Norm):
    """Does nothing: the control against which normalisation shows its worth."""

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
