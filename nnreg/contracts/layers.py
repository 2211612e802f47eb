"""The contracts of what a network is made of: activations, and layers in general."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nnreg.contracts.arrays import Array, Role, Weights


class Activation(Protocol):
    """An elementwise function: two stateless formulas; the network owns every buffer.

    An activation that has parameters, draws random numbers, mixes units or changes their number is a ``Layer`` instead,
    registered under the same kind.
    """

    why_untrainable: ClassVar[str] = ""
    """Why a network with it is refused, such as "its derivative is zero everywhere"; empty for all that can be trained."""

    @abstractmethod
    def forward(self, z: Array, out: Array) -> None:
        """Compute y = f(z).

        Args:
            z: pre-activations, float array (rows, units), read.
            out: y, same shape and dtype, written; shares no memory with z.
        """

    @abstractmethod
    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz = dy · f′(z).

        Args:
            dy: gradient with respect to y, float array (rows, units), read, never written.
            z: the pre-activations that ``forward`` saw, read.
            y: what ``forward`` wrote, read.
            out: dz, same shape and dtype, written; shares no memory with the others.
        """


class Shape(NamedTuple):
    """A parameter array that a layer asks for.

    Attributes:
        name: without a number, such as ``W``; the network numbers the arrays of one name from 1.
        shape: of the array; (fan_in, fan_out) for weights.
        decays: True for weights: the run's init fills them and its regularizer acts on them.
        start: the value that all elements of an array that does not decay start with; None for a bias, which the run's
            choice of bias initialisation fills.
        fan_out: outputs that each input of a weight array reaches where they are not its columns: those of a convolution
            come from several positions; None for the columns.
    """

    name: str
    shape: tuple[int, ...]
    decays: bool
    start: float | None = None
    fan_out: int | None = None

    @property
    def role(self) -> Role:
        """A weight decays, a gain starts at a number other than 0, and all else is a bias."""
        if self.decays:
            return "weight"
        return "gain" if self.start else "bias"


class Layer(ABC):
    """A stage of the network. ``build`` says what it needs, ``bind`` hands it memory, then it only computes.

    A plugin's instance is a prototype: the network works with one copy for each place in the stack, made before ``build``.
    """

    is_identity: ClassVar[bool] = False
    """True for a layer that changes nothing: the network leaves it out."""

    least_rows: ClassVar[int] = 1
    """Rows that a batch must have to be trained on; a run with smaller batches is refused before it starts."""

    elementwise: ClassVar[bool] = False
    """True for an activation whose every output depends on the input in its own place alone: it has a slope that diagnostics
    measure, by a second ``backward`` with dy = 1 after the same ``forward``."""
    is_spatial: bool = False
    """True for a layer that looks at neighbours, such as a convolution: flat rows are given their natural shape before it."""

    def locate(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        """Say at which positions of a row this layer answers; called before ``build``, with those where it is asked.

        A row that has positions, such as (28, 28), comes as that many rows of ``x``, one for each, with its channels as
        inputs; a flat row, positions (), is one. Most layers answer wherever they are asked, and need not know.

        Raises:
            ValueError: the layer does not fit there.
        """
        return positions

    def children(self) -> Sequence[Layer]:
        """Return the layers inside, in the order in which they compute."""
        return ()

    @abstractmethod
    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Return the number of outputs for ``fan_in`` inputs, and the parameter arrays wanted.

        Raises:
            ValueError: the layer cannot stand on so many inputs; its message ends the line with which the run is refused, such
                as "it needs an even number of units, got 101: use 100 or 102".
        """

    @abstractmethod
    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike, rng: np.random.Generator) -> None:
        """Keep what the layer computes with, and allocate work arrays.

        Args:
            weights: parameter views, in the order ``build`` asked for them.
            rows: the most rows that will be passed through at once, each position counted.
            dtype: of parameters and work arrays.
            rng: stream of random masks, shared by the layers of a network; drawn from in training only.
        """

    @abstractmethod
    def forward(self, x: Array, *, training: bool) -> Array:
        """Return y (n, outputs), a work array valid until the next call, for x (n, inputs), n <= rows; x stays unwritten."""

    @abstractmethod
    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Overwrite the parameter gradients with those of the last training forward; return dx, a work array.

        Args:
            dy: gradient with respect to y, float array (n, outputs), read, never written.
            need_dx: False for the first layer of a network: dx may then be returned uncomputed.
        """

    def renew(self, k: int) -> bool:
        """Collect running statistics anew, for other parameters than those they were collected with.

        Args:
            k: the next forward in training mode is the k-th that is collected from, from 1, and counts 1/k; 0 where all have
                been seen, and the layer collects as in training again.

        Returns:
            Whether the layer has such statistics; one that has not is passed through in evaluation mode meanwhile.
        """
        return False

    def state(self) -> Mapping[str, Array]:
        """Return what training changes besides parameters, such as running means: the arrays themselves, by name."""
        return {}


class Norm(Layer):
    """A layer that normalises what passes through a hidden layer; it keeps the number of units.

    Attributes:
        position: whether it stands before or after the activation; read when the network is stacked.
    """

    position: Literal["before", "after"] = "before"


class Dropout(Layer):
    """A layer that drops units at random in training; it stands after each hidden layer's activation and norm."""
