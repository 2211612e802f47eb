"""MyRule: the learning rate falls on a straight line.

    η(t) = η (1 − (1 − end)(t − 1) / steps)

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class MyRule(Schedule):
    """One sentence of intuition: large steps to get there, small ones to stay.

    Args:
        end: share of the learning rate that is left after the last step, in [0, 1].

    Raises:
        ValueError: end is out of its range.
    """

    end: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, end="[0, 1]")

    def factor(self, t: int, steps: int) -> float:
        """Return what the learning rate is multiplied with."""
        return 1 - (1 - self.end) * (t - 1) / steps  # η(t) = η (1 − (1 − end)(t − 1) / steps)
