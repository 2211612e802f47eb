"""The pace of a run: the course of its learning rate, what that course observes, and what is recorded of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Schedule
from nnreg.contracts.objective import scalars_of, watched_by
from nnreg.engine.history import RATE, TRAIN_LOSS, Record
from nnreg.engine.training import paced

EACH = 256
"""First steps whose rates are recorded one by one; then of every second, from 512 of every fourth, and so on."""
LATER = 10**4  # times the run: where a schedule is looked at that may change after it, as the run may go on


def is_recorded(step: int) -> bool:
    """Tell whether the rate of the update that follows ``step`` updates is recorded, in a run of whatever length."""
    return step % max((1 << step.bit_length()) // EACH, 1) == 0


class Pace:
    """A schedule at work in one run, behind a warm-up. Where the factor is always 1 nothing is recorded.

    Args:
        schedule: of the learning rate.
        steps: updates of the whole run.
        warmup: updates of the warm-up, fewer than ``steps``; what is measured before its last begins is not observed.
        rate: learning rate that the schedule scales.

    Attributes:
        factor: number of the update, from 1, to the factor of its learning rate.
    """

    def __init__(self, schedule: Schedule, steps: int, warmup: int, rate: float) -> None:
        self.factor: Callable[[int], float] = paced(schedule, steps, warmup)
        self._schedule, self._rate, self._before = schedule, rate, max(warmup, 1) - 1  # updates before the schedule begins
        self._watched = frozenset(watched_by(schedule))
        looked_at = (*filter(is_recorded, range(steps)), steps - 1, LATER * steps)
        self._is_constant = not self._watched and all(self.factor(step + 1) == 1 for step in looked_at)

    def watch(self, records: Iterable[Record]) -> Iterable[Record]:
        """Return records, as they come, with the rates of updates after the training losses before them.

        What is watched is told to the schedule before anything else happens.
        """
        return records if self._is_constant else self._watching(records)

    @property
    def is_watching(self) -> bool:
        """Whether its schedule observes anything."""
        return bool(self._watched)

    def observe(self, record: Record) -> None:
        """Tell the schedule of one record, if it watches that metric and has begun."""
        step = record.step - self._before
        if record.metric in self._watched and step >= 0 and math.isfinite(record.value):
            self._schedule.observe(step, record.metric, record.value)

    def rates(self, step: int) -> list[Record]:
        """Return the rate of the update that follows ``step`` updates, where it is to be recorded."""
        is_due = not self._is_constant and is_recorded(step)
        return [Record(step, RATE, self._rate * self.factor(step + 1))] if is_due else []

    def _watching(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            self.observe(record)
            yield record
            if record.metric == TRAIN_LOSS and math.isfinite(record.value):
                yield from self.rates(record.step)

    def save(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what observations have changed, by name."""
        return {name: np.array(value) for name, value in scalars_of(self._schedule).items()}

    def load(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from what ``save`` returned.

        Raises:
            ValueError: it is of another schedule.
        """
        known = scalars_of(self._schedule)
        if state.keys() != known.keys() or any(array.shape for array in state.values()):
            raise ValueError(f"it has the schedule's {', '.join(state) or 'nothing'}, not {', '.join(known) or 'nothing'}")
        for name, array in state.items():
            setattr(self._schedule, name, array.item())
