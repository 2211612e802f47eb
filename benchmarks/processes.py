"""Each contender in a process of its own, which stands still except while its block is measured.

Idle is not enough: threads of BLAS and OpenMP spin for up to a tenth of a second before they sleep, on the cores of the next.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Self

from contenders import CannotTrain, Run, make
from workloads import Workload

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
LIBRARIES = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")


@dataclass
class Result:
    """What a contender did.

    Attributes:
        loss: of the last of the first few steps, the same steps for all.
        times: microseconds a step, one for each block.
        trouble: why it did not take part, or empty.
    """

    loss: float = float("nan")
    times: list[float] = field(default_factory=list)
    trouble: str = ""


class Contestant:
    """A process that trains when it is told to; a context manager, so that it never outlives the benchmark.

    Args:
        name: of the contender.
        threads: it may use; with 1 it is also bound to one core, as some libraries ask the machine and not the environment.
        clock: "wall", or "cpu" for the time that its threads were given.
    """

    def __init__(self, name: str, threads: int, clock: str = "wall") -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}  # read when libraries are imported
        self._process = context.Process(target=_serve, args=(name, threads, CLOCKS[clock], theirs))
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._signal("SIGCONT")
        self._process.join(timeout=5)
        self._process.kill()

    def build(self, workload: Workload, optimizer: str, check: int, steps: int) -> Result:
        """Make a new network, train it ``check`` steps for its loss, then ``steps`` to warm up."""
        return self._answer("build", workload, optimizer, check, steps)

    def block(self, steps: int) -> float:
        """Return microseconds a step of one block."""
        microseconds: float = self._answer("block", steps)
        return microseconds

    def _answer(self, *request: object) -> Any:
        """Let the contender move until it has answered a request."""
        self._signal("SIGCONT")
        self._pipe.send(request)
        try:
            answer = self._pipe.recv()
        except EOFError as error:
            raise RuntimeError(f"the process of {self.name} has ended") from error
        self._signal("SIGSTOP")
        return answer

    def _signal(self, name: str) -> None:
        """Send a signal to the process and those it has started, where there are such signals."""
        if hasattr(signal, name):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, getattr(signal, name))


def _serve(name: str, threads: int, clock: Callable[[], float], pipe: Connection) -> None:
    """Answer until the other end is closed."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    run: Run = lambda steps: float("nan")  # noqa: E731
    while True:
        try:
            request, *details = pipe.recv()
        except EOFError:
            return
        if request == "build":
            run, result = _built(name, threads, *details)
            pipe.send(result)
        else:
            began = clock()
            run(*details)
            pipe.send((clock() - began) / details[0] * 1e6)


def _built(name: str, threads: int, workload: Workload, optimizer: str, check: int, steps: int) -> tuple[Run, Result]:
    try:
        run = make(name, workload, optimizer, threads)
        loss = run(check)
        run(steps)
    except CannotTrain as reason:
        return (lambda steps: float("nan")), Result(trouble=str(reason))
    except Exception as error:  # a library may fail in any way; the table says so, and the others go on
        return (lambda steps: float("nan")), Result(trouble=f"{type(error).__name__}: {error}".splitlines()[0])
    return run, Result(loss=loss)
