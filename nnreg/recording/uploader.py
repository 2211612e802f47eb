"""A process that brings the runs of a sweep to the tracking store while the next ones train.

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
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nnreg.recording import mlflow_store
from nnreg.recording.sending import Sender
from nnreg.recording.spool import Ledger, now
from nnreg.recording.tracking_target import Target, resolve
from nnreg.records.folder import SPOOL
from nnreg.records.manifest import TUNING

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
        target = resolve(home, uri, experiment, warn)
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


def begin(home: Path, uri: str | None, experiment: str | None, sweep: Path, warn: Callable[[str], None]) -> None:
    """Start one for a sweep of this process; the caller has seen that the process can be copied."""
    global _current
    if _current is None:
        _current = Uploader(home, uri, experiment, sweep, warn)


def end() -> None:
    """End that of this process, if there is one, when it has sent everything."""
    global _current
    if _current is not None:
        try:
            _current.close()
        finally:
            _current = None


def current(uri: str | None, experiment: str | None) -> Uploader | None:
    """Return that of this process, or of the sweep it is a worker of, if it sends to such a store."""
    return _current if _current is not None and _current.wanted == (uri, experiment) else None


def kill(folder: Path) -> bool:
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
    mlflow_store.load(target)
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
