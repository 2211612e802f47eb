"""A bound on incoming weights as a plugin of one's own.

Source: Srivastava et al. (2014), "Dropout", appendix A.2. https://jmlr.org/papers/v15/srivastava14a.html
"""

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Regularizer, check_range


@dataclass
class Fence(Regularizer):
    """Shortens the incoming weights of a unit where they have grown too long.

    Args:
        limit: of their length, in (0, inf).
    """

    limit: float = 3.0

    def __post_init__(self) -> None:
        check_range(self, limit="(0, inf)")

    def penalty(self, weights):
        return 0.0

    def add_gradient(self, weights, grad):
        pass

    def project(self, layers):
        for weight in layers.values():
            weight *= np.minimum(1, self.limit / np.maximum(np.linalg.norm(weight, axis=0), 1e-12))
