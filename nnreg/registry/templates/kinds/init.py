"""MyRule: normal weights whose sum over the inputs has the same variance at any width.

    W ~ N(0, gain² / fan_in)

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class MyRule(Init):
    """One sentence of intuition: what goes in with variance 1 comes out with variance gain².

    Args:
        gain: what the standard deviation is multiplied with, in (0, inf).

    Raises:
        ValueError: gain is out of its range.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, gain="(0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw the starting weights."""
        fan_in = weight.shape[0]
        weight[...] = rng.normal(0, self.gain / math.sqrt(fan_in), weight.shape)  # W ~ N(0, gain² / fan_in)
