"""The arrays that techniques are given, by name of their kind, and views of the network's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]
Features = npt.NDArray[Any]
"""What a network is given: numbers, float (rows, features), or bytes that stand for numbers, uint8 (rows, features)."""
Targets = npt.NDArray[Any]
"""What a network shall answer: class numbers, integer (rows,), or values, float (rows, outputs)."""


class Weights(NamedTuple):
    """One named parameter array of the network with its gradient: views of the two flat buffers, never rebound."""

    theta: Array
    grad: Array


class ParametersView(Protocol):
    """The parameters as an optimizer sees them: two flat buffers, and the same memory by layer."""

    @property
    def theta(self) -> Array:
        """All parameters, shape (size,), read and written in place."""

    @property
    def grad(self) -> Array:
        """The gradient of the objective, shape (size,), read."""

    @property
    def named(self) -> Mapping[str, Weights]:
        """Layer-shaped views of the same memory by name, such as ``W1`` (fan_in, fan_out) and ``b1`` (fan_out,)."""
