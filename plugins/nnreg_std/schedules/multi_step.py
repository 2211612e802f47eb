"""MultiStep: the learning rate drops by a factor at updates chosen by hand.

    η(t) = η · γ^|{m ∈ milestones : m < t}|

Source: He, K., Zhang, X., Ren, S. & Sun, J. (2016), "Deep Residual Learning for Image Recognition", section 4.2: divided by
10 after 32,000 and 48,000 of 64,000 updates, a half and three quarters of the way. https://arxiv.org/abs/1512.03385

Conventions: the first ``m`` updates are before a milestone m, as with torch's MultiStepLR stepped after each update. torch
takes milestones in any order and counts a repeated one twice; here they must rise.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class MultiStep(Schedule):
    """A staircase whose steps are set by hand, where progress at the current rate has stalled.

    Args:
        milestones: updates after which a drop comes, from 1, rising; one at or beyond the end of the run is never reached.
        gamma: γ, what the learning rate is multiplied with at a drop, in (0, 1].

    Raises:
        ValueError: gamma is out of its range, or the milestones do not rise from 1 or more.
    """

    milestones: tuple[int, ...] = (1000, 1500)
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check_range(self, gamma="(0, 1]")
        if not all(earlier < later for earlier, later in pairwise((0, *self.milestones))):
            raise ValueError(f"milestones must rise from 1 or more, got {list(self.milestones)}")

    def factor(self, t: int, steps: int) -> float:
        """Return γ to the number of milestones passed."""
        return float(self.gamma ** bisect_left(self.milestones, t))  # γ^|{m ∈ milestones : m < t}|
