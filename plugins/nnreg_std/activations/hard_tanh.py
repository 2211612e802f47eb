"""HardTanh: a tanh made of three straight lines.

    y = min(max(z, −1), 1)
    dz = dy·[|z| < 1]

Source: Collobert, R., Weston, J., Bottou, L., Karlen, M., Kavukcuoglu, K. & Kuksa, P. (2011), "Natural Language
Processing (Almost) from Scratch", section 3.2. https://jmlr.org/papers/v12/collobert11a.html

Conventions: torch lets one choose the two ends, −1 and 1 by default and here. The derivative at z = ±1 does not exist; it
is taken as 0, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array


@dataclass(frozen=True)
class HardTanh(Activation):
    """Hands through between −1 and 1 and is flat outside, where a unit learns nothing."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.clip(z, -1, 1, out=out)  # y = min(max(z, −1), 1)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.abs(z, out=out)
        np.less(out, 1, out=out)
        out *= dy  # dz = dy·[|z| < 1]
