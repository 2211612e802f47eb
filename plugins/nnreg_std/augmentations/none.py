"""NoAugmentation: rows are trained on as they are.

    x′ = x,  y′ = y

Source: Shorten, C. & Khoshgoftaar, T. M. (2019), "A survey on Image Data Augmentation for Deep Learning", J. of Big Data 6:
the control of its experiments. https://doi.org/10.1186/s40537-019-0197-0
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets


@dataclass
class NoAugmentation(Augmentation):
    """Does nothing: the control against which augmentation shows its worth."""

    is_identity = True

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Return what is given."""
        return x, y  # x′ = x,  y′ = y
