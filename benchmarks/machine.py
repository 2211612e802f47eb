"""What numbers depend on: the machine, the versions, the day."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

from nnreg.engine.numerics import kernels

DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # of libraries that are imported by another name


def described(libraries: Sequence[str]) -> str:
    """Return day, processor, cores and versions in one line."""
    versions = [f"{library} {metadata.version(DISTRIBUTIONS.get(library, library))}" for library in libraries]
    cores = f"{os.cpu_count()} cores"
    machine = [f"{processor()} ({blas()})", cores, f"Python {platform.python_version()}"]
    return ", ".join([date.today().isoformat(), *machine, *versions])


def blas() -> str:
    """Return for which processor OpenBLAS's kernels are; products depend on them, and ``OPENBLAS_CORETYPE`` chooses others."""
    made_for, _ = kernels()
    return f"OpenBLAS for {made_for}" if made_for else "another BLAS than OpenBLAS"


def processor() -> str:
    """Return the processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
