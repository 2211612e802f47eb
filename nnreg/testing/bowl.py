"""The convex surface on which update rules are checked, and the parameters of no network that stand on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Objective, Optimizer, ParametersView, Place, Shape, Weights
from nnreg.contracts.arrays import check_same
from nnreg.engine.network import Parameters
from nnreg.testing.report import Subject

SHAPES = (Shape("W1", (13, 7), decays=True), Shape("b1", (7,), decays=False), Shape("W2", (7, 3), decays=True))
CURVATURE = np.linspace(0.5, 2.0, 13 * 7 + 7 + 7 * 3)


def bowl(dtype: npt.DTypeLike = np.float64, seed: int = 0) -> Parameters:
    """Return parameters away from the minimum of the convex surface ½ Σ curvature · θ²."""
    parameters = Parameters(SHAPES, dtype)
    parameters.theta[...] = np.random.default_rng(seed).uniform(-0.3, 0.3, parameters.theta.size)
    return parameters


def centred_bowl() -> Parameters:
    """Return parameters on the bowl from which rules reach the bottom that keep the mean of each row or column of weights."""
    parameters = bowl()
    for weights in (array.theta for array in parameters.named.values() if array.theta.ndim == 2):
        for axis in (0, 1):
            weights -= weights.mean(axis=axis, keepdims=True)
    return parameters


class OnBowl:
    """The convex surface ½ Σ curvature · θ², or a slope, under parameters of any number, for rules that look again.

    Args:
        parameters: where it is looked at, and what takes the gradient.
        slope: the same gradient everywhere, or None for that of the bowl.

    Attributes:
        looks: gradients so far.
        written: a copy of the last one.
    """

    def __init__(self, parameters: ParametersView, slope: float | None = None) -> None:
        self.looks, self.written = 0, parameters.grad.copy()
        self._parameters, self._slope = parameters, slope
        self._curvature = np.resize(CURVATURE, parameters.theta.size).astype(parameters.theta.dtype)

    def loss_and_gradient(self) -> float:
        """Return the height and overwrite the gradient."""
        self.looks += 1
        self.written = np.array(self._curvature * self._parameters.theta if self._slope is None else self._steady())
        self._parameters.grad[...] = self.written
        return self.loss()

    def loss(self) -> float:
        """Return the height."""
        theta = np.asarray(self._parameters.theta, np.float64)
        return float(0.5 * self._curvature @ theta**2) if self._slope is None else float((self._slope * theta).sum())

    def _steady(self) -> Array:
        return np.full_like(self._curvature, self._slope)


@dataclass
class OneLayer:
    """Parameters of one weight array, whose names can be bound to no others."""

    theta: Array
    grad: Array
    named: Mapping[str, Weights]
    places: Mapping[str, Place]

    def __setattr__(self, name: str, value: Any) -> None:
        check_same(vars(self).get(name, value), value, name)
        super().__setattr__(name, value)


def one_layer(theta: Array, grad: Array, shape: tuple[int, int]) -> OneLayer:
    """Return a view of two vectors as one weight array."""
    named = {"W1": Weights(theta.reshape(shape), grad.reshape(shape))}
    return OneLayer(theta, grad, named, {"W1": Place("W1", 1, 1, "weight", *shape)})


def driving(
    subject: Subject,
    parameters: ParametersView,
    *,
    objective: Objective | None = None,
    rng: np.random.Generator | None = None,
    **settings: Any,
) -> Optimizer:
    """Return a rule bound to parameters and equipped with an objective, that of the bowl unless another is given."""
    rule: Optimizer = subject.make(**settings)
    rule.bind(parameters)
    rule.equip(objective or OnBowl(parameters), rng or np.random.default_rng(0))
    return rule


def descend(rule: Optimizer, parameters: Parameters, steps: int, first: int = 1) -> None:
    """Take steps down the bowl; the first has number ``first``."""
    for t in range(first, first + steps):
        parameters.grad[...] = CURVATURE * parameters.theta
        rule.step(t)
