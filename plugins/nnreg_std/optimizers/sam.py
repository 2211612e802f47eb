"""SAM: looks for flat valleys by stepping from the worst point near by, with the gradient found there.

    ε′ = ρ g / ‖g‖₂                     the worst point of a ball of radius ρ, to first order
    g ← ∇L(θ + ε′)                      of the same batch
    θ ← the inner rule's step from θ, with this g

Source: Foret, P., Kleiner, A., Mobahi, H. & Neyshabur, B. (2021), "Sharpness-Aware Minimization for Efficiently Improving
Generalization", equation 2 with p = 2, and Algorithm 1; ρ = 0.05 is its section 3.1. https://arxiv.org/abs/2010.01412

Conventions: ‖g‖ is that of all parameters together, as in the authors' code; ASAM and layerwise forms scale by array. L holds
the regularizer's penalty, as the authors' does; decoupled decay is taken from θ, after the step. g and ∇L(θ + ε′) are clipped
as any gradient is. A step costs two gradients: compare it with twice as many steps of the inner rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Optimizer, check_range, slot


@dataclass
class SAM(Optimizer):
    """Any rule, by the gradient of the worst point near by: it rests where all around is low.

    Args:
        lr: learning rate of the inner rule, in (0, inf); null for its own.
        inner: rule that makes the step.
        rho: ρ, how far the worst point is looked for, in [0, inf); 0 is the inner rule.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    looks_again = True
    scratch = ("before", "ascent")
    search: ClassVar = {"rho": (0.01, 0.5)}

    lr: float | None = None  # type: ignore[assignment] # the inner rule's
    inner: Optimizer = slot("sgd")
    rho: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, rho="[0, inf)")

    def step(self, t: int, factor: float = 1.0) -> None:
        """Climb, look, go back, and let the inner rule step."""
        theta, g = self.parameters.theta, self.parameters.grad
        before, ascent = (self.scratch_vectors[name] for name in self.scratch)
        largest = float(np.abs(g, out=ascent).max(initial=0))
        if 0 < self.rho * largest < math.inf:
            np.divide(g, largest, out=ascent)  # whose square neither overflows nor vanishes
            ascent *= self.rho / math.sqrt(np.dot(ascent, ascent))  # ε′ = ρ g / ‖g‖₂
            before[...] = theta
            theta += ascent
            self.reevaluate()  # g ← ∇L(θ + ε′)
            theta[...] = before
        self.inner.step(t, factor)
