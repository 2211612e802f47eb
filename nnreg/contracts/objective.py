"""The contracts of what is minimised, by training or on a surface, and of the learning rate's course meanwhile."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from nnreg.contracts.arrays import Array, Targets

Point = tuple[float, ...]
Interval = tuple[float, float]


class Loss(Protocol):
    """What training minimises: a scalar for a batch, the mean over its rows."""

    takes: ClassVar[tuple[str, ...]] = ("classes",)
    """Targets it is defined for: "classes" (integer, (rows,)), "values" (float, (rows, outputs)), or both, the first for
    targets that may be either, such as counts. One for classes may take "soft" targets too, shares of the classes: float
    (rows, outputs), as an augmentation makes them."""

    @abstractmethod
    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss.

        Args:
            logits: network outputs, float array (rows, outputs), read.
            targets: class numbers, integer array (rows,), or values, float array (rows, outputs), read.
        """

    @abstractmethod
    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient with respect to the logits, (rows, outputs), to ``out``."""

    # A loss may have ``row_losses(logits, targets)`` too, which returns the loss of each row, float array (rows,) of the run's
    # dtype: rows may then have weights. The gradient of a weighted mean follows from that of the mean, row by row.
    # One that reads the logits as probabilities may have ``probabilities(logits)``, which returns them, (rows, outputs).


class LossLoop(NamedTuple):
    """A loss and its gradient as one plain loop, beside ``value_and_gradient``, for ``kernels=numba``.

    Attributes:
        function: ``loop(numbers, logits, targets, out) -> loss``, a function at the top of its module: loops, arithmetic, and
            the names ``T``, the type of the run's numbers, ``np``, and of one number ``exp``, ``expm1``, ``log``, ``log1p`` and
            ``tanh``. It computes what ``value_and_gradient`` does, but for the order of sums; ``nnreg.testing`` checks it.
        numbers: names of the loss's own numbers that it is given, in this order, as an array.
    """

    function: Callable[..., float]
    numbers: tuple[str, ...] = ()


def loop_of(loss: object, targets: Targets) -> LossLoop | None:
    """Return the loop that a loss has for such targets by its method ``loop(targets)``, or None where it says nothing of it."""
    say: Callable[[Targets], LossLoop | None] | None = getattr(loss, "loop", None)
    return say(targets) if say is not None else None


def reads_probabilities(loss: object) -> bool:
    """Tell whether a loss reads the logits as probabilities."""
    return callable(getattr(loss, "probabilities", None))


def weighs_rows(loss: object) -> bool:
    """Tell whether a loss can be a weighted mean over rows."""
    return callable(getattr(loss, "row_losses", None))


def targets_of(loss: object) -> tuple[str, ...]:
    """Return what a loss takes, by the contract's own word where it says nothing: it need not inherit ``Loss``."""
    taken: tuple[str, ...] = getattr(loss, "takes", Loss.takes)
    return taken


class Regularizer(Protocol):
    """A penalty on the weights (biases and gains are left out) or on activations: in loss and gradient, or decoupled from both.

    ``acts_on`` says what ``penalty`` and ``add_gradient`` are given:

    - "weights": all weights as one vector, float array (n,), and their gradient likewise.
    - "layers": a mapping from the name of each weight array, such as ``W1``, to the array, (fan_in, fan_out), and a mapping of
      the same names to the gradients. The first layer comes first.
    - "outputs": the outputs of one hidden layer's activation, float array (rows, units), and the gradient of the objective
      with respect to them; layer by layer, in training only. As a loss, such a penalty is a mean over the rows.
    """

    acts_on: ClassVar[str] = "weights"

    @abstractmethod
    def penalty(self, weights: Any) -> float:
        """Return the penalty of what it acts on, read."""

    @abstractmethod
    def add_gradient(self, weights: Any, grad: Any) -> None:
        """Add the penalty's gradient to ``grad``, the same shapes, read and written in place."""

    def decay(self, weights: Array, lr: float) -> None:
        """Shrink the weights, float array (n,), in place, before an update whose learning rate is ``lr``; most do nothing."""

    def project(self, layers: Mapping[str, Array]) -> None:
        """Bring the weights back to where they may be, in place, after each update; most do nothing.

        Args:
            layers: weight arrays by name, such as ``W1``, each (fan_in, fan_out), written in place.
        """


ACTS_ON = ("weights", "layers", "outputs")


def target_of(regularizer: object) -> str:
    """Return what a regularizer acts on, by the contract's own word where it says nothing."""
    target: str = getattr(regularizer, "acts_on", Regularizer.acts_on)
    return target


def projection_of(regularizer: object) -> Callable[[Mapping[str, Array]], None] | None:
    """Return what brings weights back after an update, or None for a regularizer that says nothing of it."""
    said = getattr(type(regularizer), "project", Regularizer.project)
    project: Callable[[Mapping[str, Array]], None] | None = getattr(regularizer, "project", None)
    return None if said is Regularizer.project else project


class Schedule(Protocol):
    """The course of the learning rate: a factor for every step, a pure function of the step and of what was observed before."""

    scalars: ClassVar[tuple[str, ...]] = ()
    """Attributes that are state in one number, a float or an int, from the constructor on: saved and loaded with the run."""

    @abstractmethod
    def factor(self, t: int, steps: int) -> float:
        """Return what the learning rate is multiplied with, in [0, inf).

        Args:
            t: number of the update, from 1.
            steps: number of updates of the whole run.
        """

    @property
    def watches(self) -> tuple[str, ...]:
        """Names of the metrics that it observes, such as ``valid/loss``; in a descent ``value``, the height."""
        return ()

    def observe(self, step: int, metric: str, value: float) -> None:
        """Take note of a metric that it watches, as soon as it is measured.

        Args:
            step: updates made; behind a warm-up both this and ``t`` are counted from where the schedule begins.
            metric: its name.
            value: what was measured, finite.
        """


def watched_by(schedule: object) -> tuple[str, ...]:
    """Return what a schedule observes; nothing where it does not say: it need not inherit ``Schedule``."""
    watched: tuple[str, ...] = getattr(schedule, "watches", ())
    return tuple(watched)


def scalars_of(technique: object) -> dict[str, float]:
    """Return the state of a technique that is single numbers, by name."""
    return {name: getattr(technique, name) for name in getattr(technique, "scalars", ())}


class Surface(Protocol):
    """A function f(x, y), or of any number n of coordinates, with an analytic gradient.

    Points are the last axis of an array, any number of axes may stand in front: one point is (n,), a trajectory (steps, n),
    a grid (rows, columns, n). ``start`` says what n is; where it is 2, a descent's path is drawn on contours, else its height.
    A plain class attribute, ``start = (-7.0, 2.0)``, fulfils each of the four properties.

    A surface whose ``gradient`` has a further argument, ``rng: np.random.Generator | None = None``, is noisy: each step of a
    descent is given the slopes of one draw; without a generator they are the expected ones, the derivative of ``value``.
    """

    @property
    @abstractmethod
    def start(self) -> Point:
        """Where descents begin by default, inside the domain."""

    @property
    @abstractmethod
    def domain(self) -> tuple[Interval, ...]:
        """((x from, x to), (y from, y to)), an interval for each coordinate: what a picture shows."""

    @property
    @abstractmethod
    def minima(self) -> tuple[Point, ...]:
        """Every global minimum."""

    @property
    def largest_curvature(self) -> float | None:
        """The largest eigenvalue L of the Hessian where it is the same everywhere, else None.

        Gradient descent on such a surface is stable for lr < 2 / L.
        """
        return None

    @abstractmethod
    def value(self, points: Array) -> Array:
        """Return f, float array (...,) of the same dtype, for points, float array (..., n), read."""

    @abstractmethod
    def gradient(self, points: Array) -> Array:
        """Return (∂f/∂x, ∂f/∂y), float array (..., n) of the same dtype, for points, float array (..., n), read."""


def is_noisy(surface: Surface) -> bool:
    """Tell whether the slopes of a surface are drawn: its ``gradient`` takes a source of randomness."""
    return "rng" in inspect.signature(surface.gradient).parameters
