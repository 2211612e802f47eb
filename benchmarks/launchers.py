"""Wall time of one sweep on each launcher: `python benchmarks/launchers.py [joblib submitit_local ray]`.

Eight runs of 2,000 updates on the digits, started as a person would, everything included: processes, figures, the comparison.
Each launcher is timed beside a fresh sweep on the basic one, so that what else the machine does weighs on both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

WORDS = ("seed=0,1,2,3,4,5,6,7", "steps=2000", "tracking=off")


def main() -> None:
    """Print a line a launcher."""
    launchers = sys.argv[1:] or ["joblib"]
    print(f"{'launcher':<16}{'basic (s)':>12}{'side by side (s)':>20}{'times faster':>16}")
    for launcher in launchers:
        alone, beside = seconds("basic"), seconds(launcher)
        print(f"{launcher:<16}{alone:>12.1f}{beside:>20.1f}{alone / beside:>16.2f}", flush=True)


def seconds(launcher: str) -> float:
    """Return how long the sweep takes."""
    command = [sys.executable, "-m", "nnreg", "-m", *WORDS, f"hydra/launcher={launcher}"]
    with tempfile.TemporaryDirectory() as project:
        began = time.perf_counter()
        subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
