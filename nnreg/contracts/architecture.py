"""The contract of a network: it composes layers of parts that the engine makes, and knows neither data nor training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol

from nnreg.contracts.layers import Layer


class Parts(Protocol):
    """What a network is composed of. Every call makes a new layer, which stands in one place."""

    @property
    def widths(self) -> Sequence[int]:
        """Units of the hidden layers that the run asks for, ``hidden=[100,100]``, first to last."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The natural shape of a row, such as (28, 28) or (rows, columns, channels); None for rows that have none."""

    def affine(self, outputs: int) -> Layer:
        """Return y = x W + b on whole rows; what has positions is laid out flat first."""

    def hidden(self) -> Layer:
        """Return what stands behind the affine map or convolution of a hidden layer: the run's norm, activation and dropout."""

    def convolution(self, channels: int, kernel: int, stride: int = 1, padding: int = 0) -> Layer:
        """Return a kernel x kernel convolution of rows of a shape, to so many channels."""

    def pool(self, size: int, by: Literal["max", "mean"] = "max") -> Layer:
        """Return pooling: one position for each size x size window, by its largest number or its mean."""

    def residual(self, *layers: Layer) -> Layer:
        """Return x + F(x), F being layers one after the other; x is projected where F changes its form."""

    def sequence(self, *layers: Layer) -> Layer:
        """Return layers one after the other."""


class Architecture(Protocol):
    """How a network is composed, from its inputs to its logits.

    ``target``, where a class has one, says what the network is to answer: "targets", those of the dataset, or "inputs", the
    rows themselves as the network is given them.
    """

    target: ClassVar[Literal["targets", "inputs"]] = "targets"

    @abstractmethod
    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return the whole network.

        Args:
            parts: makes the layers.
            inputs: numbers in a row.
            outputs: numbers that it must answer with: the classes, the columns of values, or those in a row.

        Raises:
            ValueError: it cannot be made of what the run asks for; the message is what the person reads.
        """
