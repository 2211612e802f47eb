"""Training alone, on one process or several: each has a share of a sweep's runs, built and warm before the clock starts."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from contenders import CannotTrain, make
from processes import LIBRARIES
from workloads import Workload


class Took(NamedTuple):
    """Seconds of the clock, and of all processes together."""

    wall: float
    cpu: float


class CannotMeasure(Exception):
    """A contender cannot train these runs; the message says why."""


def times(
    name: str, workload: Workload, optimizers: Sequence[str], steps: int, warm: int, *, processes: int, threads: int
) -> Took:
    """Return the time in which a contender trains all runs, from the moment at which every process is ready.

    Args:
        name: of the contender.
        workload: what each run trains.
        optimizers: one for each run.
        steps: of each run.
        warm: steps of each before that, in which some compile.
        processes: that share the runs, one after the other.
        threads: of each process.

    Raises:
        CannotMeasure: it cannot train them.
    """
    context = multiprocessing.get_context("spawn")
    os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}  # read when libraries are imported
    cores = sorted(os.sched_getaffinity(0))
    pipes = []
    for number in range(processes):
        pipe, theirs = context.Pipe()
        bound = cores[number % len(cores) :: len(cores)] if threads == 1 else cores
        share = list(optimizers[number::processes])
        details = (name, workload, share, steps, warm, threads, bound, theirs)
        context.Process(target=_serve, args=details, daemon=True).start()
        theirs.close()
        pipes.append(pipe)
    for pipe in pipes:
        if trouble := pipe.recv():
            raise CannotMeasure(trouble)
    began = time.perf_counter()
    for pipe in pipes:
        pipe.send("go")
    cpu = sum(pipe.recv() for pipe in pipes)
    return Took(time.perf_counter() - began, cpu)


def _serve(
    name: str,
    workload: Workload,
    optimizers: list[str],
    steps: int,
    warm: int,
    threads: int,
    cores: list[int],
    pipe: Connection,
) -> None:
    """Build the runs of a share, wait for the word, train them."""
    os.sched_setaffinity(0, cores)
    try:
        runs = [make(name, workload, optimizer, threads) for optimizer in optimizers]
        for run in runs:
            run(warm)
    except CannotTrain as reason:
        pipe.send(str(reason))
        return
    except Exception as error:  # a library may fail in any way; the table says so
        pipe.send(f"{type(error).__name__}: {error}".splitlines()[0])
        return
    pipe.send("")
    pipe.recv()
    began = time.process_time()
    for run in runs:
        run(steps)
    pipe.send(time.process_time() - began)
