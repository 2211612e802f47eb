"""One BLAS thread a run, unless the environment says otherwise: runs side by side gain more from the cores."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_OWN = Path("/proc/self/task")
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def choose() -> None:
    """Say so in the environment, for this process and its children; NumPy reads it when it is imported."""
    for name in VARIABLES:
        os.environ.setdefault(name, "1")


def can_copy() -> bool:
    """Tell whether a copy of this process (``fork``) would be whole: it is Linux, and no thread but this one exists.

    A thread that held a lock would be missing in the copy, and nobody there would ever release it.
    """
    return sys.platform == "linux" and _OWN.is_dir() and sum(1 for _ in _OWN.iterdir()) == 1


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Hold a process that has imported NumPy to it, and what it starts, while the block lasts.

    A notebook computes with all cores otherwise, and may sum in another order then: its runs could differ in their last bits
    from those of the command line.
    """
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in VARIABLES}
    told = next((value for value in before.values() if value and value.isdecimal() and int(value)), "1")
    with threadpool_limits(int(told), user_api="blas"):
        choose()
        try:
            yield
        finally:
            for name in [name for name, value in before.items() if value is None]:
                os.environ.pop(name, None)
