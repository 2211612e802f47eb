"""Zeros: every weight starts at zero, the example of how not to start.

    W = 0

Source: Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep Learning", section 8.4: the start must break the
symmetry between units, and this one does not. https://www.deeplearningbook.org/contents/optimization.html

Conventions: every library agrees. Units of a layer that start alike get the same gradient and stay alike for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init


@dataclass(frozen=True)
class Zeros(Init):
    """Starts all units of a layer alike, and so they stay: the symmetry is never broken."""

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Write zeros; nothing is drawn."""
        weight[...] = 0  # W = 0
