"""The search along a direction for a point that satisfies the strong Wolfe conditions.

    f(α) ≤ f(0) + c₁αf′(0)       enough descent
    |f′(α)| ≤ c₂|f′(0)|          the slope is mostly gone

Source: Nocedal, J. & Wright, S. J. (2006), "Numerical Optimization", Algorithms 3.5 and 3.6, with the cubic of equation 3.59;
bounds of the interpolation as in minFunc and torch: at least a tenth of a bracket from its ends, at most tenfold beyond.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from nnreg.contracts import Array

C1, C2 = 1e-4, 0.9
FARTHER = 10.0  # a step that was too short is followed by one at most so much longer
NARROW = 1e-9  # a bracket in which no parameter moves farther is done


class Point(NamedTuple):
    """A point along the direction.

    Attributes:
        alpha: how far along.
        value: of the objective; infinite where it is not finite.
        slope: along the direction.
        gradient: there, float array (n,), a copy.
    """

    alpha: float
    value: float
    slope: float
    gradient: Array


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Return where the cubic through two points with their slopes is least, within bounds; their middle if it is nowhere."""
    if a.alpha > b.alpha:
        a, b = b, a
    try:
        d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.alpha - b.alpha)
        d2 = math.sqrt(d1 * d1 - a.slope * b.slope)
        least = b.alpha - (b.alpha - a.alpha) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    except ZeroDivisionError:  # a straight line, which falls without end
        return high
    except ValueError:  # no minimum
        return (low + high) / 2
    return min(max(least, low), high) if math.isfinite(least) else (low + high) / 2


@dataclass
class LineSearch:
    """Looks along a direction.

    Args:
        look: returns the point so far along the direction.
        start: the point at 0, from which the objective falls.
        longest: largest component of the direction.
        most: points looked at, at most.
    """

    look: Callable[[float], Point]
    start: Point
    longest: float
    most: int

    def found(self, alpha: float) -> Point:
        """Return a point that satisfies both conditions, or the lowest that was seen.

        Args:
            alpha: where to look first.
        """
        before, here, self.looks = self.start, self.look(alpha), 1
        while self.looks <= self.most:
            if self._is_too_high(here) or (self.looks > 2 and here.value >= before.value):
                return self._within(before, here)
            if self._is_flat(here):
                return here
            if here.slope >= 0:
                return self._within(before, here)
            least, most = here.alpha + 0.01 * (here.alpha - before.alpha), FARTHER * here.alpha
            before, here = here, self._next(cubic_minimum(before, here, least, most))
        return min(self.start, here, key=lambda point: point.value)

    def _within(self, a: Point, b: Point) -> Point:
        """Zoom into a bracket."""
        is_stuck = False
        low, high = (a, b) if a.value <= b.value else (b, a)
        while self.looks <= self.most and abs(high.alpha - low.alpha) * self.longest >= NARROW:
            left, right = sorted((low.alpha, high.alpha))
            alpha, margin = cubic_minimum(low, high, left, right), 0.1 * (right - left)
            is_near = min(right - alpha, alpha - left) < margin
            if is_near and (is_stuck or not left < alpha < right):
                alpha, is_stuck = right - margin if right - alpha < alpha - left else left + margin, False
            else:
                is_stuck = is_near
            here = self._next(alpha)
            if self._is_too_high(here) or here.value >= low.value:
                low, high = (low, here) if low.value <= here.value else (here, low)
                continue
            if self._is_flat(here):
                return here
            low, high = here, low if here.slope * (high.alpha - low.alpha) >= 0 else high
        return low

    def _next(self, alpha: float) -> Point:
        self.looks += 1
        return self.look(alpha)

    def _is_too_high(self, here: Point) -> bool:
        return here.value > self.start.value + C1 * here.alpha * self.start.slope

    def _is_flat(self, here: Point) -> bool:
        return abs(here.slope) <= -C2 * self.start.slope
