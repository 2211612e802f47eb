"""Wrong labels in every batch as a plugin of one's own.

Source: Xie et al. (2016), "DisturbLabel". https://arxiv.org/abs/1605.00055
"""

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Augmentation, check_range


@dataclass
class Wrong(Augmentation):
    """Gives a share of the rows of each batch another class.

    Args:
        rate: share of the rows, in [0, 1).
    """

    takes = ("classes",)
    rate: float = 0.1

    def __post_init__(self) -> None:
        check_range(self, rate="[0, 1)")

    def begin(self, outputs):
        self.outputs = outputs

    def apply(self, x, y, rng):
        chosen = rng.random(len(y)) < self.rate
        other = y + rng.integers(1, max(self.outputs, 2), size=len(y))
        return x, np.where(chosen, other % self.outputs, y)
