"""Who takes part: each name with the module and function that make it.

A function is ``make(workload, optimizer, threads) -> run``; ``run(steps)`` trains that many more steps, records every loss, and
returns the last one, that of the forward pass before the last update. Each runs in a process of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable

from workloads import Workload

Run = Callable[[int], float]

OWN, FAST, LIMIT, SCAN, SOURCE = "nnreg", "nnreg[fast]", "sgemm alone", "jax scan of 100", "source's way"
TORCH = ("torch eager", "torch eager foreach", "torch eager fused", "torch.compile")
"""torch's ways that the best of is taken of; ``channels_last`` is for convolutions."""

CONTENDERS: dict[str, tuple[str, tuple[str, ...]]] = {  # name: what makes it, and the libraries it needs
    OWN: ("contenders.own:trained", ()),
    FAST: ("contenders.own:compiled", ("numba",)),
    LIMIT: ("contenders.sgemm:products", ()),
    "torch eager": ("contenders.torch_peer:eager", ("torch",)),
    "torch eager channels_last": ("contenders.torch_peer:channels_last", ("torch",)),
    "torch eager foreach": ("contenders.torch_peer:foreach", ("torch",)),
    "torch eager fused": ("contenders.torch_peer:fused", ("torch",)),
    "torch.compile": ("contenders.torch_peer:compiled", ("torch",)),
    "jax jit per step": ("contenders.jax_peer:jitted", ("jax", "optax")),
    SCAN: ("contenders.jax_peer:scanned", ("jax", "optax")),
    "scikit-learn": ("contenders.sklearn_peer:partial_fit", ("sklearn",)),
    SOURCE: ("contenders.source_peer:as_written", ()),
}


class CannotTrain(Exception):
    """This contender has no way to train this workload; the message says why."""


def missing(name: str) -> str:
    """Return the libraries a contender lacks here, or nothing."""
    return ", ".join(library for library in CONTENDERS[name][1] if importlib.util.find_spec(library) is None)


def make(name: str, workload: Workload, optimizer: str, threads: int) -> Run:
    """Build a contender; the first call of what is returned may still compile.

    Raises:
        CannotTrain: it cannot train this.
    """
    module, _, function = CONTENDERS[name][0].partition(":")
    run: Run = getattr(importlib.import_module(module), function)(workload, optimizer, threads)
    return run
