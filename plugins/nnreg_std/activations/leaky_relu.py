"""LeakyReLU: a ReLU whose closed side lets a little through.

    y = max(z, slope·z)
    dz = dy·max([z > 0], slope)

Source: Maas, A., Hannun, A. & Ng, A. (2013), "Rectifier Nonlinearities Improve Neural Network Acoustic Models",
section 2.1. https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf

Conventions: slope 0.01 as in the paper and torch; Keras has 0.3. The derivative at z = 0 does not exist; it is taken as
the slope, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Activation, Array, check_range


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """A gate that never closes quite, so that no unit dies.

    Args:
        slope: derivative on the negative side, in [0, 1]; 0 is ReLU, 1 the identity.

    Raises:
        ValueError: slope is out of its range.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        check_range(self, slope="[0, 1]")

    def forward(self, z: Array, out: Array) -> None:
        """Compute y from z."""
        np.multiply(z, self.slope, out=out)
        np.maximum(z, out, out=out)  # y = max(z, slope·z)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz from dy."""
        np.greater(z, 0, out=out)
        np.maximum(out, self.slope, out=out)
        out *= dy  # dz = dy·max([z > 0], slope)
