"""This process: its BLAS threads, whether a copy of it is whole, what ends it, and when it collects garbage."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
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
