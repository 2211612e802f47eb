"""Microseconds a training step takes, beside torch, JAX, scikit-learn, the textbook's way and the matrix products alone.

``python benchmarks/peers.py`` trains each workload with each optimizer, on one thread and on two. All contenders train the same
network from the same weights on the same batches; sampling and recording of every loss are part of a step. They take turns in
short blocks, A B C A B C ..., so that a busy machine slows all of them alike; the minimum is what the machine can do, the
quartile and the median are what it did today. Install them with ``pip install -e '.[bench]'``; who is not there is named.
``--quick`` is W1 and W2 with SGD and Adam on one thread, for the four that matter, in less than four minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from pathlib import Path

import numpy as np
from contenders import CONTENDERS, FAST, LIMIT, OWN, SCAN, TORCH, missing
from glance import save_picture
from machine import described
from processes import CLOCKS, Contestant, Result
from workloads import RATES, ROWS, WORKLOADS, Workload

from nnreg.engine.numerics import has_small_kernels

CHECK = 10  # steps after which losses are compared; later, float32 trajectories part by rounding
AGREES = 0.01  # relative difference of two losses then; Adam's ε stands elsewhere in the source's way
QUICK = (
    *("--workloads", "W1", "W2", "--optimizers", "sgd", "adam", "--threads", "1", "--blocks", "20", "--contenders"),
    *(OWN, FAST, SCAN, "torch eager fused"),
)
PAUSE = 0.004  # seconds between two blocks, for the last contender to stand still


def compete(
    contestants: Sequence[Contestant], workload: Workload, optimizer: str, blocks: int, steps: int
) -> dict[str, Result]:
    """Return what each contestant did, block after block in turn."""
    results = {each.name: each.build(workload, optimizer, CHECK, steps) for each in contestants}
    for _ in range(blocks):
        for each in contestants:
            if not results[each.name].trouble:
                time.sleep(PAUSE)
                results[each.name].times.append(each.block(steps))
    return results


def table(results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the lines of one competition; ratios are of the same quantile, above 1 where nnreg is faster."""
    own = results.get(OWN, Result())
    words = ("min", "quartile", "median")
    yield f"{'':22}{words[0]:>8}{words[1]:>10}{words[2]:>9}   {words[0]:>8}{words[1]:>10}{words[2]:>9}   loss of step {CHECK}"
    for name, result in results.items():
        if result.trouble:
            yield f"{name:22} did not train: {result.trouble}"
            continue
        times, base = (np.quantile(each.times or [math.nan], (0.0, 0.25, 0.5)) for each in (result, own))
        ratios = times / base
        yield (
            f"{name:22}{times[0]:8.0f}{times[1]:10.0f}{times[2]:9.0f}   "
            f"{ratios[0]:8.2f}{ratios[1]:10.2f}{ratios[2]:9.2f}   {_agreement(result.loss, own.loss)}"
        )


def _agreement(loss: float, own: float) -> str:
    if math.isnan(loss):
        return "trains nothing"
    if math.isnan(own):
        return f"{loss:.6f}"
    difference = (loss - own) / own
    return f"{loss:.6f} {difference:+.3%}{'' if abs(difference) < AGREES else ' TRAINS SOMETHING ELSE'}"


@dataclass(frozen=True)
class Competition:
    """What all contenders did on one workload with one optimizer."""

    workload: Workload
    optimizer: str
    threads: int
    results: Mapping[str, Result]

    @property
    def title(self) -> str:
        """Say in a line what was trained."""
        return f"{self.workload}, {self.optimizer}, {self.threads} thread{'s' * (self.threads > 1)}"

    @property
    def column(self) -> str:
        """Name the network and the optimizer."""
        return f"{self.workload.name} {self.optimizer}"

    @property
    def cores(self) -> str:
        """Say on how many threads."""
        return "one thread" if self.threads == 1 else f"{self.threads} threads"

    def least(self, *names: str) -> float:
        """Return the least microseconds a step of some contenders; nan where none of them trained."""
        results = (self.results[name] for name in names if name in self.results)
        return min((time for result in results for time in result.times), default=math.nan)


@dataclass(frozen=True)
class Target:
    """How many times as fast as the best of some others one of nnreg's ways shall be; the products alone are a share."""

    workload: str
    optimizer: str
    threads: int
    way: str
    others: tuple[str, ...]
    least: float

    def reached(self, competition: Competition) -> float:
        """Return the ratio of least times."""
        return competition.least(*self.others) / competition.least(self.way)


SMALL_KERNELS = {("W1", "sgd"): 1.2, ("W1", "adam"): 1.27, ("W2", "sgd"): 1.25, ("W2", "adam"): 1.33}
"""How many times as fast as JAX's scan a step shall be on one thread, where OpenBLAS has kernels for small products."""


def targets() -> Iterator[Target]:
    """Yield what is aimed at on this processor, all of it by compiled code."""
    is_small = has_small_kernels()
    for (workload, optimizer), least in SMALL_KERNELS.items():
        yield Target(workload, optimizer, 1, FAST, (SCAN,), least if is_small else 1.0)
        yield Target(workload, optimizer, 1, FAST, TORCH, 1.75)
        yield Target(workload, optimizer, 1, FAST, (LIMIT,), 0.8)
        yield Target(workload, optimizer, 2, FAST, (SCAN,), 1.1 if is_small else 1.0)
    for optimizer, threads in product(("sgd", "adam"), (1, 2)):
        yield Target("W3", optimizer, threads, FAST, (SCAN,), 1.0)
    yield Target("W5", "sgd", 1, FAST, ("torch eager",), 1.0)


def markdown(competitions: Sequence[Competition]) -> str:
    """Return all tables."""
    parts = [_times([*each]) for _, each in groupby(competitions, key=lambda each: each.threads)]
    return "\n\n".join([*parts, _reached(competitions), _ahead(competitions)])


def _times(competitions: Sequence[Competition]) -> str:
    lines = [
        f"### {competitions[0].cores.capitalize()}\n",
        "Least microseconds a step, and how many times nnreg's:\n",
        "| | " + " | ".join(each.column for each in competitions) + " |",
        "|---|" + "---:|" * len(competitions),
    ]
    for name in competitions[0].results:
        cells = [_cell(each.least(name), each.least(OWN)) for each in competitions]
        if any(cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(time: float, own: float) -> str:
    return "" if math.isnan(time) else f"{time:,.0f} · {time / own:.2f}"


def _reached(competitions: Sequence[Competition]) -> str:
    """Return what was aimed at and what came of it."""
    found = {(each.workload.name, each.optimizer, each.threads): each for each in competitions}
    lines = ["### Targets\n", "| workload | of | beside | target | reached |", "|---|---|---|---:|---:|"]
    for target in targets():
        competition = found.get((target.workload, target.optimizer, target.threads))
        if competition is not None and not math.isnan(ratio := target.reached(competition)):
            beside = target.others[0] if len(target.others) == 1 else "torch, its best"
            reached = f"**{ratio:.2f}**" if ratio >= target.least else f"{ratio:.2f}"
            where = f"{competition.column}, {competition.cores}"
            lines.append(f"| {where} | {target.way} | {beside} | {target.least:.2f} | {reached} |")
    return "\n".join(lines)


def _ahead(competitions: Sequence[Competition]) -> str:
    """Say who is ahead of nnreg, and where."""
    words = []
    for competition in competitions:
        own = competition.least(FAST)
        faster = [
            f"{name} ({own / competition.least(name):.2f} times)"
            for name in competition.results
            if not name.startswith("nnreg") and name != LIMIT and competition.least(name) < own
        ]
        if faster:
            words.append(f"- {competition.column}, {competition.cores}: {', '.join(faster)}")
    return "\n".join(["Ahead of `nnreg[fast]`:\n", *(words or ["- nobody"])])


def competitions(arguments: argparse.Namespace, names: Sequence[str]) -> Iterator[Competition]:
    """Yield one after the other."""
    for threads in arguments.threads:
        with contextlib.ExitStack() as stack:
            contestants = [stack.enter_context(Contestant(name, threads, arguments.clock)) for name in names]
            for name, optimizer in product(arguments.workloads, arguments.optimizers):
                workload = replace(WORKLOADS[name], rows=arguments.rows)
                blocks = max(2, round(arguments.blocks / workload.weight))
                yield Competition(
                    workload, optimizer, threads, compete(contestants, workload, optimizer, blocks, arguments.steps)
                )


def heading(arguments: argparse.Namespace, names: Sequence[str]) -> Iterator[str]:
    """Yield what the numbers depend on, and who is not here."""
    yield described(sorted({"numpy"} | {library for name in names for library in CONTENDERS[name][1]}))
    blocks = f"{arguments.blocks} interleaved blocks of {arguments.steps} steps (W3: a fifth of them, W5: a fortieth)"
    yield f"Microseconds a step, {arguments.clock} time; {blocks}"
    for name in arguments.contenders:
        if name not in names:
            yield f"missing: {name} (not installed: {missing(name)})"


def parsed(given: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="W")
    parser.add_argument("--optimizers", nargs="+", choices=RATES, default=list(RATES), metavar="NAME")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100, help="steps a block")
    parser.add_argument("--rows", type=int, default=ROWS, help="to train on; few are sooner made, and stay in the caches")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread, on a machine that is busy")
    parser.add_argument("--quick", action="store_true", help=f"as if these had been typed: {' '.join(QUICK)}")
    parser.add_argument("--markdown", action="store_true", help="least times and targets, as tables for a page")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw it, too: .png or .svg")
    words = sys.argv[1:] if given is None else given
    arguments = parser.parse_args([*(QUICK if "--quick" in words else ()), *words])
    if arguments.picture and (FAST not in arguments.contenders or missing(FAST)):
        parser.error("--picture compares with nnreg[fast]: install it, and name it among the --contenders")
    if arguments.clock == "cpu" and max(arguments.threads) > 1:
        parser.error("--clock cpu adds up the threads: use it with --threads 1")
    return arguments


def main(given: Sequence[str] | None = None) -> None:
    """Print one table from one run."""
    arguments = parsed(given)
    names = [name for name in arguments.contenders if not missing(name)]
    lines, found = [*heading(arguments, names)], []
    print(*lines, sep="\n")
    for each in competitions(arguments, names):
        found.append(each)
        if not arguments.markdown:
            print("", each.title, *table(each.results), sep="\n", flush=True)
    if arguments.markdown:
        print("", markdown(found), sep="\n")
    if arguments.picture:
        save_picture(found, " · ".join(lines), arguments.picture)


if __name__ == "__main__":
    main()
