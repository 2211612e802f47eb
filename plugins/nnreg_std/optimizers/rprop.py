"""Rprop: every parameter has a step of its own, longer while its gradient keeps its sign, shorter when the sign turns.

    s ← sign(g)
    Δ ← Δ · η⁺   if s · s⁻ > 0         at most Δmax
        Δ · η⁻   if s · s⁻ < 0         at least Δmin; and s ← 0: no move in this step, no turn in the next
    θ ← θ − Δ · s
    s⁻ ← s                             Δ = η at first

Source: Riedmiller, M. & Braun, H. (1993), "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP
Algorithm", https://doi.org/10.1109/ICNN.1993.298623; what a turn of the sign does is iRprop⁻ of Igel, C. & Hüsken, M. (2003),
"Empirical evaluation of the improved Rprop learning algorithms". https://doi.org/10.1016/S0925-2312(01)00700-7

Conventions: where the sign turns a parameter stays, as in iRprop⁻ and torch; the rule of 1993 takes the last step back.
η = 0.1 is the paper's, torch has 0.01. A schedule multiplies all steps; Δ is kept as a multiple of η. Rprop was made for the
gradient of all rows, a batch as large as the split; on small batches signs turn by chance, and with Δmax = 50 it runs away:
longest=0.01 trains there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Rprop(Optimizer):
    """Walks by the signs of the gradient alone, faster as long as they stay.

    Args:
        lr: learning rate η, the length of each parameter's first step, in (0, inf).
        grow: η⁺, what a step is multiplied with while the sign stays, in [1, inf).
        shrink: η⁻, what a step is multiplied with when the sign turns, in (0, 1].
        shortest: Δmin, length of the shortest step, in [0, inf).
        longest: Δmax, length of the longest step, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    full_batch = True
    state = ("d", "s")
    search: ClassVar = {"lr": (1e-4, 1.0)}

    lr: float = 0.1
    grow: float = 1.2
    shrink: float = 0.5
    shortest: float = 1e-6
    longest: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, grow="[1, inf)", shrink="(0, 1]", shortest="[0, inf)", longest="(0, inf)")

    def update(self, theta: Array, g: Array, d: Array, s: Array, *, t: int, lr: float) -> None:
        """Compare the sign with that of the step before, fit the step, move."""
        if t == 1:
            d[...] = 1.0  # Δ / η
        sign = np.sign(g)
        agreed = sign * s
        stays, turns = np.maximum(agreed, 0.0), np.minimum(agreed, 0.0)  # 1 and −1 where it does
        d *= 1 + (self.grow - 1) * stays + (1 - self.shrink) * turns  # Δ ← Δη⁺, Δη⁻ or Δ
        np.minimum(np.maximum(d, self.shortest / self.lr), self.longest / self.lr, out=d)
        s[...] = sign + sign * turns  # s ← 0 where it turned
        theta -= lr * d * s  # θ ← θ − Δ · s
