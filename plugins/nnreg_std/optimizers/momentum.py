"""Momentum: a ball that rolls downhill, also known as the heavy-ball method.

    v ← mv − ηg
    θ ← θ + v

Source: Polyak, B. T. (1964), "Some methods of speeding up the convergence of iteration methods", USSR Computational
Mathematics and Mathematical Physics 4(5), 1–17, https://doi.org/10.1016/0041-5553(64)90137-5; in this form Sutskever,
I., Martens, J., Dahl, G. & Hinton, G. (2013), "On the importance of initialization and momentum in deep learning",
equations 1 and 2. https://proceedings.mlr.press/v28/sutskever13.html

Conventions: the learning rate stands inside the velocity, as in the source and in Keras; torch keeps it outside (v ← mv
+ g, θ ← θ − ηv). Both take the same steps while η is constant; when a schedule lowers η, torch slows down at once, this
form only as the old velocity fades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Momentum(Optimizer):
    """A heavy ball: gathers speed along the valley while the swings across it cancel out.

    Args:
        lr: learning rate η, how hard a gradient pushes, in (0, inf).
        momentum: share m of the velocity that survives a step, in [0, 1]; 0 is plain SGD, 1 is a ball without friction.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("v",)
    varies: ClassVar = ("momentum",)
    search: ClassVar = {"lr": (3e-4, 0.3)}

    lr: float = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, momentum="[0, 1]")

    def update(self, theta: Array, g: Array, v: Array, *, t: int, lr: float) -> None:
        """Push the velocity, then move by it."""
        v *= self.momentum
        v -= lr * g  # v ← mv − ηg
        theta += v  # θ ← θ + v
