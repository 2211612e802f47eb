"""Cosine: the learning rate falls along half a cosine, and may start again at full height: warm restarts.

    η(t) = η · (end + (1 − end) · (1 + cos(π · T_cur / T_i)) / 2)

Source: Loshchilov, I. & Hutter, F. (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts", equation 5.
https://arxiv.org/abs/1608.03983

Conventions: T_cur counts the updates made in the current cycle, from 0, as with torch's CosineAnnealingLR (one cycle,
T_max=steps) and CosineAnnealingWarmRestarts stepped after each update: a cycle begins at the full rate, and its end would
be reached by the first update of the next. The paper and torch choose the length of the first cycle; here the number of
cycles is chosen, and the last one ends with the run. ``end`` is a share of the learning rate; torch's eta_min is a rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class Cosine(Schedule):
    """Long at a high rate, long at a low one, and a smooth way between.

    Args:
        end: share of the learning rate that a cycle ends at, in [0, 1].
        cycles: falls from full height within the run, in [1, inf); 1 has no restart.
        growth: T_mult, length of a cycle over that of the one before, in [1, inf).

    Raises:
        ValueError: a parameter is out of its range, or the last cycle would be 1e9 times as long as the first.
    """

    end: float = 0.0
    cycles: int = 1
    growth: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, end="[0, 1]", cycles="[1, inf)", growth="[1, inf)")
        if (self.cycles - 1) * math.log(self.growth) > math.log(1e9):
            raise ValueError(f"growth={self.growth} over cycles={self.cycles} makes the first cycle too short: lower one")

    def factor(self, t: int, steps: int) -> float:
        """Return the height on the cosine of the current cycle; past the run it stays at its end."""
        lengths = cycle_lengths(self.growth, self.cycles)  # T_i
        now = (t - 1) * sum(lengths)
        for length in lengths:
            span = length * steps
            if now < span:
                fall = (1 + math.cos(math.pi * now / span)) / 2  # (1 + cos(π · T_cur / T_i)) / 2
                return float(self.end + (1 - self.end) * fall)
            now -= span
        return float(self.end)


@cache
def cycle_lengths(growth: float, cycles: int) -> tuple[int, ...]:
    """Return how long cycles are, in a unit in which all are whole: a restart that is due is not missed by a rounding."""
    lengths = [Fraction(str(growth)) ** i for i in range(cycles)]
    unit = math.lcm(*(length.denominator for length in lengths))
    return tuple(int(length * unit) for length in lengths)
