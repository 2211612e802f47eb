"""``nnreg runs``: puts in order what interrupted runs left behind, in the tracking store and on disk."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from nnreg.console import say
from nnreg.errors import UserError
from nnreg.records.folder import SPOOL
from nnreg.tracking.ledger import Ledger, now, process_of
from nnreg.tracking.location import resolve_target
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


def push(home: Path, folders: Sequence[Path] = (), say: Callable[[str], None] = say) -> int:
    """Send runs that were kept on disk to the store they were meant for, or to ``MLFLOW_TRACKING_URI`` if that is set.

    Args:
        home: project folder; without ``folders``, every run folder below its ``runs`` is looked through.
        folders: run folders, or folders that hold some at any depth.
        say: takes one line for each run, sent or not; a run that was sent is not kept any longer.

    Returns:
        The exit code: 1 if some runs could not be sent.

    Raises:
        UserError: a folder does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder")
    spools = sorted({path for folder in (folders or [home / "runs"]) for path in folder.absolute().rglob(SPOOL)})
    stores: dict[str, Store] = {}
    failures = 0
    for path in spools:
        try:
            say(_push(home, path, stores))
        except Exception as error:  # MLflow, its database and its server raise anything; the other runs may do better
            failures += 1
            say(f"{path.parent}: not sent, still kept: {reason(error, 'its database')}")
    if not spools:
        say("nothing to push: every run is where it belongs")
    return 1 if failures else 0


def _push(home: Path, path: Path, stores: dict[str, Store]) -> str:
    lock = FileLock(f"{path}.lock")
    try:
        with lock.acquire(blocking=False):
            if not path.exists():
                return f"{path.parent}: already sent"
            ledger = Ledger.read(path)
            if ledger.status == "RUNNING":
                if ledger.tags["host"] == socket.gethostname() and is_alive(*process_of(ledger.tags, ledger.started)):
                    return f"{path.parent}: still running, send it when it has ended"
                ledger.status, ledger.ended = "KILLED", int(path.stat().st_mtime * 1_000)
                ledger.tags["outcome"] = "killed"
            target = resolve_target(home, os.environ.get("MLFLOW_TRACKING_URI") or ledger.uri, ledger.experiment, _ignore)
            if target.uri not in stores:
                stores[target.uri] = Store(target)
            target.probe()
            run_id = stores[target.uri].push(ledger)
            path.unlink()
    except Timeout:
        return f"{path.parent}: someone else is sending it"
    with contextlib.suppress(OSError):  # Windows may still hold it; it is empty
        Path(lock.lock_file).unlink(missing_ok=True)
    return f"{ledger.name}: sent to {target.shown} as {run_id}"


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
