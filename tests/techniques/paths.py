"""The way an update rule goes, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from nnreg.contracts import Array, Optimizer

VALLEY = np.array([1 / 10, 2.0])  # curvatures of x²/20 + y²
START = (-7.0, 2.0)

# Gradients are given, not functions of the position, and stay away from zero: a twin must not differ by chaos or cancellation.
signed = st.lists(st.floats(0.1, 10) | st.floats(-10, -0.1), min_size=1, max_size=12)


def path(
    rule: Optimizer,
    gradient: Callable[[Array], Array],
    start: Sequence[float],
    steps: int,
    *,
    dtype: type = np.float64,
    shrink: float = 1.0,
) -> Array:
    """Return the positions from the start on, one row each; the learning rate shrinks by a factor from step to step."""
    theta, grad = np.array(start, dtype), np.empty(len(start), dtype)
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    positions = [theta.copy()]
    for t in range(1, steps + 1):
        grad[...] = gradient(theta)
        rule.step(t, shrink ** (t - 1))
        positions.append(theta.copy())
    return np.array(positions)


def down_the_valley(rule: Optimizer, steps: int = 30) -> Array:
    """Return the positions of the published study's descent."""
    return path(rule, lambda theta: VALLEY * theta, START, steps)


def end_of(rule: Optimizer, gradients: Sequence[float]) -> float:
    """Return where a rule that starts at zero ends under these gradients."""
    given_gradients = iter(gradients)
    return float(path(rule, lambda theta: np.full(1, next(given_gradients)), [0.0], len(gradients))[-1, 0])
