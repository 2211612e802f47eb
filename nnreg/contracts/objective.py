"""The contracts of what is minimised, by training or on a surface, and of the learning rate's course meanwhile."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Protocol

from nnreg.contracts.arrays import Array, Targets

Point = tuple[float, float]


class Loss(Protocol):
    """What training minimises: a scalar for a batch, the mean over its rows."""

    takes: ClassVar[tuple[str, ...]] = ("classes",)
    """Targets it is defined for: "classes" (integer, (rows,)), "values" (float, (rows, outputs)), or both, the first for
    targets that may be either, such as counts."""

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


def targets_of(loss: object) -> tuple[str, ...]:
    """Return what a loss takes, by the contract's own word where it says nothing: it need not inherit ``Loss``."""
    taken: tuple[str, ...] = getattr(loss, "takes", Loss.takes)
    return taken


class Regularizer(Protocol):
    """A penalty on the weights (biases and gains are left out): in loss and gradient, or decoupled from both."""

    @abstractmethod
    def penalty(self, weights: Array) -> float:
        """Return the penalty of all weights, float array (n,), read."""

    @abstractmethod
    def add_gradient(self, weights: Array, grad: Array) -> None:
        """Add the penalty's gradient to ``grad``, float array (n,), read and written in place."""

    def decay(self, weights: Array, lr: float) -> None:
        """Shrink the weights, float array (n,), in place, before an update whose learning rate is ``lr``; most do nothing."""


class Schedule(Protocol):
    """The course of the learning rate: a factor for every step, a pure function."""

    @abstractmethod
    def factor(self, t: int, steps: int) -> float:
        """Return what the learning rate is multiplied with, in [0, inf).

        Args:
            t: number of the update, from 1.
            steps: number of updates of the whole run.
        """


class Surface(Protocol):
    """A function f(x, y) with an analytic gradient.

    Points are the last axis of an array, any number of axes may stand in front: one point is (2,), a trajectory (steps, 2),
    a grid (rows, columns, 2). A plain class attribute, ``start = (-7.0, 2.0)``, fulfils each of the four properties.
    """

    @property
    @abstractmethod
    def start(self) -> Point:
        """Where descents begin by default, inside the domain."""

    @property
    @abstractmethod
    def domain(self) -> tuple[Point, Point]:
        """((x from, x to), (y from, y to)): what a picture shows."""

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
        """Return f, float array (...,) of the same dtype, for points, float array (..., 2), read."""

    @abstractmethod
    def gradient(self, points: Array) -> Array:
        """Return (∂f/∂x, ∂f/∂y), float array (..., 2) of the same dtype, for points, float array (..., 2), read."""
