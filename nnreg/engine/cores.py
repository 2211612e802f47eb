"""Compiled loops on several cores at once: what a run's BLAS may use, its loops use too.

A loop that is compiled lets go of Python's lock, so that a thread of Python's is enough. Parts are cut so that no number is
computed otherwise than on one core: results are the same, to the bit.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence

from nnreg.engine import numerics

LEAST = 65_536
"""Elements from which on a loop is divided. To begin and to end together costs some ten microseconds, what a loop takes for
some 30,000 elements; half of these have to be worth it."""


def threads() -> int:
    """Return how many threads a run may use now: those of its BLAS."""
    return max(1, numerics.kernels()[1])


def shares(count: int, threads: int) -> list[tuple[int, int]]:
    """Return where the share of each thread begins and ends, of so many things in a row."""
    return [(count * part // threads, count * (part + 1) // threads) for part in range(threads)]


class Mate:
    """A thread that computes what it is given, as long as the process lives."""

    def __init__(self) -> None:
        self._given, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._call: Callable[[], object] = _nothing
        self._error: BaseException | None = None
        threading.Thread(target=self._work, name="nnreg-loops", daemon=True).start()

    def begin(self, call: Callable[[], object]) -> None:
        """Begin with a call."""
        self._call = call
        self._given.release()

    def end(self) -> None:
        """Wait until it is done; raise what it raised."""
        try:
            self._done.acquire()
        except BaseException:  # Ctrl-C: what it computes is still in work
            self._done.acquire()
            raise
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        while True:
            self._given.acquire()
            try:
                self._call()
            except BaseException as error:
                self._error = error
            self._call = _nothing
            self._done.release()


_mates: list[Mate] = []
_busy = threading.Lock()


def together(calls: Sequence[Callable[[], object]]) -> None:
    """Make some calls of compiled code, each on a core; one after the other where the cores are taken by another thread's.

    Args:
        calls: that may be made in any order, and at once.
    """
    if not _busy.acquire(blocking=False):
        for call in calls:
            call()
        return
    try:
        first, *others = calls
        _mates.extend(Mate() for _ in range(len(others) - len(_mates)))
        with contextlib.ExitStack() as ends:
            for mate, call in zip(_mates, others, strict=False):
                mate.begin(call)
                ends.callback(mate.end)
            first()
    finally:
        _busy.release()


def _forget() -> None:
    """Begin anew in a copy of the process, where threads do not live on."""
    global _busy
    _busy = threading.Lock()
    _mates.clear()


def _nothing() -> None:
    pass


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
