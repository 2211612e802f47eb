"""The contract of where training starts: how weights are filled, and what may be done with a filled network."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from nnreg.contracts.arrays import Array, Place


class Init(Protocol):
    """How the weights of one layer start.

    Where the place in the network matters, ``fill(weight, rng, place)`` takes it as a third argument of this name, a ``Place``
    (``place: Place | None = None``). A rule that has to see what the filled network does, or starts from numbers that there
    are already, has ``settle(network, batch)`` besides: it is called once, after every array has been filled, with an
    ``Untrained`` and the features of the first training rows, as many as a batch has, read.
    """

    @abstractmethod
    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw the starting weights.

        Args:
            weight: float array (fan_in, fan_out), written in place; a bias vector comes as (1, fan_out), the weights of one
                input that is always 1.
            rng: the only source of randomness allowed, read.
        """


class Untrained(Protocol):
    """A network that has been filled and not trained, as ``settle`` is given it; it writes into the arrays in place."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weight arrays (fan_in, fan_out) of which ``outputs`` can be asked, by name, from the input to the logits."""

    @property
    def arrays(self) -> Mapping[str, Array]:
        """All parameters by name, and what layers keep besides, such as ``1.running_mean``."""

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each parameter array stands, by name."""

    def outputs(self, name: str, batch: Array) -> Array:
        """Return what the layer of a weight array puts out, x W + b, before norm and activation: a new array.

        The layers before it do what they do in training, batch statistics and random masks included, and all is put back.

        Args:
            name: of an array in ``weights``.
            batch: features, float array (rows, features), read.
        """


Fill = Callable[[Array, np.random.Generator, Callable[[], Place]], None]
"""Fills an array from a stream, for a place that is worked out only where it is asked for."""


def fill_of(init: Init) -> Fill:
    """Return how an init fills an array, whether it takes the place or not; its signature is looked at once, here."""
    fill: Callable[..., None] = init.fill
    if "place" in inspect.signature(fill).parameters:
        return lambda weight, rng, place: fill(weight, rng, place=place())
    return lambda weight, rng, place: fill(weight, rng)


def settle_of(init: Init) -> Callable[[Untrained, Array], None] | None:
    """Return how an init settles a filled network, None for most, which do not."""
    settle: Callable[[Untrained, Array], None] | None = getattr(init, "settle", None)
    return settle
