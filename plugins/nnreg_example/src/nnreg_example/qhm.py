"""QHM: plain gradient descent and momentum, mixed.

    m ← βm + (1 − β)g
    θ ← θ − η((1 − ν)g + νm)

Source: Ma, J. & Yarats, D. (2019), "Quasi-hyperbolic momentum and Adam for deep learning", equations 3 and 4.
https://arxiv.org/abs/1810.06801

Conventions: ν = 0.7 and β = 0.999 are the paper's; ν = 0 is gradient descent, ν = 1 momentum with a rate that is 1 − β times
that of torch. Where a momentum of 0.9 in torch's form is right with a rate of 0.01, so is η = 0.1 here.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class QHM(Optimizer):
    """Follows the gradient and its long average in parts, so that no one batch decides.

    Args:
        lr: learning rate η, in (0, inf).
        nu: ν, weight of the average, in [0, 1].
        beta: β, share of the average that survives a step, in [0, 1); it looks back about 1 / (1 − β) steps.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("m",)

    lr: float = 0.1
    nu: float = 0.7
    beta: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, nu="[0, 1]", beta="[0, 1)")

    def update(self, theta: Array, g: Array, m: Array, *, t: int, lr: float) -> None:
        """Remember the gradient, then move along the mixture."""
        m *= self.beta
        m += (1 - self.beta) * g  # m ← βm + (1 − β)g
        theta -= lr * ((1 - self.nu) * g + self.nu * m)  # θ ← θ − η((1 − ν)g + νm)
