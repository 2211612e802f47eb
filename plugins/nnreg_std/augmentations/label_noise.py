"""LabelNoise: some labels of each batch are wrong, other ones each time.

    y′ = another class, all of them alike, with probability p;   else y′ = y

Source: Xie, L., Wang, J., Wei, Z., Wang, M. & Tian, Q. (2016), "DisturbLabel: Regularizing CNN on the Loss Layer", equation 4,
CVPR, https://arxiv.org/abs/1605.00055.

Conventions: p is the probability that a label is wrong. The paper draws among all classes, the right one too: its rate γ is
p · C / (C − 1) for C classes. Noise that is drawn once for a dataset and stays is another thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets, check_range


@dataclass
class LabelNoise(Augmentation):
    """Exchanges labels at random, so that no row is learnt by heart.

    Args:
        rate: p, the probability of a wrong label, in [0, 1).

    Raises:
        ValueError: rate is out of its range.
    """

    rate: float = 0.1
    takes = ("classes",)

    def __post_init__(self) -> None:
        check_range(self, rate="[0, 1)")

    def begin(self, outputs: int) -> None:
        """Take down the number of classes."""
        self._classes = outputs

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Exchange labels in place; rows stay as they are."""
        is_wrong = rng.random(len(y)) < self.rate
        other = rng.integers(1, max(self._classes, 2), size=len(y))  # how many classes farther, never none
        y[is_wrong] = (y + other)[is_wrong] % self._classes
        return x, y
