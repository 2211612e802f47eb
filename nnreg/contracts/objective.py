"""The contracts of what training minimises, and of the learning rate's course while it does."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Protocol

from nnreg.contracts.arrays import Array, Targets


class Loss(Protocol):
    """What training minimises: a scalar for a batch, the mean over its rows."""

    takes: ClassVar[tuple[str, ...]] = ("classes",)
    """Targets it is defined for: "classes" (integer, (rows,)), "values" (float, (rows, outputs)), or both."""

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
