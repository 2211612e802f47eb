"""MyRule: steps along a running average of the gradient.

    m ← βm + (1 − β)g
    θ ← θ − ηm

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class MyRule(Optimizer):
    """One sentence of intuition: the average forgets what was one batch's accident.

    Args:
        lr: learning rate η, in (0, inf).
        beta: β, share of the average that survives a step, in [0, 1).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m",)  # one vector for each name, zero at first, handed to update
    search: ClassVar = {"lr": (1e-3, 1.0)}  # where sweeps look for the best value; around the default where this is left out

    lr: float = 0.01
    beta: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta="[0, 1)")

    def update(self, theta: Array, g: Array, m: Array, *, t: int, lr: float) -> None:
        """Take one step, in place."""
        m += (1 - self.beta) * (g - m)  # m ← βm + (1 − β)g
        theta -= lr * m  # θ ← θ − ηm
