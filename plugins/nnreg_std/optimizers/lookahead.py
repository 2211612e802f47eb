"""Lookahead: another rule explores for k steps, then slow weights move a part of the way to where it has come.

    θ ← A(θ)                        every step, A is the inner rule
    φ ← φ + α(θ − φ), θ ← φ         every k-th step; φ starts at θ₀

Source: Zhang, M. R., Lucas, J., Hinton, G. & Ba, J. (2019), "Lookahead Optimizer: k steps forward, 1 step back", Algorithm
1. https://arxiv.org/abs/1907.08610

Conventions: the inner rule keeps its state when the weights step back, as by default in the authors' code; the paper's appendix
also resets or interpolates it. What is evaluated are the slow weights, which the paper returns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Optimizer, ParametersView, check_range, slot


@dataclass
class Lookahead(Optimizer):
    """Two sets of weights: fast ones explore by any rule, slow ones follow and damp them.

    Args:
        lr: learning rate of the inner rule, in (0, inf); null: the inner rule's own.
        inner: rule by which the fast weights move.
        k: steps of the fast weights for one of the slow weights, in [1, inf).
        alpha: α, share of the way that the slow weights move, in (0, 1]; 1 is the inner rule alone.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("slow",)

    lr: float | None = None  # type: ignore[assignment] # the inner rule's
    inner: Optimizer = slot("momentum")
    k: int = 5
    alpha: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, k="[1, inf)", alpha="(0, 1]")

    def bind(self, parameters: ParametersView) -> None:
        """Let the slow weights start where the fast ones do."""
        super().bind(parameters)
        self.state_vectors["slow"][...] = parameters.theta  # φ starts at θ₀

    def step(self, t: int, factor: float = 1.0) -> None:
        """Move the fast weights; every k-th time the slow ones follow, and the fast ones begin again from there."""
        theta, slow = self.parameters.theta, self.state_vectors["slow"]
        self.inner.step(t, factor)  # θ ← A(θ)
        if t % self.k == 0:
            slow += self.alpha * (theta - slow)  # φ ← φ + α(θ − φ)
            theta[...] = slow  # θ ← φ

    def evaluation_parameters(self, out: Array) -> bool:
        """Evaluate the slow weights."""
        out[...] = self.state_vectors["slow"]
        return not np.array_equal(out, self.parameters.theta)
