"""The contracts of what a batch is made of: which rows, and what is done to them on their way into the network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from nnreg.contracts.arrays import Array, Targets
from nnreg.contracts.data import Split

Indices = npt.NDArray[np.int64]


class Sampler(Protocol):
    """Which rows each batch has. ``begin`` says of which data, then ``rows`` is asked once for each update, in their order."""

    takes: ClassVar[tuple[str, ...]] = ("classes", "values")
    """Targets it is defined for: "classes" (integer, (rows,)), "values" (float, (rows, outputs)), or both."""

    def largest(self, batch: int, rows: int) -> int:
        """Return the most rows that a batch of a run will have; memory for as many is allocated, once.

        Args:
            batch: the run's setting.
            rows: of the training split. A run is refused whose largest batch has more.
        """
        return batch

    @abstractmethod
    def begin(self, split: Split, batch: int) -> None:
        """Get ready to draw, before the first update of a run and before one that goes on.

        Args:
            split: the training rows, read.
            batch: the run's setting.
        """

    @abstractmethod
    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch.

        Args:
            t: number of the update, from 1: each in its turn, once.
            steps: number of updates of the whole run.
            rng: the stream of batches, the only source of randomness allowed.

        Returns:
            Row numbers of the training split, int64 array (n,) with 1 <= n <= ``largest``, read; valid until the next call.
        """

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return what drawing changes and the next ``rows`` need: the arrays themselves, by name; a checkpoint keeps them.

        A run that goes on writes what was kept into those that there are after ``begin``.
        """
        return {}


class Augmentation(Protocol):
    """What is done to the rows of a training batch, anew each time; validation and test see rows as they are."""

    takes: ClassVar[tuple[str, ...]] = ("classes", "values")
    """Targets it is defined for: "classes" (integer, (rows,)), "values" (float, (rows, outputs)), or both."""

    needs_shape: ClassVar[bool] = False
    """Whether rows must have a natural shape of two or three axes, as pictures have: (rows, columns) or with channels last."""

    softens: ClassVar[bool] = False
    """Whether it makes shares of classes, float (rows, outputs), out of class numbers: a loss must take "soft" targets then."""

    is_identity: ClassVar[bool] = False
    """True for one that changes nothing: it is left out."""

    def begin(self, outputs: int) -> None:
        """Take down the number of classes, or of values a row, before the first batch."""

    @abstractmethod
    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Change one batch.

        Args:
            x: rows in their natural shape, (n, rows, columns), (n, rows, columns, channels), or (n, features) where they have
                none; float array of the run's dtype, a copy, which may be written in place.
            y: class numbers, integer array (n,), or values, float array (n, outputs); a copy as well.
            rng: the stream of augmentations, the only source of randomness allowed.

        Returns:
            Rows and targets: the arrays given, or new ones of the same shape; where it softens, targets are float (n, outputs)
            and each row of them sums to 1.
        """


def targets_taken(technique: object) -> tuple[str, ...]:
    """Return the targets that a sampler or an augmentation is defined for, both where it says nothing."""
    taken: tuple[str, ...] = getattr(technique, "takes", Sampler.takes)
    return taken


def largest_batch(sampler: Sampler, batch: int, rows: int) -> int:
    """Return the most rows that a batch will have, by the contract's own word where a sampler says nothing."""
    largest: int = getattr(sampler, "largest", lambda batch, rows: batch)(batch, rows)
    return largest


def state_of(sampler: Sampler) -> Mapping[str, npt.NDArray[Any]]:
    """Return what a sampler's drawing changes, nothing where it says nothing."""
    state: Mapping[str, npt.NDArray[Any]] = getattr(sampler, "state", dict)()
    return state
