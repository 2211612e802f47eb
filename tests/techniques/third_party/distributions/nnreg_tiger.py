"""Tiger: the sign of a mix of gradient and momentum.

    c ← β₁m + (1 − β₁)g
    θ ← θ − η sign(c)
    m ← β₂m + (1 − β₂)g

Source: Chen, X. et al. (2023), "Symbolic Discovery of Optimization Algorithms", Algorithm 2. https://arxiv.org/abs/2302.06675
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from nnreg.contracts import Array, Optimizer


@dataclass
class Tiger(Optimizer):
    """A big cat that never walks slowly.

    Args:
        lr: learning rate η, in (0, inf).
        betas: β₁ and β₂, each in [0, 1).
        direction: "sign" moves by the sign, "raw" by the mix itself.
        clip: largest gradient element believed, in (0, inf); null: all are.
        frozen: whether to walk at all.
        warmup: steps over which lr grows, in [0, inf).
        layers: names of the arrays that move; empty: all of them.
        diary: file in which to write what arrived; null: none.
    """

    state = ("m",)

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    direction: Literal["sign", "raw"] = "sign"
    clip: float | None = None
    frozen: bool = False
    warmup: int = 0
    layers: tuple[str, ...] = ()
    diary: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.diary is not None:
            self.diary.write_text(json.dumps({field.name: repr(getattr(self, field.name)) for field in fields(self)}))

    def update(self, theta: Array, g: Array, m: Array, *, t: int, lr: float) -> None:
        """Take one step of Algorithm 2."""
        bounded = g if self.clip is None else np.clip(g, -self.clip, self.clip)
        mix = self.betas[0] * m + (1 - self.betas[0]) * bounded
        theta -= lr * (np.sign(mix) if self.direction == "sign" else mix)
        m += (1 - self.betas[1]) * (bounded - m)
