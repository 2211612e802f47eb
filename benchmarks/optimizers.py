"""Microseconds an update takes, by NumPy and compiled, beside the least that memory allows.

``python benchmarks/optimizers.py`` updates vectors as long as W1's and W3's parameters with every optimizer whose rule is a
formula on vectors. The memory floor is a compiled loop that reads the same vectors and writes the same ones, and computes next
to nothing: one addition for each vector that is written. The three take turns, one thread, least of many turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise

import numba
import numpy as np
from machine import described
from workloads import WORKLOADS, Floats, plugin

from nnreg.contracts import Optimizer
from nnreg.contracts.tracing import Program, Walk
from nnreg.engine import loops
from nnreg.registry import entries

LR = 0.001
ENDURING = 100  # updates before the first that is measured: some rules begin with another formula


@dataclass(frozen=True)
class Cost:
    """Microseconds an update, the least of many.

    Attributes:
        name: of the optimizer.
        parameters: elements of each vector.
        vectors: parameters, gradient and state.
        numpy: as installed.
        compiled: with ``kernels=numba``.
        floor: reading and writing the same memory.
    """

    name: str
    parameters: int
    vectors: int
    numpy: float
    compiled: float
    floor: float


def measure(turns: int) -> Iterator[Cost]:
    """Yield the cost of every optimizer on every length of vector."""
    for workload in (WORKLOADS["W1"], WORKLOADS["W3"]):
        size = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(workload.widths))
        for name in entries.techniques("optimizer"):
            if plugin("optimizer", name).step is Optimizer.step:
                yield cost(name, size, turns)


def cost(name: str, size: int, turns: int) -> Cost:
    """Return what one optimizer's update costs on vectors of this length."""
    rule = plugin("optimizer", name)(lr=LR)
    vectors = [_vector(size) for _ in range(2 + len(rule.state))]
    ways = _updates(rule, vectors, Program), _updates(rule, vectors, loops.Loop), _floor(vectors)
    for way in ways:
        for _ in range(ENDURING):
            way()
    least = [float("inf")] * len(ways)
    for _ in range(turns):
        for place, way in enumerate(ways):
            least[place] = min(least[place], _microseconds(way))
    return Cost(name, size, len(vectors), *least)


def _vector(size: int) -> Floats:
    return np.random.default_rng(0).random(size, dtype=np.float32)  # squares are state too: nothing negative


def _updates(rule: Optimizer, vectors: Sequence[Floats], executor: type[Program]) -> Callable[[], object]:
    walk, numbers = Walk([vector.copy() for vector in vectors], rule.slice_size, executor), count(1)
    return lambda: walk.apply(rule.update, t=next(numbers), lr=LR)


def _floor(vectors: Sequence[Floats]) -> Callable[[], object]:
    """Return a loop that reads all vectors and writes all but the gradient, which is the second."""
    names = [f"v{place}" for place in range(len(vectors))]
    lines = [f"def loop({', '.join(names)}):", " for i in range(v0.size):", "  g = v1[i]"]
    lines += [f"  {name}[i] = {name}[i] + g" for name in names if name != "v1"]
    made: dict[str, Callable[..., object]] = {}
    exec("\n".join(lines), made)  # a text of ours
    loop, copies = numba.njit(error_model="numpy")(made["loop"]), [vector * np.float32(1e-6) for vector in vectors]
    return lambda: loop(*copies)


def _microseconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return (time.perf_counter() - began) * 1e6


def markdown(measured: Sequence[Cost]) -> str:
    """Return a table for each length of vector."""
    tables = []
    for size in sorted({each.parameters for each in measured}):
        lines = [
            f"Vectors of {size:,}, microseconds an update:\n",
            "| optimizer | vectors | NumPy | compiled | memory floor | compiled / floor |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {each.name} | {each.vectors} | {each.numpy:,.0f} | {each.compiled:,.0f} | {each.floor:,.0f} "
            f"| {each.compiled / each.floor:.2f} |"
            for each in measured
            if each.parameters == size
        ]
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def main(given: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=300)
    turns = parser.parse_args(given).turns
    print(f"{described(['numpy', 'numba'])}\n\n{markdown([*measure(turns)])}")


if __name__ == "__main__":
    main()
