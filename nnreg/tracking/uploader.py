"""The process that sends the runs of a sweep, while others train.

Importing MLflow takes two seconds of CPU, and it is imported here alone: the workers of the sweep keep each run in its folder
as if the store were away, and this process, a copy of the sweep's, sends what it finds there. Whatever happens to it, nothing
is lost: ``python -m nnreg runs push`` sends what is still in a folder.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nnreg.records.folder import SPOOL
from nnreg.records.manifest import TUNING
from nnreg.tracking import store
from nnreg.tracking.ledger import Ledger, Tracked, now
from nnreg.tracking.location import Target, UnreachableError, resolve_target
from nnreg.tracking.store import Store, reason

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


LOOK = 0.25  # seconds between two looks at the folders
PATIENCE = 20.0  # seconds for runs in progress to end, when the sweep is gone

_current: Uploader | None = None


class Uploader:
    """The process, as the sweep sees it.

    Args:
        home: project folder, where the embedded database is.
        uri: tracking store as the configuration names it, or None.
        experiment: likewise.
        sweep: folder of the sweep, in which run folders are looked for.
        warn: takes one line for the user; called in the process.
    """

    def __init__(self, home: Path, uri: str | None, experiment: str | None, sweep: Path, warn: Callable[[str], None]) -> None:
        self.wanted, self._sweep = (uri, experiment), sweep
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        target = resolve_target(home, uri, experiment, warn)
        self._process: Any = context.Process(target=_serve, args=(theirs, target, sweep, warn), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, folder: Path) -> tuple[str, str] | None:
        """Send what is kept in a folder, after all runs; return the ids of its experiment and run, or None if it did not go."""
        try:
            self._pipe.send(folder)
            sent: tuple[str, str] | None = self._pipe.recv()
        except (EOFError, OSError):  # the process is gone
            return None
        return sent

    def close(self) -> None:
        """Wait until every run that has ended is sent, and end the process."""
        with contextlib.suppress(EOFError, OSError):
            if _spools(self._sweep):
                self._pipe.send(None)
                self._pipe.recv()
        self._pipe.close()
        self._process.kill()
        self._process.join()


def begin_uploading(home: Path, uri: str | None, experiment: str | None, sweep: Path, warn: Callable[[str], None]) -> None:
    """Start one for a sweep of this process; the caller has seen that the process can be copied."""
    global _current
    if _current is None:
        _current = Uploader(home, uri, experiment, sweep, warn)


def end_uploading() -> None:
    """End that of this process, if there is one, when it has sent everything."""
    global _current
    if _current is not None:
        try:
            _current.close()
        finally:
            _current = None


def current_uploader(uri: str | None, experiment: str | None) -> Uploader | None:
    """Return that of this process, or of the sweep it is a worker of, if it sends to such a store."""
    return _current if _current is not None and _current.wanted == (uri, experiment) else None


def kill_run(folder: Path) -> bool:
    """Write into what is kept of a run that its process is gone; return whether anything was kept."""
    try:
        ledger = Ledger.read(folder / SPOOL)
    except (OSError, ValueError):
        return False
    if ledger.ended is None:
        ledger.status, ledger.ended = "KILLED", now()
        ledger.tags["outcome"] = "killed"
        ledger.save()
    return True


def _serve(pipe: Connection, target: Target, sweep: Path, warn: Callable[[str], None]) -> None:
    """Send what there is until there is no sweep any more."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sweep ends it when its runs have ended
    sender, parent = Sender(target, warn), os.getppid()
    store.load_mlflow(target)
    with contextlib.suppress(EOFError, OSError):
        while os.getppid() == parent:
            asked = pipe.poll(LOOK)
            for path in _spools(sweep):
                sender.send(path)
            if not asked:
                continue
            folder = pipe.recv()
            if folder is None:
                sender.settle(_spools(sweep))
                pipe.send(None)
                return
            sender.send(folder / SPOOL)
            pipe.send(sender.ids(folder))
    _await_runs(sweep, sender)


def _await_runs(sweep: Path, sender: Sender) -> None:
    """Send the last runs of a sweep whose process was killed: its workers end a moment later."""
    deadline = time.monotonic() + PATIENCE
    while (left := _spools(sweep)) and time.monotonic() < deadline:
        time.sleep(LOOK)
        for path in left:
            sender.send(path)


def _spools(sweep: Path) -> Sequence[Path]:
    """Return what is kept of the runs of a sweep, those of its tuning first."""
    return [*sorted(sweep.glob(f"{TUNING}/*/{SPOOL}")), *sorted(sweep.glob(f"*/{SPOOL}"))]
