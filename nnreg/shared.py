"""Memory that a process and its fork both see, and how the two wait for each other there.

It has no name, so nothing is left behind however they end: the last of the two to go takes it along.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from itertools import count

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array

SPINS = 300  # polls before the core is offered to others: half a product of a small layer
PATIENT = 3_000  # polls before sleeping
NAP = 1e-4  # seconds
offer_core: Callable[[], object] = getattr(os, "sched_yield", lambda: time.sleep(0))  # a sleep of 0 may last 50 µs
LOOKS = 256  # polls between two looks whether the other still lives


def zeros(size: int, dtype: npt.DTypeLike) -> Array:
    """Return a vector of zeros that forks share, (size,).

    Raises:
        MemoryError: there is not as much.
    """
    size_in_bytes = max(1, size) * np.dtype(dtype).itemsize
    try:
        return np.frombuffer(mmap.mmap(-1, size_in_bytes), dtype, count=size)
    except OSError as error:
        raise MemoryError(f"Unable to allocate {size_in_bytes:,} bytes") from error


class Pair:
    """Two processes that take turns and meet; each waits by looking at numbers that the other writes.

    Args:
        size: of the longest vector that ``total`` will be given.
        dtype: of these vectors.
    """

    def __init__(self, size: int, dtype: npt.DTypeLike) -> None:
        self._counters = memoryview(mmap.mmap(-1, 64)).cast("q")
        self._slots = zeros(4 * size, dtype).reshape(2, 2, size)  # two sums under way, a part of each process
        self._sums = 0
        self.me = 0
        self.is_other_alive: Callable[[], None] = lambda: None  # raises where it is not

    def ask(self) -> None:
        """Make a request to the second process; what it is about was written before."""
        self._counters[0] += 1

    def await_request(self) -> None:
        """Wait until a request is made that is not fulfilled."""
        self.wait(lambda: self._counters[0] > self._counters[1])

    def answer(self) -> None:
        """Tell the first process that its last request is fulfilled."""
        self._counters[1] += 1

    def await_answer(self) -> None:
        """Wait until all requests are fulfilled."""
        self.wait(lambda: self._counters[1] == self._counters[0])

    def meet(self) -> None:
        """Wait until the other one has come here as often."""
        mine, theirs = 2 + self.me, 3 - self.me
        self._counters[mine] += 1
        self.wait(lambda: self._counters[theirs] >= self._counters[mine])

    def total(self, vector: Array) -> None:
        """Replace an array by its sum over both processes, the same to the bit in both."""
        slot = self._slots[self._sums % 2, :, : vector.size]
        self._sums += 1  # the other one may still be reading the sum before
        slot[self.me] = vector.reshape(-1)
        self.meet()
        np.add(slot[0], slot[1], out=vector.reshape(-1))

    def wait(self, is_ready: Callable[[], bool]) -> None:
        """Poll, first eagerly, then politely.

        Raises:
            ChildProcessError: the other process has ended.
        """
        for polls in count(1):
            if is_ready():
                return
            if polls % LOOKS == 0:
                self.is_other_alive()
            if polls > PATIENT:
                time.sleep(NAP)
            elif polls > SPINS:
                offer_core()
