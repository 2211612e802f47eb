"""How long it takes until something happens: ``python benchmarks/startup.py``.

Commands are started as a person would start them, in an empty project folder whose MLflow database exists, with warm file
caches, and take turns. What is shown is the median; processor time (user and system) is steadier than wall time on a machine
that is busy. MNIST is left out where it is in none of the folders that the dataset looks in, as it would be downloaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from machine import described

PROGRAM = ("-m", "nnreg")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "python, nothing else": ("-c", "pass"),
    "--help": (*PROGRAM, "--help"),
    "--cfg job": (*PROGRAM, "--cfg", "job"),
    "plugins": (*PROGRAM, "plugins"),
    "one step, untracked": (*PROGRAM, "steps=1", "tracking=off"),
    "one step, tracked": (*PROGRAM, "steps=1"),
    "one step on MNIST, untracked": (*PROGRAM, "steps=1", "tracking=off", "dataset=mnist"),
}
MNIST = "one step on MNIST, untracked"
TARGETS = {"--help": 1.0, "--cfg job": 1.0, "plugins": 1.0, "one step, untracked": 1.5, "one step, tracked": 4.0}  # seconds


class Cost(NamedTuple):
    """What one start costs: seconds by the clock, seconds of the processor, and the most memory, in MB."""

    wall: float
    cpu: float
    memory: float


def measure(commands: Mapping[str, Sequence[str]], times: int) -> Mapping[str, Cost]:
    """Return the median cost of each command, after one start that warms the caches and makes the database."""
    with tempfile.TemporaryDirectory() as project:
        for words in commands.values():
            started(words, project)
        rounds = [{name: started(words, project) for name, words in commands.items()} for _ in range(times)]
    return {name: Cost(*map(statistics.median, zip(*(each[name] for each in rounds), strict=True))) for name in commands}


def started(words: Sequence[str], project: str) -> Cost:
    """Start Python with these words and wait for its end.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], cwd=project, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}: python {' '.join(words)}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # Linux counts in kB
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def markdown(measured: Mapping[str, Cost]) -> str:
    """Return the table."""
    lines = ["command | wall (s) | processor (s) | memory (MB) | target (s)", "--|--:|--:|--:|--:"]
    for name, cost in measured.items():
        target = f"{TARGETS[name]:g}" if name in TARGETS else ""
        lines.append(f"{name} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.memory:.0f} | {target}")
    return "\n".join(lines) + "\n"


def has_mnist() -> bool:
    """Tell whether MNIST can be loaded without a download."""
    code = "import nnreg.testing.usage as o; from nnreg_std.datasets.mnist import MNIST\nwith o.offline(): MNIST().load()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def main(given: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS), metavar="NAME")
    parser.add_argument("--times", type=int, default=10)
    arguments = parser.parse_args(given)
    commands = {name: COMMANDS[name] for name in arguments.commands}
    if MNIST in commands and not has_mnist():
        print("missing: MNIST")
        del commands[MNIST]
    print(f"{described(['numpy', 'hydra-core', 'mlflow'])}; median of {arguments.times}\n")
    print(markdown(measure(commands, arguments.times)))


if __name__ == "__main__":
    main()
