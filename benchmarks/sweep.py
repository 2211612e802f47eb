"""What a tracked sweep costs beside its training, and beside other ways to do the same.

``python benchmarks/sweep.py`` times 5 optimizers x 4 initialisers on MNIST, 2,000 steps each, as a person starts it: processes,
figures, MLflow, the comparison, everything. Beside it: nnreg's training alone, one run after the other with two BLAS threads,
and on all cores; torch and JAX alone, on all cores; and the naive way of tracking (one ``log_metric`` a step, three pyplot
figures), of which a few runs are timed and scaled up. Training alone is without start of processes and compiling, and without
evaluation unless that is said, on random rows of MNIST's shape, from He's weights for all runs. Where numba is installed the
sweep and its training alone are of compiled code, as a sweep of this length is unless it is told otherwise, and "nnreg" is its
training by NumPy. ``--parts`` says where a tracked run's time goes instead.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import shares
from contenders import CONTENDERS, FAST, OWN, SCAN, missing
from peers import heading
from shares import Took
from workloads import ROWS, WORKLOADS

OPTIMIZERS = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
INITS = ("normal", "lecun", "glorot", "he")
KERNELS = {FAST: "numba", OWN: "numpy"}
WARM = 100  # steps in which some contenders compile
PEERS = (OWN, "torch eager", "torch eager foreach", "jax jit per step", SCAN)


def words(steps: int, inits: Sequence[str], dataset: str) -> list[str]:
    """Return what is typed for the sweep."""
    axes = [f"optimizer={','.join(OPTIMIZERS)}", f"init={','.join(inits)}"]
    told = [f"dataset={dataset}", f"steps={steps}", f"kernels={KERNELS[fastest()]}", "tracking=mlflow"]
    return ["-m", *axes, *told, "hydra/launcher=joblib"]


def fastest() -> str:
    """Return the contender that trains as a sweep of nnreg does here."""
    return OWN if missing(FAST) else FAST


def tracked(steps: int, inits: Sequence[str], dataset: str) -> Took | str:
    """Return the time of the sweep, in a new folder, or why there is none."""
    try:
        metadata.version("hydra-joblib-launcher")
    except metadata.PackageNotFoundError:
        return "missing (not installed: nnreg[joblib])"
    command = [sys.executable, "-m", "nnreg", *words(steps, inits, dataset)]
    with tempfile.TemporaryDirectory() as project:
        began, before = time.perf_counter(), _of_children()
        subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL, env=_environment())
        return Took(time.perf_counter() - began, _of_children() - before)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def naive(steps: int, runs: int, of: int) -> Took:
    """Return the time of so many runs that are tracked the naive way, as ``runs`` of them tell."""
    script = Path(__file__).with_name("naive.py")
    chosen = [OPTIMIZERS[number % len(OPTIMIZERS)] for number in range(runs)]
    with tempfile.TemporaryDirectory() as project:
        command = [sys.executable, str(script), str(steps), *chosen]
        done = subprocess.run(command, cwd=project, check=True, stdout=subprocess.PIPE, text=True, env=_environment())
    times = np.array([line.split() for line in done.stdout.splitlines()], dtype=float)
    return Took(*(of * times.mean(axis=0)).tolist())


def _environment() -> dict[str, str]:
    """Return this environment with one BLAS thread, and no tracking server."""
    told = {f"{library}_NUM_THREADS": "1" for library in shares.LIBRARIES}
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")} | told


def alone(name: str, arguments: argparse.Namespace, processes: int, threads: int, *, validated: int = 0) -> Took | str:
    """Return the time of training alone, or with the validations of so many steps, or why there is none."""
    if lacking := missing(name):
        return f"missing (not installed: {lacking})"
    workload, optimizers = replace(WORKLOADS["W1"], rows=arguments.rows, validated=validated), OPTIMIZERS * len(arguments.inits)
    try:
        return shares.times(name, workload, optimizers, arguments.steps, arguments.warm, processes=processes, threads=threads)
    except shares.CannotMeasure as reason:
        return f"did not train: {reason}"


def measured(arguments: argparse.Namespace) -> Iterator[tuple[str, Took | str]]:
    """Yield what was measured, row by row; the first is training alone on all cores."""
    cores = len(os.sched_getaffinity(0))
    yield f"(b) training alone, {cores} processes", alone(fastest(), arguments, cores, 1)
    yield "(b) and its evaluations", alone(fastest(), arguments, cores, 1, validated=arguments.warm + arguments.steps)
    yield "tracked sweep", tracked(arguments.steps, arguments.inits, arguments.dataset)
    yield f"(a) training alone, {cores} BLAS threads", alone(fastest(), arguments, 1, cores)
    if arguments.naive:
        runs = len(OPTIMIZERS) * len(arguments.inits)
        yield f"(c) naive, {arguments.naive} of {runs} runs, scaled", naive(arguments.steps, arguments.naive, runs)
    for name in arguments.contenders:
        yield f"{name}, {cores} processes", alone(name, arguments, cores, 1)
        if name.startswith("jax"):
            yield f"{name}, {cores} threads", alone(name, arguments, 1, cores)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="of each run")
    parser.add_argument("--inits", nargs="+", default=list(INITS), metavar="NAME", help="fewer make fewer runs")
    parser.add_argument("--dataset", default="mnist", metavar="NAME", help="of the tracked sweep")
    parser.add_argument("--warm", type=int, default=WARM, help="steps of each run of training alone before the clock starts")
    parser.add_argument("--rows", type=int, default=ROWS, help="of training alone, as many as the dataset has")
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--naive", type=int, default=1, help="runs of the naive way that are timed (0: none)")
    parser.add_argument("--parts", action="store_true", help="where the time of a tracked run goes")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Print one table from one run."""
    arguments = _arguments(given)
    if arguments.parts:
        typed = words(arguments.steps, arguments.inits, arguments.dataset)
        here = [word for word in typed if not word.startswith("hydra/launcher")]
        command = [sys.executable, str(Path(__file__).with_name("parts.py")), *here]
        raise SystemExit(subprocess.run(command, env=_environment()).returncode)
    there = [fastest(), *(name for name in arguments.contenders if not missing(name))]
    print(next(heading(arguments, there)))
    print(f"{len(OPTIMIZERS) * len(arguments.inits)} runs of {arguments.steps:,} steps")
    print(f"{'seconds':36}{'wall':>8}{'CPU':>8}{'wall / (b)':>12}{'CPU / (b)':>12}")
    found: dict[str, Took] = {}
    for name, took in measured(arguments):
        if isinstance(took, str):
            print(f"{name:36}{took}")
            continue
        found[name] = took
        ratios = (mine / its for mine, its in zip(took, next(iter(found.values())), strict=True))
        print(f"{name:36}{took.wall:8.2f}{took.cpu:8.2f}", *(f"{ratio:11.2f}" for ratio in ratios), flush=True)
    print(*goals(found), sep="\n")


def goals(found: Mapping[str, Took]) -> Iterator[str]:
    """Yield what is aimed at, in wall time, beside what came of it."""

    def least(*beginnings: str) -> float:
        return min((took.wall for name, took in found.items() if name.startswith(beginnings)), default=math.nan)

    training, whole = least("(b) training"), least("tracked")
    yield f"\n{'aimed at, wall time':36}{'goal':>16}{'reached':>12}"
    for words, goal, ratio in (
        ("(b) / (a)", "at most .62", training / least("(a)")),
        ("tracked sweep / (b)", "", whole / training),
        ("tracked sweep / (b) and evaluations", "at most 1.2", whole / least("(b) and")),
        ("(c) / tracked sweep", "at least 8", least("(c)") / whole),
        ("torch, its best / (b)", "at least 2.2", least("torch") / training),
        ("jax, its best / (b)", "at least 1", least("jax") / training),
    ):
        if not math.isnan(ratio):
            yield f"{words:36}{goal:>16}{ratio:12.2f}"


if __name__ == "__main__":
    main()
