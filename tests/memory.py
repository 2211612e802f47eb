"""How much memory a program takes at its peak, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WATCHED = """
import resource, sys, time

began = time.perf_counter()
try:
    exec(sys.argv[1])
except SystemExit as end:
    assert not end.code, end
taken = time.perf_counter() - began
print(f"seconds {taken}")
print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == 'darwin' else 2**10)}")
"""


@dataclass(frozen=True)
class Measured:
    """What a program printed, how long it took in seconds, and the most memory that it had, in MiB."""

    text: str
    seconds: float
    peak: float


def measured(program: str, home: Path) -> Measured:
    """Run a program in a folder; it must end with code 0."""
    words = [sys.executable, "-c", WATCHED, program]
    alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=home, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = dict(line.split() for line in done.stdout.splitlines()[-2:])
    return Measured(done.stdout, float(found["seconds"]), float(found["peak"]))
