"""What a plugin promises: one small contract for each kind of technique.

A plugin imports this module and nothing else of nnreg, and this module imports NumPy and nothing else. Shapes are written
(rows, columns); ``float array`` means float32 or float64, whichever the run asked for, and a formula must keep it:
``math.sqrt(2) * x`` does, ``np.sqrt(2.0) * x`` makes float64 of it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]


def check_range(technique: object, **intervals: str) -> None:
    """Check hyper-parameters against intervals, for use in ``__post_init__``.

    Args:
        technique: the object whose attributes are checked, read.
        **intervals: attribute name to interval in the usual notation, such as ``beta1="[0, 1)"`` or ``lr="(0, inf)"``.

    Raises:
        ValueError: a value lies outside its interval or is NaN; the message names attribute, interval and value.
    """
    for name, interval in intervals.items():
        low, high = (float(end) for end in interval.strip("[]()").split(","))
        value = getattr(technique, name)
        above = value >= low if interval[0] == "[" else value > low
        below = value <= high if interval[-1] == "]" else value < high
        if not (above and below):  # written so that NaN fails
            raise ValueError(f"{name} must be in {interval}, got {value}")


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


@dataclass
class Optimizer(ABC):
    """An update rule: a dataclass of hyper-parameters and one method, ``update``, that is the paper's formula.

    This base owns the state vectors named in ``state`` (zeroed, one element a parameter), walks the flat buffer in
    cache-sized slices, and saves and loads itself. A rule that needs whole layers overrides ``step`` and reads
    ``self.parameters.named``.

    Args:
        lr: learning rate η, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state: ClassVar[tuple[str, ...]] = ()
    slice_size: ClassVar[int] = 16_384  # elements: theta, g, two states and the temporaries stay in a 1 MB cache

    lr: float

    def __post_init__(self) -> None:
        for field in fields(self):  # NumPy scalars, such as an lr from np.logspace, would make float64 of float32 arrays
            value = getattr(self, field.name)
            if isinstance(value, np.generic):
                setattr(self, field.name, value.item())
        check_range(self, lr="(0, inf)")

    @abstractmethod
    def update(self, *args: Any, **kwargs: Any) -> None:  # noqa: D417 - a rule names its own state vectors
        """Apply the rule to one slice, in place; declare it as ``update(self, theta, g, <state names>, *, t, lr)``.

        Args:
            theta: parameters, float array (n,), read and written in place.
            g: gradient, float array (n,), read.
            <state names>: one float array (n,) for each name in ``state``, read and written in place.
            t: number of this step, from 1.
            lr: learning rate of this step: ``self.lr`` times the schedule's factor.
        """

    def bind(self, parameters: ParametersView) -> None:
        """Attach the rule to one network's parameters and zero its state vectors.

        Raises:
            ValueError: it already drives a network; two networks need two instances.
        """
        if hasattr(self, "parameters"):
            raise ValueError(f"this {type(self).__name__} already drives a network: make one instance for each")
        self.parameters = parameters
        self.state_vectors = {name: np.zeros_like(parameters.theta) for name in self.state}
        buffers = (parameters.theta, parameters.grad, *self.state_vectors.values())
        size, block = parameters.theta.size, self.slice_size
        self._slices = [tuple(buffer[i : i + block] for buffer in buffers) for i in range(0, size, block)]

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient.

        Args:
            t: number of this step, from 1.
            factor: what the schedule multiplies the learning rate with.
        """
        lr = float(self.lr * factor)
        for arrays in self._slices:
            self.update(*arrays, t=t, lr=lr)

    def save(self) -> dict[str, Array]:
        """Return a copy of every state vector by name; with theta and t this is all a rule needs to continue."""
        return {name: vector.copy() for name, vector in self.state_vectors.items()}

    def load(self, state: Mapping[str, Array]) -> None:
        """Continue from what ``save`` returned.

        Raises:
            ValueError: names or shapes differ from this rule's state.
        """
        if {name: vector.shape for name, vector in state.items()} != {
            name: vector.shape for name, vector in self.state_vectors.items()
        }:
            raise ValueError(f"the saved state does not fit {type(self).__name__}: it keeps {', '.join(self.state) or 'none'}")
        for name, vector in state.items():
            self.state_vectors[name][...] = vector


class Init(Protocol):
    """How the weights of one layer start."""

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw the starting weights.

        Args:
            weight: float array (fan_in, fan_out), written in place.
            rng: the only source of randomness allowed, read.
        """


class Activation(Protocol):
    """An elementwise function: two stateless formulas; the network owns every buffer."""

    def forward(self, z: Array, out: Array) -> None:
        """Compute y = f(z).

        Args:
            z: pre-activations, float array (rows, units), read.
            out: y, same shape and dtype, written; shares no memory with z.
        """

    def backward(self, dy: Array, z: Array, y: Array, out: Array) -> None:
        """Compute dz = dy · f′(z).

        Args:
            dy: gradient with respect to y, float array (rows, units), read, never written.
            z: the pre-activations that ``forward`` saw, read.
            y: what ``forward`` wrote, read.
            out: dz, same shape and dtype, written; shares no memory with the others.
        """


class Loss(Protocol):
    """What training minimises: a scalar for a batch, the mean over its rows."""

    def value(self, logits: Array, labels: Labels) -> float:
        """Return the mean loss.

        Args:
            logits: network outputs, float array (rows, outputs), read.
            labels: class numbers, integer array (rows,), read.
        """

    def value_and_gradient(self, logits: Array, labels: Labels, out: Array) -> float:
        """Return the mean loss and write its gradient with respect to the logits, (rows, outputs), to ``out``."""


class Regularizer(Protocol):
    """A penalty on the weights (biases and gains are left out), added to loss and gradient."""

    def penalty(self, weights: Array) -> float:
        """Return the penalty of all weights, float array (n,), read."""

    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add the penalty's gradient to ``grad``, float array (n,), read and written in place."""


class Split(NamedTuple):
    """Rows of one part of a dataset.

    Attributes:
        x: features, float array (rows, features), C-contiguous.
        y: class numbers from 0, integer array (rows,).
    """

    x: Array
    y: Labels


@dataclass(frozen=True)
class Splits:
    """A dataset ready to train on.

    Args:
        train: what batches are drawn from.
        valid: held out of training to watch it and to choose settings, or None.
        test: looked at once, at the end, or None.
        outputs: number of network outputs: the classes.
        source: where the data came from, such as a file path, for the record.

    Raises:
        ValueError: shapes, dtypes or labels do not fit together; the message names the split.
    """

    train: Split
    valid: Split | None
    test: Split | None
    outputs: int
    source: str

    def __post_init__(self) -> None:
        for name, split in self.present().items():
            self._check(name, split)

    def present(self) -> dict[str, Split]:
        """Return the splits that exist, by name."""
        every = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: split for name, split in every.items() if split is not None}

    def _check(self, name: str, split: Split) -> None:
        x, y = split
        if x.ndim != 2 or not np.issubdtype(x.dtype, np.floating):
            raise ValueError(f"{name}.x must be a float array (rows, features), got {x.dtype} {x.shape}")
        if y.shape != x.shape[:1] or not np.issubdtype(y.dtype, np.integer):
            raise ValueError(f"{name}.y must be an integer array ({len(x)},), one class for each row, got {y.dtype} {y.shape}")
        if x.shape[1] != self.train.x.shape[1]:
            raise ValueError(f"{name}.x has {x.shape[1]} features, train.x has {self.train.x.shape[1]}")
        if len(x) == 0:
            raise ValueError(f"{name} has no rows")
        if y.min() < 0 or y.max() >= self.outputs:
            raise ValueError(f"{name}.y must hold classes 0 to {self.outputs - 1}, got {y.min()} to {y.max()}")
        if not (math.isfinite(x.min()) and math.isfinite(x.max())):  # NaN passes through both
            raise ValueError(f"{name}.x holds values that are not finite")


class Dataset(Protocol):
    """Labelled rows to train on."""

    def load(self) -> Splits:
        """Return the splits; the same parameters give the same rows, whatever the run's seed.

        Raises:
            FileNotFoundError, ValueError: the data is missing or damaged; one line that says what to do.
        """


class Shape(NamedTuple):
    """A parameter array that a layer asks for.

    Attributes:
        name: without a number, such as ``W``; the network numbers the arrays of one name from 1.
        shape: of the array; (fan_in, fan_out) for weights.
        decays: True for weights: the run's init fills them and its regularizer acts on them.
        start: the value that all elements of an array that does not decay start with.
    """

    name: str
    shape: tuple[int, ...]
    decays: bool
    start: float = 0.0


class Layer(ABC):
    """A stage of the network. ``build`` says what it needs, ``bind`` hands it memory, then it only computes."""

    @abstractmethod
    def build(self, fan_in: int) -> tuple[int, Sequence[Shape]]:
        """Return the number of outputs for ``fan_in`` inputs, and the parameter arrays wanted."""

    @abstractmethod
    def bind(self, weights: Sequence[Weights], rows: int, dtype: npt.DTypeLike) -> None:
        """Keep the parameter views, in the order ``build`` asked, and allocate work arrays for at most ``rows`` rows."""

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


CONTRACTS: Mapping[str, type] = {
    "optimizer": Optimizer,
    "init": Init,
    "activation": Activation,
    "dataset": Dataset,
    "loss": Loss,
    "regularizer": Regularizer,
}
