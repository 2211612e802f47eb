"""A small network of an architecture under test, with an activation, a loss and a penalty that no plugin brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnreg.contracts import Activation, Architecture, Array, Loss, Targets
from nnreg.engine.network import Network

SHAPE, OUTPUTS, ROWS = (8, 8), 3, 4
FEATURES = SHAPE[0] * SHAPE[1]
X = np.random.default_rng(0).standard_normal((ROWS, FEATURES))
TARGETS = np.random.default_rng(1).standard_normal((ROWS, OUTPUTS))


class Tanh(Activation):
    """Smooth, so that differences measure its slope; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def forward(self, z: Array, out: Array) -> None:
        """Compute tanh z."""
        self.asked += 1
        np.tanh(z, out=out)

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dy (1 - y²)."""
        np.multiply(dy, 1 - np.square(y), out=out)


class SquaredError(Loss):
    """Half the sum of the squared errors."""

    targets = ("values",)

    def value(self, logits: Array, targets: Targets) -> float:
        """Return it."""
        return float(0.5 * np.square(logits - targets).sum())

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return it, and write the errors."""
        np.subtract(logits, targets, out=out)
        return self.value(logits, targets)


class NoPenalty:
    """Costs nothing."""

    def penalty(self, weights: Array) -> float:
        """Return 0."""
        return 0.0

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add nothing."""

    def decay(self, weights: Array, lr: float) -> None:
        """Leave them."""


def composed(
    architecture: Architecture,
    hidden: Sequence[int] = (5, 4),
    outputs: int = OUTPUTS,
    *,
    features: int = FEATURES,
    shape: tuple[int, ...] | None = SHAPE,
    activation: Activation | None = None,
) -> Network:
    """Return a small network in float64, its parameters drawn at random."""
    regularizer: Any = NoPenalty()
    network = Network(
        features,
        hidden,
        outputs,
        architecture=architecture,
        shape=shape,
        activation=activation or Tanh(),
        loss=SquaredError(),
        regularizer=regularizer,
        rows=ROWS,
        dtype=np.float64,
    )
    theta = network.parameters.theta
    theta[...] = 0.3 * np.random.default_rng(2).standard_normal(theta.size)
    return network
