"""MyRule: features of some rows are lost, other ones each time.

    x′ = x · b,   b ~ Bernoulli(1 − p), for every feature

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets, check_range


@dataclass
class MyRule(Augmentation):
    """One sentence of intuition: no single feature may be relied upon.

    Args:
        rate: p, the probability that a feature is 0, in [0, 1].

    Raises:
        ValueError: rate is out of its range.
    """

    rate: float = 0.1

    def __post_init__(self) -> None:
        check_range(self, rate="[0, 1]")

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Change rows in place; targets stay as they are."""
        x[rng.random(x.shape) < self.rate] = 0  # x′ = x · b
        return x, y
