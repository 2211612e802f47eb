"""``nnreg runs``: puts in order what interrupted runs left behind, in the tracking store and on disk."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from nnreg.console import say
from nnreg.errors import UserError, one_line
from nnreg.records.files import special_in
from nnreg.records.folder import CONFIG, HISTORY, LOCK, SENDING, SPOOL, SUMMARY, TRACKED, occupied
from nnreg.tracking.description import now, process_of
from nnreg.tracking.location import IN_THE_OPEN, has_secret, is_own_store, push_words, resolve_target, without_password
from nnreg.tracking.mirror import Tracked, mirror, read_told
from nnreg.tracking.store import Store, reason


def clean(home: Path, say: Callable[[str], None] = say) -> int:
    """Mark runs as killed that the store believes to be running on this host but whose process is gone.

    Args:
        home: project folder.
        say: takes one line for each run marked, or one that says that all is in order.

    Returns:
        The exit code, 0.

    Raises:
        UserError: the store cannot be reached.
    """
    target = resolve_target(home, None, None, say)
    if target.sqlite_file is not None and not target.sqlite_file.exists():
        say(f"nothing to clean: there is no {target.sqlite_file}")
        return 0
    dead = 0
    try:
        target.probe()
        store = Store(target)
        for run in store.open_runs(socket.gethostname()):
            pid, since = process_of(run.tags, run.started)
            if not is_alive(pid, since):
                store.kill(run.run_id)
                dead += 1
                say(f"{run.name} ({run.run_id}): process {pid} is gone, marked as KILLED")
    except Exception as error:  # MLflow, its database and its server raise anything
        raise UserError(f"the tracking store {target.shown} cannot be read: {reason(error, target.shown)}") from error
    if not dead:
        say("nothing to clean: no run of this machine is marked as running without its process")
    return 0


def push(home: Path, folders: Sequence[Path] = (), say: Callable[[str], None] = say, *, store: str | None = None) -> int:
    """Send what is missing of runs to a store: what a folder says of one, somebody else may have written.

    Args:
        home: project folder; without ``folders``, every run folder below its ``runs`` is looked through.
        folders: run folders, or folders that hold some at any depth; symbolic links in them are not followed.
        say: takes one line for each run of which something was missing, sent or not.
        store: where to; else ``MLFLOW_TRACKING_URI``, else that of the project, which is sent its own runs alone.

    Returns:
        The exit code: 1 if some runs were not sent.

    Raises:
        UserError: a folder does not exist, or a password was typed.
    """
    if store is not None and has_secret(store):
        raise UserError(IN_THE_OPEN)
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder")
    places = [folder.absolute() for folder in (folders or [home / "runs"])]
    found = sorted({path.parent for place in places for name in (TRACKED, SPOOL) for path in place.rglob(name)})
    stores: dict[str, Store] = {}
    failures, lines = 0, 0
    for folder in found:
        try:
            line = _push(home, folder, stores, store or os.environ.get("MLFLOW_TRACKING_URI") or None)
        except Exception as error:  # MLflow, its database and its server raise anything; the other runs may do better
            failures += 1
            line = (
                f"{folder}: not sent, still kept: {error if isinstance(error, OtherStore) else reason(error, 'its database')}"
            )
        if line is not None:
            lines += 1
            say(one_line(line))
    if not lines:
        say("nothing to push: every run is where it belongs")
    return 1 if failures else 0


class OtherStore(Exception):
    """A folder names a store that nobody else has named; the message says what to type to send it there."""


def _push(home: Path, folder: Path, stores: dict[str, Store], uri: str | None) -> str | None:
    """Send one run; return the line to say, or None if nothing of it is missing."""
    if links := [path.name for path in special_in(folder) if path.parent == folder and path.name in _READ]:
        raise ValueError(f"its {links[0]} is a symbolic link, or no file: it is not followed")
    tracked = Tracked.read(folder)
    if tracked is None:
        raise ValueError(f"its {TRACKED} is damaged")
    if tracked.whole:
        return None
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(occupied(folder))
        except UserError:
            return f"{folder}: still running, send it when it has ended"
        target = resolve_target(home, uri, tracked.experiment, _ignore)
        if uri is None and tracked.uri != target.shown:
            raise OtherStore(f"it names another store; `{push_words(tracked.uri, folder)}` sends it there")
        name = read_told(folder, tracked).name  # first: no store is opened, or made, for what cannot be read
        target.probe()
        if target.uri not in stores:
            stores[target.uri] = Store(target)
        ids = mirror(folder, stores[target.uri], is_over=True)
    return f"{folder}: someone else is sending it" if ids is None else f"{name}: sent to {target.shown} as {ids[1]}"


_READ = (CONFIG, SUMMARY, HISTORY, f"{HISTORY}.gz", TRACKED, SPOOL, LOCK, SENDING)


def push_lost(home: Path, folder: Path) -> None:
    """Send to its own store what is missing of a run whose process died; what does not go now, ``push`` sends later."""
    tracked, usual = Tracked.read(folder), os.environ.get("MLFLOW_TRACKING_URI", "")
    if tracked is None or tracked.whole or not is_own_store(home, tracked.uri):
        return
    with contextlib.suppress(Exception):
        uri = usual if without_password(usual) == tracked.uri else tracked.uri
        target = resolve_target(home, uri, tracked.experiment, _ignore)
        target.probe()
        mirror(folder, Store(target), is_over=True)


def _ignore(_: str) -> None:
    """A store that MLflow no longer writes was warned of when the run began."""


def is_alive(pid: int, since: int) -> bool:
    """Tell whether a process lives and is the one that was there at a time, not a later one with the same number.

    Args:
        pid: number of a process of this host.
        since: milliseconds since 1970.
    """
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it belongs to someone else
    began = _began(pid)
    return began is None or began <= since + 2_000  # the kernel's clock and ours differ a little


def _began(pid: int) -> int | None:
    """Return when a process started, in milliseconds since 1970, where the system tells."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return now() - int(1_000 * (uptime - ticks / os.sysconf("SC_CLK_TCK")))


def _is_alive_on_windows(pid: int) -> bool:
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  # the attribute exists on Windows only
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE
