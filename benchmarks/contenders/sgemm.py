"""The limit: a step's matrix products alone, on random numbers, each in the form that was fastest here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from workloads import Floats, Workload

from contenders import CannotTrain, Run

Product = Callable[[], Floats]
TRIALS, ENOUGH = 30, 0.05  # of a form, and the seconds after which fewer will do


def products(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run that multiplies and does nothing else; its loss is not a number.

    Raises:
        CannotTrain: with convolutions, whose products depend on how neighbours are laid out.
    """
    if workload.channels:
        raise CannotTrain("knows affine layers alone")
    rng, rows = np.random.default_rng(0), workload.batch
    x = [rng.standard_normal((rows, units), dtype=np.float32) for units in workload.widths]
    calls: list[Product] = []
    for layer, (fan_in, fan_out) in enumerate(zip(workload.widths, workload.widths[1:], strict=False)):
        weight = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
        calls.append(_best(x[layer], weight))  # x W
        calls.append(_best(x[layer].T, x[layer + 1]))  # xᵀ dy
        if layer:
            calls.append(_best(x[layer + 1], weight.T))  # dy Wᵀ

    def run(steps: int) -> float:
        for _ in range(steps):
            for call in calls:
                call()
        return math.nan

    return run


def _best(a: Floats, b: Floats) -> Product:
    """Return the fastest way to multiply: in one piece or as a stack of blocks of a's rows; b as it is or contiguous.

    The copy that makes b contiguous is not counted: it is no product.
    """
    forms = list(_forms(a, b)) + list(_forms(a, np.ascontiguousarray(b)))
    times = [_least_seconds(form) for form in forms]
    return forms[times.index(min(times))]


def _forms(a: Floats, b: Floats) -> Iterator[Product]:
    for blocks in range(1, 65):
        if len(a) % blocks == 0:
            stacked = a.reshape(blocks, -1, a.shape[1]) if a.flags.c_contiguous else _columns(a.T, blocks)
            out = np.empty((blocks, len(a) // blocks, b.shape[1]), np.float32)
            yield partial(np.matmul, stacked, b, out=out)


def _columns(x: Floats, blocks: int) -> Floats:
    """Return blocks of the columns of x, transposed: a view (blocks, columns / blocks, rows)."""
    return x.reshape(len(x), blocks, -1).transpose(1, 2, 0)


def _least_seconds(form: Product) -> float:
    times = [_seconds(form)]
    while len(times) < TRIALS and (len(times) < 2 or sum(times) < ENOUGH):
        times.append(_seconds(form))
    return min(times)


def _seconds(form: Product) -> float:
    began = time.perf_counter()
    form()
    return time.perf_counter() - began
