"""This process: its BLAS threads, whether a copy of it is whole, what ends it, when it collects garbage, what it runs on."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
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
def terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(signum).name)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
