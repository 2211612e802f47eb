"""Cyclic: the learning rate goes up and down between two bounds, along straight lines.

    s = steps / 2k, half of one of k cycles
    c = ⌊1 + (t − 1) / 2s⌋, the number of the cycle
    x = |(t − 1) / s − 2c + 1|
    η(t) = η · (low + (1 − low) · (1 − x) · h)     h = 1, ½ᶜ⁻¹ or γᵗ⁻¹: triangular, triangular2, exp_range

Source: Smith, L. N. (2017), "Cyclical Learning Rates for Training Neural Networks", section 3. https://arxiv.org/abs/1506.01186

Conventions: the optimizer's lr is the upper bound, max_lr; the lower one, base_lr, is a share of it, of a third or a fourth as
the paper recommends; it is where a cycle begins. The paper and torch choose s, 2 to 10 epochs; here, as with schedule=cosine,
the number of cycles is chosen, 3 or more in the paper, and s rounded to whole updates, so that every top is reached. t and the
modes are those of torch's CyclicLR with cycle_momentum=False, stepped after each update.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnreg.contracts import Schedule, check_choices, check_range


@dataclass(frozen=True)
class Cyclic(Schedule):
    """Large rates every now and then: they do harm at once and good in the end.

    Args:
        low: share of the learning rate that a cycle begins and ends at, in [0, 1].
        cycles: k, rises and falls within the run, in [1, inf).
        mode: "triangular" always reaches the full rate, "triangular2" half the rise in each cycle of that in the one before,
            "exp_range" less and less of it with every update.
        gamma: γ, what is left of the rise after one update more; exp_range only; in (0, 1].

    Raises:
        ValueError: a number is out of its range, or there is no such mode.
    """

    low: float = 0.25
    cycles: int = 4
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: float = 0.999

    def __post_init__(self) -> None:
        check_range(self, low="[0, 1]", cycles="[1, inf)", gamma="(0, 1]")
        check_choices(self)

    def factor(self, t: int, steps: int) -> float:
        """Return the height on the triangle of the current cycle."""
        s = max(round(steps / (2 * self.cycles)), 1)  # s = steps / 2k
        cycle = (t - 1) // (2 * s) + 1  # c = ⌊1 + (t − 1) / 2s⌋
        x = abs((t - 1) / s - 2 * cycle + 1)  # x = |(t − 1) / s − 2c + 1|
        heights = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1), "exp_range": self.gamma ** (t - 1)}
        return float(self.low + (1 - self.low) * (1 - x) * heights[self.mode])
