"""A run on its way to MLflow: buffered, thinned, and kept on disk whenever the store cannot be reached.

Training never dies of tracking: whatever goes wrong is told in one line, once, and the run goes on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from nnreg.engine.history import History, Record
from nnreg.records.card import Outcome, RunCard, Status
from nnreg.records.folder import SPOOL
from nnreg.tracking.ledger import Point, Thinner, Tracked, closing_tags, ledger_of, now
from nnreg.tracking.location import UI, Target, UnreachableError, resolve_target
from nnreg.tracking.store import Store, reason

_STATUS: Mapping[Status, str] = {
    "finished": "FINISHED",
    "diverged": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
}
_PERIOD = 1.0  # seconds between two sends
_SHARE = 0.05  # of the time is spent on sending at most
_PATIENCE = 30.0  # seconds for which the next runs of a sweep take a dead store for dead

_dead: dict[str, float] = {}
"""Stores that did not answer in this process, and when that was."""


class _NotAskedError(UnreachableError):
    """The store did not answer an earlier run, and so this one did not ask."""


class MlflowSink:
    """Sends a run to MLflow.

    Args:
        home: project folder, where the embedded database is.
        uri: tracking store, else ``MLFLOW_TRACKING_URI``, else ``sqlite:///<home>/mlflow.db``.
        experiment: name, else ``MLFLOW_EXPERIMENT_NAME``, else ``nnreg``.
        warn: takes one line for the user.
        kept: whether the run is only kept on disk, for another process to send.

    Attributes:
        period: seconds between two writes; longer where the store is slow.
        run_id: of the run in the store, None while it is only on disk.
        experiment_id: likewise.
        uri: the store in use, without a password.
    """

    def __init__(
        self, home: Path, uri: str | None, experiment: str | None, warn: Callable[[str], None], *, kept: bool = False
    ) -> None:
        self._home, self._wanted, self._experiment, self._warn = home, uri, experiment, warn
        self.period = _PERIOD
        self.run_id: str | None = None
        self.experiment_id: str | None = None
        self.uri = ""
        self._store: Store | None = None
        self._others = kept  # send it
        self._kept = kept  # on disk, from the beginning or since the store failed

    def where_to_look(self) -> Sequence[tuple[str, str]]:
        """Return what the console prints at the end, as (label, text) lines: what to type, and the link of the run's page."""
        if self._store is None and not (self._others and self.run_id):
            return [("look at it", "python -m nnreg runs push, then python -m nnreg ui")]
        base = self.uri if self._target.is_server else UI
        page = ("its page", f"{base}/#/experiments/{self.experiment_id}/runs/{self.run_id}")
        return [page] if self._target.is_server else [("look at it", "python -m nnreg ui"), page]

    def open(self, card: RunCard) -> None:
        """Create the run, or take up that of a resumed run, or begin to keep it on disk."""
        before = Tracked.read(card.folder) if card.resumed_at is not None else None
        self._target = self._resolve(before)
        self.uri = self._target.shown
        self._ledger = ledger_of(card, self._target, before)
        self._thinner = Thinner(card.steps)
        self._anchors: list[tuple[int, int]] = [(0, self._ledger.started)]
        self._sent = 0
        self._there: set[tuple[str, int, float]] = set()
        self._collect(self._thinner.take(card.past), card.resumed_at or 0)
        if self._kept:
            self._remember()
        try:
            self._try(self._begin)
        except KeyboardInterrupt:
            if self._store is not None and self.run_id is not None:
                with contextlib.suppress(Exception):  # whatever happens, the interruption is what matters
                    self._store.kill(self.run_id)
            raise

    def write(self, records: Sequence[Record]) -> None:
        """Send the wanted ones of the new records."""
        if records:
            self._collect(self._thinner.take(records), records[-1].step)
            self._try(self._send)

    def close(self, outcome: Outcome, history: History) -> None:
        """Send the rest, the summary and the files of the run folder, and end the run."""
        self._collect(self._thinner.rest(history), outcome.steps)
        summary = {**outcome.summary, "seconds": outcome.seconds, "steps": float(outcome.steps)}
        ledger, ended = self._ledger, now()
        # one slash only: the charts of what is before the last slash stand together
        ledger.points += [
            Point(f"summary/{name.replace('/', '_')}", float(value), ended, outcome.steps)
            for name, value in summary.items()
            if np.isfinite(value)
        ]
        ledger.tags |= closing_tags(outcome)
        ledger.status, ledger.ended = _STATUS[outcome.status], ended
        self._try(self._finish)
        if self._kept and self.run_id is not None:
            self._try_again()

    def _resolve(self, before: Tracked | None) -> Target:
        """Find the store: that which the configuration names, else that which has the run, else the usual one."""
        target = resolve_target(self._home, self._wanted, self._experiment, self._warn)
        if before is None or self._wanted or (before.uri, before.experiment) == (target.shown, target.experiment):
            return target
        return resolve_target(self._home, before.uri, self._experiment or before.experiment, self._warn)

    def _begin(self) -> None:
        if time.monotonic() - _dead.get(self.uri, -_PATIENCE) < _PATIENCE:
            raise _NotAskedError(f"{self.uri} did not answer a moment ago")
        self._remember()
        self._store = Store(self._target)
        self.experiment_id, self.run_id = self._store.create(self._ledger)
        self._remember()
        self._store.describe(self.experiment_id, self.run_id, self._ledger)
        if self._ledger.resumed:
            self._there = self._store.points(self.run_id)
            (Path(self._ledger.folder) / SPOOL).unlink(missing_ok=True)  # of a time at which the store was away

    def _remember(self) -> None:
        """Note in the run folder which run of the store it is."""
        ledger = self._ledger
        Tracked(ledger.key, self.uri, ledger.experiment, ledger.started, self.run_id).save(Path(ledger.folder))

    def _send(self) -> None:
        points = self._ledger.points[self._sent :]
        if self._store is None or self.run_id is None or not points:
            return
        began = time.perf_counter()
        self._target.probe()
        self._store.log(self.run_id, [point for point in points if point.identity not in self._there])
        self._sent = len(self._ledger.points)
        self.period = max(_PERIOD, (time.perf_counter() - began) / _SHARE)

    def _finish(self) -> None:
        self._send()
        if self._store is not None and self.run_id is not None:
            self._target.probe()
            self._store.finish(self.run_id, self._ledger)

    def _try(self, action: Callable[[], None]) -> None:
        """Do something with the store; from the first failure on, the run is kept on disk instead."""
        if not self._kept:
            try:
                action()
            except Exception as error:  # MLflow, its database and its server raise anything; training goes on regardless
                self._give_up(error)
        if self._kept:
            self._keep()

    def _give_up(self, error: Exception) -> None:
        self._kept = True
        self._store = None
        if isinstance(error, UnreachableError) and not isinstance(error, _NotAskedError):
            _dead[self.uri] = time.monotonic()
        self._warn(
            f"MLflow does not take this run ({reason(error, self.uri)}): it is kept in "
            f"{Path(self._ledger.folder) / SPOOL}; `python -m nnreg runs push` sends it later"
        )

    def _keep(self) -> None:
        try:
            self._ledger.save()
        except OSError as error:
            if self._ledger.ended is not None:
                self._warn(f"nor could the run be kept for later: {error}")

    def _try_again(self) -> None:
        """Send a run whose store failed on the way and may have come back."""
        try:
            store = Store(self._target)
            store.push(self._ledger)
        except Exception:  # already told; the run is on disk
            return
        self._store = store
        (Path(self._ledger.folder) / SPOOL).unlink(missing_ok=True)
        self._warn("MLflow answers again: the whole run is there")

    def _collect(self, chosen: Sequence[Record], step: int) -> None:
        """Add records to the ledger, each with the time at which it was measured as nearly as is known."""
        if step > self._anchors[-1][0]:
            self._anchors.append((step, now()))
        if len(self._anchors) > 1_000:  # of a run of hours
            del self._anchors[1:-1:2]
        steps, times = zip(*self._anchors, strict=True)
        millis = np.interp([record.step for record in chosen], steps, times)
        self._ledger.points += [
            Point(record.metric, float(record.value), int(at), int(record.step))
            for record, at in zip(chosen, millis, strict=True)
        ]
