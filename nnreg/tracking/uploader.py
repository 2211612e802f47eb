"""The process that sends the runs of a sweep, while others train.

Importing MLflow takes two seconds of CPU, and it is imported here alone: the workers of the sweep write their folders, and this
process, a copy of the sweep's, brings the store up to them. Whatever happens to it, nothing is lost: ``python -m nnreg runs
push`` sends what is missing.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nnreg.process import leave_signals_to_parent
from nnreg.records.card import TUNING
from nnreg.records.folder import RUNNING, TRACKED, read_facts
from nnreg.tracking import store
from nnreg.tracking.description import now, process_of
from nnreg.tracking.location import Target, resolve_target
from nnreg.tracking.mirror import Mirror, Tracked
from nnreg.tracking.store import Store, reach, reason

SHORT = 5_000  # milliseconds: a run that is younger is not shown before it has ended
LOOK = 0.25  # seconds between two looks at the folders
PATIENCE = 20.0  # seconds for runs in progress to end, when the sweep is gone

_current: Uploader | None = None


class Uploader:
    """The process, as the sweep sees it.

    Args:
        target: the store; runs that are tracked elsewhere are left to others.
        sweep: folder of the sweep, in which run folders are looked for.
        warn: takes one line for the user; called in the process.
    """

    def __init__(self, target: Target, sweep: Path, warn: Callable[[str], None]) -> None:
        self._target, self._sweep = target, sweep.resolve()
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process: Any = context.Process(target=_serve, args=(theirs, target, sweep, warn), daemon=True)
        self._process.start()
        theirs.close()

    def takes(self, folder: Path) -> bool:
        """Tell whether it sends the run in a folder."""
        tracked, above = Tracked.read(folder), folder.resolve().parent
        return self._sweep in (above, above.parent) and tracked is not None and tracked.is_at(self._target)

    def send(self, folder: Path) -> tuple[str, str] | None:
        """Send what is in a folder, after all runs; return the ids of its experiment and run, or None if it did not go."""
        try:
            self._pipe.send(folder)
            sent: tuple[str, str] | None = self._pipe.recv()
        except (EOFError, OSError):  # the process is gone
            return None
        return sent

    def close(self) -> None:
        """Wait until every run that has ended is sent, and end the process."""
        with contextlib.suppress(EOFError, OSError):
            if any(_unsent(self._target, self._sweep)):
                self._pipe.send(None)
                self._pipe.recv()
        self._pipe.close()
        self._process.kill()
        self._process.join()


def begin_uploading(home: Path, uri: str | None, experiment: str | None, sweep: Path, warn: Callable[[str], None]) -> None:
    """Start one for a sweep of this process; the caller has seen that the process can be copied."""
    global _current
    if _current is None:
        if store.watches_system():
            warn("MLflow's system metrics are measured of runs one after the other: without hydra/launcher=joblib")
        _current = Uploader(resolve_target(home, uri, experiment, warn), sweep, warn)


def end_uploading() -> None:
    """End that of this process, if there is one, when it has sent everything."""
    global _current
    if _current is not None:
        try:
            _current.close()
        finally:
            _current = None


def current_uploader(folder: Path) -> Uploader | None:
    """Return that of this process, or of the sweep it is a worker of, if it sends the run in a folder."""
    return _current if _current is not None and _current.takes(folder) else None


class Mirrors:
    """The runs of a sweep in one store; trouble with it is told in one line, once, and the runs stay in their folders.

    Args:
        target: the store.
        sweep: folder of the sweep.
        warn: takes one line for the user.
    """

    def __init__(self, target: Target, sweep: Path, warn: Callable[[str], None]) -> None:
        self._target, self._sweep, self._warn = target, sweep, warn
        self._store: Store | None = None
        self._mirrors: dict[Path, Mirror] = {}
        self._born = now()

    def update(self, *, again: bool = False) -> None:
        """Bring the store up to every folder that has changed; ``again``: to those that failed before, too."""
        for folder in _tracked(self._sweep):
            self.send(folder, again=again)

    def send(self, folder: Path, *, again: bool = False) -> tuple[str, str] | None:
        """Bring the store up to one folder; return the ids of its experiment and run, if it went."""
        mirror = self._mirrors.setdefault(folder, Mirror(folder))
        try:
            if (again or mirror.has_news()) and self._is_due(folder, mirror):
                reach(self._target)
                self._store = self._store or Store(self._target)
                mirror.update(self._store)
        except Exception as error:  # MLflow, its database and its server raise anything; training goes on regardless
            self._give_up(error)
            return None
        return mirror.ids

    def _is_due(self, folder: Path, mirror: Mirror) -> bool:
        """Tell whether a run is for this store and now: a short one when it has ended, an earlier attempt when it goes on."""
        tracked = Tracked.read(folder)
        if tracked is None or tracked.whole or not tracked.is_at(self._target):
            return False
        facts = read_facts(folder)
        since = process_of(tracked.tags, tracked.started)[1]
        return facts is None or facts["status"] != RUNNING or mirror.ids is not None or self._born <= since <= now() - SHORT

    def _give_up(self, error: Exception) -> None:
        self._store = None
        self._warn(
            f"MLflow does not take every run ({reason(error, self._target.shown)}): those are kept in their folders; "
            "`python -m nnreg runs push` sends them later"
        )
        self._warn = _say_no_more


def _say_no_more(_: str) -> None:
    """It was told."""


def _serve(pipe: Connection, target: Target, sweep: Path, warn: Callable[[str], None]) -> None:
    """Send what there is until there is no sweep any more."""
    leave_signals_to_parent()  # the sweep ends it when its runs have ended
    mirrors, parent = Mirrors(target, sweep, warn), os.getppid()
    store.load_mlflow(target)
    with contextlib.suppress(EOFError, OSError):
        while os.getppid() == parent:
            asked = pipe.poll(LOOK)
            mirrors.update()
            if not asked:
                continue
            folder = pipe.recv()
            if folder is None:
                mirrors.update(again=True)
                pipe.send(None)
                return
            pipe.send(mirrors.send(folder, again=True))
    deadline = time.monotonic() + PATIENCE  # the sweep was killed: its workers end a moment later
    while any(_unsent(target, sweep)) and time.monotonic() < deadline:
        time.sleep(LOOK)
        mirrors.update()


def _tracked(sweep: Path) -> list[Path]:
    """Return the folders of the tracked runs of a sweep, those of its tuning first."""
    found = [*sorted(sweep.glob(f"{TUNING}/*/{TRACKED}")), *sorted(sweep.glob(f"*/{TRACKED}"))]
    return [path.parent for path in found]


def _unsent(target: Target, sweep: Path) -> Iterator[Path]:
    """Yield the folders of those runs of a sweep that the store does not have to their end."""
    for folder in _tracked(sweep):
        tracked = Tracked.read(folder)
        if tracked is not None and not tracked.whole and tracked.is_at(target):
            yield folder
