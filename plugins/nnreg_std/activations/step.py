"""Step: the threshold of the first artificial neurons, to be drawn beside what replaced it.

    y = [z > 0]
    dz = 0

Source: McCulloch, W. & Pitts, W. (1943), "A logical calculus of the ideas immanent in nervous activity", Bulletin of
Mathematical Biophysics 5, 115–133. https://doi.org/10.1007/BF02478259

Conventions: 0 at z = 0, as in torch's heaviside with values = 0; other authors have 1/2 or 1. It can be computed and
drawn; a run that would train with it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class Step(Activation):
    """All or nothing: no gradient passes, so what lies before it cannot learn by descent."""

    why_untrainable: ClassVar[str] = "its derivative is zero everywhere; it is there to be drawn, train with activation=sigmoid"

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.heaviside(z, 0, out=out)  # y = [z > 0]; a NaN stays one

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy: nothing passes."""
        out[...] = 0  # dz = 0
