"""Sophia: momentum divided by the curvature, and no step longer than the learning rate.

    m ← β₁m + (1 − β₁)g
    u ~ ±1,  ĥ = u ⊙ (∇L(θ + δu) − ∇L(θ − δu)) / 2δ         in every k-th step, of the same batch
    h ← β₂h + (1 − β₂)ĥ
    θ ← θ − ηλθ
    θ ← θ − η · clip(m / max(γh, ε), 1)

Source: Liu, H., Li, Z., Hall, D., Liang, P. & Ma, T. (2024), "Sophia: A Scalable Stochastic Second-order Optimizer for
Language Model Pre-training", Algorithm 3 with the estimator of Algorithm 1 (Sophia-H). https://arxiv.org/abs/2305.14342

Conventions: Hutchinson's estimator u ⊙ Hu, whose product with the Hessian H is a central difference of two gradients; the
authors take it exactly, by a second backward pass, with normal u. δ is the cube root of the precision times the size of the
parameters, at least 1. The other estimator, Gauss-Newton-Bartlett, needs labels that are drawn. h is that of this step, as
in the paper; optax takes that before it and corrects m for its start at 0. γ, k and λ are the paper's, and η is that of Adam
for its smallest model. All parameters decay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class Sophia(Optimizer):
    """Long steps where the loss is flat, short ones where it bends, and lr where it bends down.

    Args:
        lr: learning rate η, the length of a parameter's longest step, in (0, inf).
        beta1: β₁, share of the running gradient that survives a step, in [0, 1); it looks back about 1 / (1 − β₁) steps.
        beta2: β₂, share of the running curvature that survives a look, in [0, 1).
        gamma: γ, factor on the curvature; the larger, the shorter the steps, in (0, inf).
        eps: ε, what the curvature counts as at least, in (0, inf).
        weight_decay: λ, share of a parameter lost in each step, in units of lr, in [0, inf).
        interval: k, steps between two looks at the curvature, in [1, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    looks_again = True
    state = ("m", "h")
    scratch = ("theta0", "g0", "u", "change")
    search: ClassVar = {"lr": (6e-5, 0.06)}

    lr: float = 6e-4
    beta1: float = 0.96
    beta2: float = 0.99
    gamma: float = 0.01
    eps: float = 1e-12
    weight_decay: float = 0.2
    interval: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", gamma="(0, inf)", eps="(0, inf)")
        check_range(self, weight_decay="[0, inf)", interval="[1, inf)")

    def step(self, t: int, factor: float = 1.0) -> None:
        """Look at the curvature where it is due, then take the step of the formula."""
        if (t - 1) % self.interval == 0:
            self._look()
        super().step(t, factor)

    def update(self, theta: Array, g: Array, m: Array, h: Array, *, t: int, lr: float) -> None:
        """Average the gradient, shrink, and move by what the curvature allows."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        ratio = m / np.maximum(self.gamma * h, self.eps)
        theta *= 1 - lr * self.weight_decay  # θ ← θ − ηλθ
        theta -= lr * np.minimum(np.maximum(ratio, -1.0), 1.0)  # θ ← θ − η · clip(m / max(γh, ε), 1)

    def _look(self) -> None:
        theta, g, h = self.parameters.theta, self.parameters.grad, self.state_vectors["h"]
        theta0, g0, u, change = (self.scratch_vectors[name] for name in self.scratch)
        theta0[...], g0[...] = theta, g
        u[...] = self.rng.integers(0, 2, size=u.size)  # u ~ ±1
        u *= 2
        u -= 1
        size = float(np.sqrt(np.square(theta).mean())) if theta.size else 1.0
        delta = float(np.finfo(theta.dtype).eps) ** (1 / 3) * max(1.0, size)  # δ
        np.add(theta0, delta * u, out=theta)
        self.reevaluate()
        change[...] = g
        np.subtract(theta0, delta * u, out=theta)
        self.reevaluate()
        change -= g
        change *= u
        change /= 2 * delta  # ĥ = u ⊙ (∇L(θ + δu) − ∇L(θ − δu)) / 2δ
        theta[...], g[...] = theta0, g0
        h *= self.beta2
        h += (1 - self.beta2) * change  # h ← β₂h + (1 − β₂)ĥ
