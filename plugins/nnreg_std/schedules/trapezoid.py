"""Trapezoid: the learning rate rises, stays for most of the run, and falls at its end: warm-up, stable, decay.

    η(t) = η · t / W                   t < W, W = warmup · steps
           η                           in between
           η · (1 − (1 − end) · f(p))  p = (t − 1 − (steps − D)) / D ≥ 0, D = decay · steps
    f(p) = p, sin²(πp/2) or √p: linear, cosine, sqrt

Source: Hu, S. et al. (2024), "MiniCPM: Unveiling the Potential of Small Language Models with Scalable Training Strategies",
section 4 (Warmup-Stable-Decay, a tenth of the run to decay), https://arxiv.org/abs/2404.06395; Hägele, A. et al. (2024),
"Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations" (linear and 1 − √p). https://arxiv.org/abs/2405.18392

Conventions: stretches are shares of the run, rounded to whole updates. The end is reached by the first update after the last,
as with schedule=polynomial. The published fall is exponential or a straight line. It has a warm-up of its own, so the setting
``warmup`` is best left at 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nnreg.contracts import Schedule, check_choices, check_range


@dataclass(frozen=True)
class Trapezoid(Schedule):
    """All the way at one rate, and a short descent at the end that brings in what was won.

    Args:
        warmup: share of the run in which the learning rate rises, in [0, 1].
        decay: share of the run in which it falls, in [0, 1]; at most what the warm-up leaves.
        end: share of the learning rate that it falls to, in [0, 1].
        shape: of the fall: "linear", "cosine", or "sqrt", which is steepest at first.

    Raises:
        ValueError: a number is out of its range, both stretches are more than the run, or there is no such shape.
    """

    warmup: float = 0.05
    decay: float = 0.1
    end: float = 0.0
    shape: Literal["linear", "cosine", "sqrt"] = "linear"

    def __post_init__(self) -> None:
        check_range(self, warmup="[0, 1]", decay="[0, 1]", end="[0, 1]")
        check_choices(self)

    def factor(self, t: int, steps: int) -> float:
        """Return the height on the rise, on the plateau or on the fall; past the run it stays at its end."""
        rise = round(self.warmup * steps)  # W
        fall = min(round(self.decay * steps), steps - rise)  # D
        if t < rise:
            return t / rise  # η · t / W
        p = min((t - 1 - (steps - fall)) / fall, 1.0) if fall else 0.0
        if p <= 0:
            return 1.0
        f = {"linear": p, "cosine": math.sin(math.pi * p / 2) ** 2, "sqrt": math.sqrt(p)}[self.shape]
        return float(1 - (1 - self.end) * f)  # η · (1 − (1 − end) · f(p))
