"""Microseconds a training step takes, beside torch, JAX, scikit-learn, the textbook's way and the matrix products alone.

``python benchmarks/peers.py`` trains each workload with each optimizer, on one thread and on two. All contenders train the same
network from the same weights on the same batches; sampling and recording of every loss are part of a step. They take turns in
short blocks, A B C A B C ..., so that a busy machine slows all of them alike; the minimum is what the machine can do, the
quartile and the median are what it did today. Install them with ``pip install -e '.[bench]'``; who is not there is named.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from contenders import CONTENDERS, missing
from machine import described
from peers_page import OWN, markdown
from processes import CLOCKS, Contestant, Result
from workloads import RATES, ROWS, WORKLOADS, Workload

CHECK = 10  # steps after which losses are compared; later, float32 trajectories part by rounding
AGREES = 0.01  # relative difference of two losses then; Adam's ε stands elsewhere in the source's way
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

    def least(self, name: str) -> float:
        """Return the least microseconds a step of a contender; nan where it did not train."""
        result = self.results.get(name)
        return min(result.times, default=math.nan) if result else math.nan


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
    blocks = f"{arguments.blocks} interleaved blocks of {arguments.steps} steps (W3: a fifth of them)"
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
    parser.add_argument("--markdown", action="store_true", help="least times and targets, as tables for a page")
    arguments = parser.parse_args(given)
    if arguments.clock == "cpu" and max(arguments.threads) > 1:
        parser.error("--clock cpu adds up the threads: use it with --threads 1")
    return arguments


def main(given: Sequence[str] | None = None) -> None:
    """Print one table from one run."""
    arguments = parsed(given)
    names = [name for name in arguments.contenders if not missing(name)]
    if arguments.markdown:
        print(*heading(arguments, names), "", markdown([*competitions(arguments, names)]), sep="\n")
        return
    print(*heading(arguments, names), sep="\n")
    for each in competitions(arguments, names):
        print("", each.title, *table(each.results), sep="\n", flush=True)


if __name__ == "__main__":
    main()
