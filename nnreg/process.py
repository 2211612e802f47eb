"""This process: its BLAS threads, whether a copy of it is whole, what ends it, when it collects garbage, what it runs on."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

_OWN = Path("/proc/self/task")
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def choose_threads() -> None:
    """Say so in the environment, for this process and its children; NumPy reads it when it is imported."""
    for name in VARIABLES:
        os.environ.setdefault(name, "1")


def can_fork() -> bool:
    """Tell whether a copy of this process (``fork``) would be whole: it is Linux, and no thread but this one exists.

    A thread that held a lock would be missing in the copy, and nobody there would ever release it.
    """
    return sys.platform == "linux" and _OWN.is_dir() and sum(1 for _ in _OWN.iterdir()) == 1


@contextlib.contextmanager
def limited_threads() -> Iterator[None]:
    """Hold a process that has imported NumPy to it, and what it starts, while the block lasts.

    A notebook computes with all cores otherwise, and may sum in another order then: its runs could differ in their last bits
    from those of the command line.
    """
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in VARIABLES}
    told = next((value for value in before.values() if value and value.isdecimal() and int(value)), "1")
    with threadpool_limits(int(told), user_api="blas"):
        choose_threads()
        try:
            yield
        finally:
            for name in [name for name, value in before.items() if value is None]:
                os.environ.pop(name, None)


@contextlib.contextmanager
def on_cores(threads: object) -> Iterator[None]:
    """Let a run compute on so many threads while the block lasts: BLAS, and compiled loops, which go by it; None: as before."""
    if not isinstance(threads, int) or threads < 1:  # what is no number of threads, the settings refuse
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads, user_api="blas"):
        yield


_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
PATIENCE = 20.0
"""Seconds for which an ending is left in peace, however many signals come."""


@dataclass
class _Watch:
    """What has been heard by the process that listens; a copy of that process (``fork``) hears for itself."""

    process: int = 0
    since: float | None = None
    holding: int = 0
    pending: str = ""

    def hear(self, signum: int, frame: FrameType | None) -> None:
        """Interrupt what goes on, once; an ending that is under way is not disturbed, unless it takes too long."""
        now, before = time.monotonic(), self.since
        if before is not None and now - before < PATIENCE:
            return
        self.since = now
        if self.holding and before is None:
            self.pending = signal.Signals(signum).name
            return
        raise KeyboardInterrupt(signal.Signals(signum).name)


_watch = _Watch()


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does, and let further signals wait until it has recorded its end.

    A signal that is ignored already, such as SIGHUP under ``nohup``, stays so.
    """
    global _watch
    if _watch.process == os.getpid() or threading.current_thread() is not threading.main_thread():
        yield
        return
    outer, _watch = _watch, _Watch(os.getpid())
    heard = [signum for signum in _ENDING if signal.getsignal(signum) not in (signal.SIG_IGN, None)]
    before = {signum: signal.signal(signum, _watch.hear) for signum in heard}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        _watch = outer


def leave_signals_to_parent() -> None:
    """Let this process, a copy of one that listens, be ended by that: a terminal tells every process of its group at once."""
    for signum in _ENDING:
        signal.signal(signum, signal.SIG_DFL if signum == signal.SIGTERM else signal.SIG_IGN)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let a signal that comes while the block lasts interrupt at its end, so that what is being recorded is recorded.

    Raises:
        KeyboardInterrupt: at the end of the block, where one came; within it only after ``PATIENCE``.
    """
    watch = _watch
    watch.holding += 1
    try:
        yield
    finally:
        watch.holding -= 1
    if watch.pending and not watch.holding:
        name, watch.pending = watch.pending, ""
        raise KeyboardInterrupt(name)


class _Outlasting(io.FileIO):
    """A file descriptor that leads nowhere from when nobody takes what is written to it."""

    lost: OSError | None = None

    def write(self, data: Any) -> int | None:  # type: ignore[override] # None where the system asks to wait
        """Write, or throw away."""
        try:
            return super().write(data)
        except OSError as error:
            self.lost = error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)


_outlasting: list[_Outlasting] = []


def outlast_readers() -> None:
    """Let this program go on when nobody reads its output (any more), as with ``| head -1`` or ``>&-``.

    A closed stream becomes one that leads nowhere: otherwise the first file that is opened would take its place.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if name == "stdin":
            sys.stdin = stream or open(number, closefd=False)  # noqa: SIM115 # it has no path
            continue
        if os.name == "nt" and stream is not None and stream.isatty():  # which is no file there
            continue
        raw = _Outlasting(number, "w", closefd=False)
        _outlasting.append(raw)
        settings = {"line_buffering": name == "stderr"} if stream is None else _like(stream)
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), **{"encoding": "utf-8", "errors": "replace"} | settings))


def _like(stream: Any) -> dict[str, Any]:
    return {name: getattr(stream, name) for name in ("encoding", "errors", "line_buffering", "write_through")}


def unwritten() -> str:
    """Return why output was lost that somebody waits for, "" where all was written or its reader had seen enough."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    lost = [raw.lost for raw in _outlasting if raw.lost is not None and raw.lost.errno not in (errno.EPIPE, errno.EIO)]
    return str(lost[0].strerror) if lost else ""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector while a large library is imported, or makes very many objects that stay.

    Modules are no garbage, and looking through them again and again as they come takes a tenth of the time for MLflow, and a
    quarter of that for its tables. What is there at the end is never looked through again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()


@cache
def processor() -> str:
    """Return what the processor calls itself; the name of its kind where it does not say."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


SECONDS = 2.0  # for which git is waited for
_INSTALLED = ("site-packages", "dist-packages")


def commit_of(folder: Path) -> str:
    """Return the commit that a folder of code is at, ``with changes`` behind it where it has some; "" where git knows none."""
    asked = ask_git(folder)
    return "" if asked is None else _answer(asked)


@cache
def ask_git(folder: Path) -> subprocess.Popen[str] | None:
    """Begin to ask for the commit of a folder, once a process; None where it is in no checkout, or was installed into one."""
    is_inside = any((parent / ".git").exists() for parent in (folder, *folder.parents))
    if not is_inside or any(part in _INSTALLED for part in folder.parts):
        return None
    words = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", "."]
    try:
        return subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:
        return None


@cache
def _answer(asked: subprocess.Popen[str]) -> str:
    try:
        lines = asked.communicate(timeout=SECONDS)[0].splitlines()
    except (subprocess.TimeoutExpired, ValueError):
        asked.kill()
        asked.communicate()
        return ""
    commit = next((line.rpartition(" ")[2] for line in lines if line.startswith("# branch.oid ")), "")
    changes = " with changes" if any(not line.startswith("#") for line in lines) else ""
    return f"{commit}{changes}" if asked.returncode == 0 and commit.isalnum() else ""
