"""The contract of what a batch is made of: which rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

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


def targets_taken(technique: object) -> tuple[str, ...]:
    """Return the targets that a sampler is defined for, both where it says nothing: it need not inherit its contract."""
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
