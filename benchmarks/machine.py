"""What numbers depend on: the machine, the versions, the day."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

from nnreg.products import AVX512, vector_instructions

DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # of libraries that are imported by another name


def described(libraries: Sequence[str]) -> str:
    """Return day, processor, cores and versions in one line."""
    versions = [f"{library} {metadata.version(DISTRIBUTIONS.get(library, library))}" for library in libraries]
    cores = f"{os.cpu_count()} cores"
    machine = [f"{processor()} ({instructions()})", cores, f"Python {platform.python_version()}"]
    return ", ".join([date.today().isoformat(), *machine, *versions])


def instructions() -> str:
    """Return the widest vector instructions that NumPy finds on this processor; products depend on them."""
    found = vector_instructions()
    levels = {"AVX-512": AVX512, "AVX2": {"X86_V3", "AVX2"}, "NEON": {"NEON", "ASIMD"}}
    return next((level for level, marks in levels.items() if marks & found), "no AVX2")


def processor() -> str:
    """Return the processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
