"""How much memory and processor time a program takes, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WATCHED = r"""
import re, resource, sys
from pathlib import Path

KIB = 2**10 if sys.platform == "darwin" else 1  # of what getrusage counts in


def own_peak():
    # getrusage begins at the memory of whoever started this, which may be a large pytest
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.is_file() else None
    return int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB


try:
    exec(sys.argv[1])
except SystemExit as end:
    assert not end.code, end
own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(f"seconds {sum(used.ru_utime + used.ru_stime for used in (own, others))}")
print(f"peak {max(own_peak(), others.ru_maxrss / KIB) / 2**10}")
"""


@dataclass(frozen=True)
class Measured:
    """What a program printed, the seconds of processors that it took, and the most memory of one of its processes, in MiB."""

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
