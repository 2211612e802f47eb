"""One run on two processes: each half of every batch on a core of its own.

It has no name, so nothing is left behind however they end: the last of the two to go takes it along.

The second process is a fork of the first and shares parameters, gradients and the optimizer's state with it. Each computes the
gradient of its rows; each adds up one half of the two gradients, and updates one half of the parameters. Layers that look at
the whole batch add up their sums over both. Gradients agree with those of one process to rounding, and the same run with two
workers gives the same bits again.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import time
import traceback
from collections.abc import Callable
from itertools import count
from typing import Self

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Optimizer
from nnreg.contracts.optimizer import restrict
from nnreg.engine.network import Network
from nnreg.engine.numerics import silently
from nnreg.engine.rows import Gather, Indices, Rows

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


GRADIENT, UPDATE, END = range(3)
GRACE = 2.0  # seconds the second process has to end by itself


class TwoWorkers:
    """Two workers; a context manager, so that the second one never outlives the first.

    Args:
        network: its parameters were allocated by ``shared.zeros``, and so is the state of the optimizer.
        optimizer: bound to them.
        rows: the training split, converted to the network's dtype.
        batch: rows a batch, at least 2.
    """

    def __init__(self, network: Network, optimizer: Optimizer, rows: Rows, batch: int) -> None:
        import multiprocessing  # here: most runs are one process's, and start sooner without

        self._network, self._optimizer, self._rows = network, optimizer, rows
        size = network.parameters.theta.size
        self._grads = network.parameters.grad, zeros(size, network.dtype)
        self._batch: Indices = zeros(batch, np.int64)  # type: ignore[assignment]
        self._request, self._loss = zeros(3, np.float64), zeros(1, np.float64)  # what is asked for, t and factor
        self._pair = Pair(2 * network.widest, network.dtype)
        self._is_split = type(optimizer).step is Optimizer.step  # a rule that needs whole layers is the first one's alone
        self._parts = slice(0, size // 2), slice(size // 2, size)
        self._halves = slice(0, batch // 2), slice(batch // 2, batch)
        self._is_spread = False  # from the first gradient on; what looks at one before works alone
        self._hears, self._tells = multiprocessing.Pipe(duplex=False)
        fork = multiprocessing.get_context("fork")
        self._process = fork.Process(target=self._serve, args=(os.getpid(),), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._tells.close()
        self._pair.is_other_alive = self._check_second
        self._take_place(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._spread(None)
        self._request[0] = END
        self._pair.ask()
        self._process.join(GRACE)
        self._process.kill()
        self._process.join()

    def gradient(self, rows: Indices) -> float:
        """Return the objective on a batch and overwrite the network's gradient."""
        self._batch[...] = rows
        self._ask(GRADIENT)
        if not self._is_spread:
            self._spread(self._pair.total)
        loss = self._half_gradient()
        self._pair.await_answer()
        return loss + float(self._loss[0]) + self._network.regularise()

    def update(self, t: int, factor: float) -> None:
        """Update all parameters from the gradient."""
        if self._is_split:
            self._ask(UPDATE, t, factor)
        self._optimizer.step(t, factor)
        self._pair.await_answer()

    def _spread(self, total: Callable[[Array], None] | None) -> None:
        """Let the network of this process train on halves of batches, or on whole ones again."""
        self._network.spread(total, self._batch.size)
        self._is_spread = total is not None

    def _ask(self, *request: float) -> None:
        self._request[: len(request)] = request
        self._pair.ask()

    def _take_place(self, me: int) -> None:
        """Become the first or the second of the two."""
        self._me = self._pair.me = me
        self._gather = Gather(self._rows, len(self._batch[self._halves[me]]))
        if self._is_split:
            restrict(self._optimizer, self._parts[me])

    def _half_gradient(self) -> float:
        """Compute the gradient of this one's rows, add up this one's half of both gradients; return the share of the loss."""
        rows, part = self._batch[self._halves[self._me]], self._parts[self._me]
        loss = self._network.share_gradient(*self._gather(rows), share=rows.size / self._batch.size)
        self._pair.meet()
        total: Array = self._grads[0][part]
        np.add(total, self._grads[1][part], out=total)
        return loss

    def _check_second(self) -> None:
        if not self._process.is_alive():
            reason = f"exit code {self._process.exitcode}"
            with contextlib.suppress(EOFError):  # it had no time to say why
                reason = self._hears.recv()
            raise ChildProcessError(f"the second worker has ended: {reason}")

    def _serve(self, first: int) -> None:
        """Do what the first one asks for until it says so, or is gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first one, which ends this one
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

        def check_first() -> None:
            if os.getppid() != first:
                os._exit(1)

        self._pair.is_other_alive = check_first
        try:
            self._answer_all()
        except BaseException as error:
            traceback.print_exc()
            with contextlib.suppress(OSError):
                self._tells.send(f"{type(error).__name__}: {error}")
            os._exit(1)
        os._exit(0)

    @silently
    def _answer_all(self) -> None:
        self._take_place(1)
        self._network.move_gradient(self._grads[1])
        self._spread(self._pair.total)
        while True:
            self._pair.await_request()
            if self._request[0] == END:
                return
            if self._request[0] == GRADIENT:
                self._loss[0] = self._half_gradient()
            else:
                self._optimizer.step(int(self._request[1]), float(self._request[2]))
            self._pair.answer()
