"""MyRule: another rule's step, of which a share is taken.

    θ ← θ + α(A(θ) − θ), A is the inner rule

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Optimizer, check_range, slot


@dataclass
class MyRule(Optimizer):
    """One sentence of intuition: whatever the other rule wants, it is done by halves.

    Args:
        lr: learning rate of the inner rule, in (0, inf); null: the inner rule's own.
        inner: rule whose steps are taken.
        alpha: α, share that is taken, in (0, 1].

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    scratch = ("before",)  # a work array for each name; what lasts from step to step stands in state, zero at first

    lr: float | None = None  # type: ignore[assignment] # the inner rule's
    inner: Optimizer = slot("momentum")  # typed optimizer=my_rule+adam; the rule arrives made, and is saved and bound
    alpha: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, alpha="(0, 1]")

    def step(self, t: int, factor: float = 1.0) -> None:
        """Let the inner rule step, and go back a part of the way."""
        theta, before = self.parameters.theta, self.scratch_vectors["before"]
        before[...] = theta
        self.inner.step(t, factor)  # A(θ)
        theta -= (1 - self.alpha) * (theta - before)  # θ ← θ + α(A(θ) − θ)
