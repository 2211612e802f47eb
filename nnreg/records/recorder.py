"""Takes every record of a run and passes it on, each sink at its own pace: console, disk, MLflow."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from nnreg.engine.history import FINAL_LOSS, TRAIN_LOSS, VALID_LOSS, History, Record
from nnreg.records.card import Outcome, RunCard

DIVERGES = (
    TRAIN_LOSS,
    VALID_LOSS,
    FINAL_LOSS,
)  # an update that overflows shows in the next loss, of whatever rows


class Sink(Protocol):
    """Somewhere records go. Only the disk may raise: trouble in any other sink is reported by it and training goes on.

    Attributes:
        period: seconds between two writes; infinite: it is given no records, and has the history when it is closed.
    """

    period: float

    def open(self, card: RunCard) -> None:
        """Begin a run."""

    def write(self, records: Sequence[Record]) -> None:
        """Take the records since the last call, in order; values may be non-finite."""

    def close(self, outcome: Outcome, history: History) -> None:
        """End the run, whatever way it ended."""


@dataclass
class _Stream:
    sink: Sink
    due: float
    waiting: list[Record] = field(default_factory=list)

    def flush(self, now: float) -> None:
        records, self.waiting = self.waiting, []
        self.sink.write(records)
        self.due = now + self.sink.period


class Recorder:
    """Collects the records of one run; ``add`` is called once a step and costs about a microsecond.

    Args:
        card: the run.
        sinks: opened, written and closed in this order: disk first, console last.
    """

    def __init__(self, card: RunCard, sinks: Sequence[Sink]) -> None:
        self.history = History()
        self.diverged_at: int | None = None
        for record in card.past:
            self._keep(record)
        self._card = card
        self._sinks = sinks
        self._streams: list[_Stream] = []
        self._fed: list[_Stream] = []
        self._due = math.inf

    def open(self) -> None:
        """Open every sink; one that was opened is closed by ``close``, even if a later one could not be."""
        for sink in self._sinks:
            sink.open(self._card)
            self._streams.append(_Stream(sink, time.perf_counter() + sink.period))
        self._fed = [stream for stream in self._streams if stream.due < math.inf]
        self._due = min((stream.due for stream in self._fed), default=math.inf)

    def add(self, record: Record) -> None:
        """Take one record; a loss that is not finite marks the run as diverged."""
        self._keep(record)
        for stream in self._fed:
            stream.waiting.append(record)
        now = time.perf_counter()
        if now >= self._due:
            self._flush(now)

    def settle(self) -> None:
        """Bring the disk up to date."""
        for stream in self._streams[:1]:
            stream.flush(time.perf_counter())

    def _keep(self, record: Record) -> None:
        self.history.add(record)
        if record.metric in DIVERGES and not math.isfinite(record.value) and self.diverged_at is None:
            self.diverged_at = record.step

    def _flush(self, now: float) -> None:
        for stream in self._fed:
            if now >= stream.due:
                stream.flush(now)
        self._due = min(stream.due for stream in self._fed)

    def close(self, outcome: Outcome) -> None:
        """Flush and end every sink that was opened, whatever becomes of the others.

        Raises:
            OSError: the first that a sink raised, when all have been closed.
        """
        errors: list[BaseException] = []
        flushes = [partial(stream.flush, time.perf_counter()) for stream in self._streams]
        closes = [partial(stream.sink.close, outcome, self.history) for stream in self._streams]
        for act in (*flushes, *closes):
            try:
                act()
            except (Exception, KeyboardInterrupt) as error:  # the other sinks are closed all the same
                errors.append(error)
        if errors:
            raise errors[0]
