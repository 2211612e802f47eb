"""Nesterov: momentum that measures the gradient where it is about to be, and so brakes earlier.

    v ← mv − ηg
    θ ← θ + mv − ηg

Source: Nesterov, Y. (1983), "A method for solving the convex programming problem with convergence rate O(1/k²)", Soviet
Mathematics Doklady 27, 372–376; in this form Bengio, Y., Boulanger-Lewandowski, N. & Pascanu, R. (2013), "Advances in
Optimizing Recurrent Networks", section 3.5. https://arxiv.org/abs/1212.0901

Conventions: textbooks write v ← mv − η∇f(φ + mv), φ ← φ + v, with the gradient at the look-ahead point φ + mv. Here θ
*is* that point: putting θ = φ + mv gives the two lines above, the same trajectory seen from the look-ahead, and g is
the gradient at the parameters as for every other rule. Keras does the same; torch too, with the learning rate outside
the velocity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Nesterov(Optimizer):
    """A heavy ball with foresight: looks where its speed will carry it and corrects there.

    Args:
        lr: learning rate η, how hard a gradient pushes, in (0, inf).
        momentum: share m of the velocity that survives a step, in [0, 1]; 0 is plain SGD.

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
        """Push the velocity, then move to the next look-ahead point."""
        push = lr * g
        v *= self.momentum
        v -= push  # v ← mv − ηg
        theta += self.momentum * v - push  # θ ← θ + mv − ηg
