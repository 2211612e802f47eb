"""OneCycle: the learning rate rises to a peak that would be too high to stay at, and falls far below where it began.

    η₀ = η / div_factor, η_end = η₀ / final_div_factor
    η(t) = η₀ → η while t − 1 ≤ pct_start · steps − 1, then η → η_end at the last update

Source: Smith, L. N. & Topin, N. (2019), "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning
Rates". https://arxiv.org/abs/1708.07120

Conventions: the optimizer's lr is the peak, max_lr. Names, defaults and course are those of torch's OneCycleLR with two
phases, which follows fastai: the rate moves along half a cosine; the paper's moves along straight lines
(anneal=linear). Both also lower the momentum while the rate is high: here the schedule moves the learning rate alone, as
torch's does with cycle_momentum=False. It has its own warm-up, so ``warmup`` is best left at 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to a bold learning rate and down to a tiny one, once.

    Args:
        pct_start: share of the run in which the learning rate rises, in [0, 1].
        div_factor: peak over initial learning rate, in [1, inf).
        final_div_factor: initial over final learning rate, in [1, inf).
        anneal: "cos" moves along half a cosine, "linear" along a straight line.

    Raises:
        ValueError: a number is out of its range, or anneal is neither.
    """

    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 10_000.0
    anneal: Literal["cos", "linear"] = "cos"

    def __post_init__(self) -> None:
        check_range(self, pct_start="[0, 1]", div_factor="[1, inf)", final_div_factor="[1, inf)")
        if self.anneal not in ("cos", "linear"):
            raise ValueError(f"anneal must be 'cos' or 'linear', got {self.anneal!r}")

    def factor(self, t: int, steps: int) -> float:
        """Return the height on the rise or on the fall; past the run it stays at its end."""
        now, peak = min(t, steps) - 1, max(self.pct_start * steps - 1, 0.0)
        start = 1 / self.div_factor  # η₀ = η / div_factor
        if now < peak:
            return self._between(start, 1.0, now / peak)  # η₀ → η
        return self._between(1.0, start / self.final_div_factor, (now - peak) / max(steps - 1 - peak, 1e-9))  # η → η_end

    def _between(self, start: float, end: float, share: float) -> float:
        walked = (1 - math.cos(math.pi * share)) / 2 if self.anneal == "cos" else share
        return float(start + (end - start) * walked)
