"""The contract of a surface: a function of the plane on which an update rule can be watched."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from nnreg.contracts.arrays import Array

Point = tuple[float, float]


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
