"""InverseSqrt: the learning rate falls with the square root of the updates made, however long the run.

    η(t) = η / √(1 + (t − 1) / timescale)

Source: Vaswani, A. et al. (2017), "Attention Is All You Need", equation 3. https://arxiv.org/abs/1706.03762

Conventions: the paper's formula is a linear warm-up over w updates followed by η · √(w / t). Here the ``warmup`` setting is
the warm-up of every schedule, and this one is what follows: ``schedule=inverse_sqrt warmup=w schedule.timescale=w`` is the
paper's course exactly, with a peak of η instead of 1 / √(d · w). The paper's w is 4,000 of 100,000
updates. The form with a timescale is called rsqrt in the big_vision code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class InverseSqrt(Schedule):
    """A decay that never ends and need not know the length of the run.

    Args:
        timescale: updates after which the learning rate has fallen to 1/√2 of its start, in (0, inf).

    Raises:
        ValueError: timescale is out of its range.
    """

    timescale: float = 200.0

    def __post_init__(self) -> None:
        check_range(self, timescale="(0, inf)")

    def factor(self, t: int, steps: int) -> float:
        """Return the inverse square root of the time, counted from one timescale before the start."""
        return 1 / math.sqrt(1 + (t - 1) / self.timescale)  # 1 / √(1 + (t − 1) / timescale)
