"""The arrays that techniques are given, by name of their kind, and views of the network's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

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


def check_same(held: Array, given: object, name: str) -> None:
    """Let ``parameters.grad += e`` be the change in place that it looks like; refuse another array in the place of one.

    Raises:
        AttributeError: it is another one.
    """
    if given is not held:
        raise AttributeError(f"parameters.{name} is written in place: {name} += ..., or {name}[...] = ...")


class Passed(NamedTuple):
    """What went through a weight array in the last forward and backward pass, whose product is its gradient.

    Attributes:
        inputs: x, float array (rows, fan_in), read.
        output_gradient: ∂L/∂(xW), float array (rows, fan_out), read; of a mean over the rows, so that xᵀ times it is ∂L/∂W,
            regularizer and clipping left out.
    """

    inputs: Array
    output_gradient: Array


Role = Literal["weight", "bias", "gain"]


class Place(NamedTuple):
    """Where a parameter array stands in the network.

    Attributes:
        name: of the array, such as ``W1``.
        layer: number of the weight array that it belongs to, from 1 at the input.
        layers: how many weight arrays there are.
        role: "weight" for what decays, "gain" for what multiplies and starts at a number such as 1, "bias" for what is added.
        fan_in: inputs of each output; 1 for what is no weight.
        fan_out: outputs.
        gain: factor of weights that keeps the second moment through the activation f that follows the layer,
            1 / √E f(z)² for z from N(0, 1); 1 for the last layer, and where that is not known.
    """

    name: str
    layer: int
    layers: int
    role: Role
    fan_in: int
    fan_out: int
    gain: float = 1.0


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

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each of these arrays stands in the network, by name."""
