"""Runs that are kept on disk, sent to the tracking store as they go on: short ones at once, long ones as they grow."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from nnreg.recording.mlflow_sink import reason
from nnreg.recording.mlflow_store import Store
from nnreg.recording.spool import Ledger, Tracked, now
from nnreg.recording.tracking_target import Target, UnreachableError

SHORT = 5_000  # milliseconds: a run that is younger is not shown before it has ended
AWAY = 30.0  # seconds for which a store that did not answer is not asked again
COARSE = 100_000_000  # nanoseconds by which the time of a file may lag behind the clock


@dataclass
class _Sent:
    """What the store has of a run: ``tags`` that its spool does not know, so many points, its spool of such a time."""

    experiment_id: str
    run_id: str
    folder: Path
    tags: dict[str, str]
    points: int = 0
    written: int = 0


class Sender:
    """Sends runs to one store; trouble with it is told in one line, once, and the runs stay where they are.

    Args:
        target: the store.
        warn: takes one line for the user.
    """

    def __init__(self, target: Target, warn: Callable[[str], None]) -> None:
        self._target, self._warn = target, warn
        self._store: Store | None = None
        self._sent: dict[str, _Sent] = {}
        self._failed: set[Path] = set()
        self._asked = -AWAY
        self._told = False
        self._born = time.time_ns() - COARSE

    def send(self, path: Path) -> None:
        """Send what is new in a spool; one that was sent to its end is removed."""
        if path in self._failed or time.monotonic() - self._asked < AWAY:
            return
        try:
            self._update(path, again=False)
        except Exception as error:  # MLflow, its database and its server raise anything; training goes on regardless
            self._failed.add(path)
            self._give_up(error)

    def settle(self, paths: Sequence[Path]) -> None:
        """Send what could not be sent before, once more, as the last thing."""
        if not paths or time.monotonic() - self._asked < AWAY:
            return
        for path in paths:
            try:
                self._update(path, again=True)
            except UnreachableError as error:
                self._give_up(error)
                return
            except Exception as error:  # of this run: the others may go
                self._give_up(error)

    def ids(self, folder: Path) -> tuple[str, str] | None:
        """Return the ids of experiment and run of a run that was sent."""
        found = [sent for sent in self._sent.values() if sent.folder == folder]
        return (found[-1].experiment_id, found[-1].run_id) if found else None

    def _give_up(self, error: Exception) -> None:
        self._store = None
        if isinstance(error, UnreachableError):
            self._asked = time.monotonic()
        if not self._told:
            self._told = True
            self._warn(
                f"MLflow does not take every run ({reason(error, self._target.shown)}): those are kept in their folders; "
                "`python -m nnreg runs push` sends them later"
            )

    def _update(self, path: Path, *, again: bool) -> None:
        """Bring the store up to a spool; ``again``: parts of it may be there already."""
        self._target.probe()
        self._store = self._store or Store(self._target)
        with contextlib.suppress(Timeout), FileLock(f"{path}.lock").acquire(blocking=False):  # `runs push` is at it
            try:
                if path.exists():
                    self._bring_up(self._store, path, again=again)
            finally:
                Path(f"{path}.lock").unlink(missing_ok=True)

    def _bring_up(self, store: Store, path: Path, *, again: bool) -> None:
        written = path.stat().st_mtime_ns
        ledger = Ledger.read(path)
        sent = self._sent.get(ledger.key)
        is_earlier = sent is None and written < self._born  # of an attempt that another process sent parts of
        if sent is None and ledger.ended is None and (is_earlier or now() - ledger.started < SHORT):
            return  # of an earlier attempt, whoever goes on with the run sends it
        if sent is not None and sent.written == written and not again:
            return
        if again or is_earlier:
            store.push(ledger)
        else:
            sent = sent or self._begin(store, ledger)
            store.log(sent.run_id, ledger.points[sent.points :])
            sent.points, sent.written = len(ledger.points), written
            ledger.tags |= sent.tags
            if ledger.ended is not None:
                store.finish(sent.run_id, ledger)
        if ledger.ended is not None:
            path.unlink()

    def _begin(self, store: Store, ledger: Ledger) -> _Sent:
        told = dict(ledger.tags)
        experiment_id, run_id = store.create(ledger)
        folder = Path(ledger.folder)
        Tracked(ledger.key, self._target.shown, ledger.experiment, ledger.started, run_id).save(folder)
        store.describe(experiment_id, run_id, ledger)
        new = {name: text for name, text in ledger.tags.items() if told.get(name) != text}
        sent = self._sent[ledger.key] = _Sent(experiment_id, run_id, folder, new)
        return sent
