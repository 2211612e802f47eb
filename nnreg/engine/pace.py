"""The pace of a run: the course of its learning rate, what that course observes, and what is recorded of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Schedule
from nnreg.contracts.objective import scalars_of, watched_by
from nnreg.engine.history import RATE, RATE_OF, TRAIN_LOSS, Record
from nnreg.engine.training import paced

EACH = 256
"""First steps whose rates are recorded one by one; then of every second, from 512 of every fourth, and so on."""
LATER = 10**4  # times the run: where a schedule is looked at that may change after it, as the run may go on


def is_recorded(step: int) -> bool:
    """Tell whether the rate of the update that follows ``step`` updates is recorded, in a run of whatever length."""
    return step % max((1 << step.bit_length()) // EACH, 1) == 0


def recorded_steps(steps: int) -> Iterator[int]:
    """Yield the steps below ``steps`` of which ``is_recorded`` is true, without asking for each."""
    start, end = 0, 1
    while start < steps:
        yield from range(start, min(end, steps), max(end // EACH, 1))
        start, end = end, 2 * end


class Varied(NamedTuple):
    """A number of a technique, other than the learning rate, that a schedule scales.

    Attributes:
        place: as it is typed behind ``vary.``: ``optimizer.momentum``.
        owners: the objects that have it as an attribute: the technique, or its copies in the layers of a network.
        base: what is scaled.
        schedule: over the whole run; a warm-up is the learning rate's alone.
    """

    place: str
    owners: tuple[object, ...]
    base: float
    schedule: Schedule

    def set_to(self, value: float) -> None:
        """Give all owners another number."""
        for owner in self.owners:
            object.__setattr__(owner, self.place.rpartition(".")[2], value)  # a frozen one says itself that this may vary


class _Course:
    """A schedule at work on one number, behind a warm-up."""

    def __init__(self, metric: str, base: float, schedule: Schedule, steps: int, warmup: int = 0) -> None:
        self.metric, self.base, self.schedule = metric, base, schedule
        self.factor: Callable[[int], float] = paced(schedule, steps, warmup)
        self.before = max(warmup, 1) - 1  # updates before the schedule begins
        self.watched = frozenset(watched_by(schedule))
        looked_at = (*recorded_steps(steps), steps - 1, LATER * steps)
        self.is_constant = not self.watched and all(self.factor(step + 1) == 1 for step in looked_at)

    def observe(self, record: Record) -> None:
        step = record.step - self.before
        if record.metric in self.watched and step >= 0 and math.isfinite(record.value):
            self.schedule.observe(step, record.metric, record.value)


class Pace:
    """A schedule at work in one run, behind a warm-up, and those of other numbers. What is constant is not recorded.

    Args:
        schedule: of the learning rate.
        steps: updates of the whole run.
        warmup: updates of the warm-up, fewer than ``steps``; what is measured before its last begins is not observed.
        rate: learning rate that the schedule scales.
        varied: the other numbers.

    Attributes:
        factor: number of the update, from 1, to the factor of its learning rate.
        vary: sets all other numbers to what they are in an update, by its number, before its gradient; None if there are none.
    """

    def __init__(self, schedule: Schedule, steps: int, warmup: int, rate: float, varied: Sequence[Varied] = ()) -> None:
        rates = _Course(RATE, rate, schedule, steps, warmup)
        others = [_Course(f"{RATE_OF}{number.place}", number.base, number.schedule, steps) for number in varied]
        self.factor: Callable[[int], float] = rates.factor
        self.vary: Callable[[int], None] | None = self._vary if varied else None
        self._varied = list(zip(varied, others, strict=True))
        self._courses = [rates, *others]
        self.is_watching = any(course.watched for course in self._courses)

    def watch(self, records: Iterable[Record]) -> Iterable[Record]:
        """Return records, as they come, with the rates of updates after the training losses before them.

        What is watched is told to the schedules before anything else happens.
        """
        return records if all(course.is_constant for course in self._courses) else self._watching(records)

    def observe(self, record: Record) -> None:
        """Tell the schedules of one record, those that watch its metric and have begun."""
        for course in self._courses:
            course.observe(record)

    def rates(self, step: int) -> list[Record]:
        """Return what the update that follows ``step`` updates is made with, where it is to be recorded."""
        moving = [course for course in self._courses if not course.is_constant] if is_recorded(step) else []
        return [Record(step, course.metric, course.base * course.factor(step + 1)) for course in moving]

    def _watching(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            self.observe(record)
            yield record
            if record.metric == TRAIN_LOSS and math.isfinite(record.value):
                yield from self.rates(record.step)

    def _vary(self, t: int) -> None:
        for number, course in self._varied:
            number.set_to(number.base * course.factor(t))

    def save(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what observations have changed, by name."""
        return {name: np.array(getattr(schedule, scalar)) for name, (schedule, scalar) in self._scalars().items()}

    def load(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from what ``save`` returned.

        Raises:
            ValueError: it is of another schedule.
        """
        known = self._scalars()
        if state.keys() != known.keys() or any(array.shape for array in state.values()):
            raise ValueError(f"it has the schedule's {', '.join(state) or 'nothing'}, not {', '.join(known) or 'nothing'}")
        for name, (schedule, scalar) in known.items():
            setattr(schedule, scalar, state[name].item())

    def _scalars(self) -> dict[str, tuple[Schedule, str]]:
        places = ["", *(f"{number.place}." for number, _ in self._varied)]
        pairs = zip(places, (course.schedule for course in self._courses), strict=True)
        return {f"{place}{scalar}": (schedule, scalar) for place, schedule in pairs for scalar in scalars_of(schedule)}
