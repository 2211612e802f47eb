"""What ``kernels=numba`` changes in results, technique by technique, and what it costs at the start.

``python benchmarks/compiled.py rounding`` makes one pass through a network by NumPy and by compiled code, from the same
weights, on the same batch and with the same masks, for every technique that stands in it, and twenty updates of the same
parameters for every optimizer; in float32. ``python benchmarks/compiled.py starts`` starts a run of one step as a person would:
by NumPy, with nothing in the cache of compiled code, and with what the start before left there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from machine import described
from startup import Cost, started
from workloads import plugin as class_of

from nnreg.contracts import Optimizer
from nnreg.contracts.objective import loop_of
from nnreg.contracts.optimizer import execute_by
from nnreg.engine import batch_loops, fused, loops
from nnreg.engine.network import Network
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg.registry.schemas import parameters_of
from nnreg.testing.usage import batches

FEATURES, HIDDEN, CLASSES, ROWS, PARAMETERS, UPDATES = 60, (100, 100), 10, 128, 10_000, 20
PLAIN = {"activation": "relu", "norm": "none", "dropout": "none", "loss": "softmax_cross_entropy", "regularizer": "none"}
KINDS = ("optimizer", "activation", "norm", "dropout", "loss")
RUN = ("-m", "nnreg", "dataset=digits", "norm=batch_norm", "optimizer=adam", "steps=1", "tracking=off")


def plugin(kind: str, name: str) -> Any:
    """Return a technique with its defaults."""
    return make_technique(class_of(kind, name))


def networks(**choices: str) -> tuple[Network, Network]:
    """Return a network, and the same compiled."""
    made = []
    for _ in range(2):
        parts = {kind: plugin(kind, name) for kind, name in (PLAIN | choices).items()}
        network = Network(FEATURES, HIDDEN, CLASSES, **parts, masks=np.random.default_rng(1), rows=ROWS)
        network.initialise(plugin("init", "he"), np.random.default_rng(0))
        made.append(network)
    made[1].compile()
    return made[0], made[1]


def apart(got: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference, relative to the largest number."""
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def layer_rounding(kind: str, name: str) -> float | None:
    """Return how far gradients are apart after a pass, or None where the technique computes by NumPy."""
    plain, compiled = networks(**{kind: name})
    stages = [each for each in fused.staged(compiled.layers) if isinstance(each, fused.Stage)]
    if len(stages) < len(HIDDEN) or any(len(stage.layers) < 1 + (kind != "activation") for stage in stages):
        return None
    rng = np.random.default_rng(2)
    batch = rng.standard_normal((ROWS, FEATURES)).astype(np.float32), rng.integers(CLASSES, size=ROWS)
    for network in (plain, compiled):
        network.loss_and_gradient(*batch)
    return apart(compiled.parameters.grad, plain.parameters.grad)


def loss_rounding(name: str) -> float | None:
    """Return how far losses and gradients are apart, or None where the loss computes by NumPy."""
    loss, most = plugin("loss", name), 0.0
    compiled = batch_loops.CompiledLoss(loss, np.dtype(np.float32))
    for batch in batches(loss, ROWS, CLASSES, np.float32):
        if loop_of(loss, batch.targets) is None:
            return None
        out, its = np.empty_like(batch.logits), np.empty_like(batch.logits)
        wanted, got = loss.value_and_gradient(*batch, out=out), compiled.value_and_gradient(*batch, out=its)
        most = max(most, apart(its, out), abs(got / wanted - 1))
    return most


def optimizer_rounding(name: str) -> float | None:
    """Return how far parameters are apart after some updates, or None where the rule is no formula on vectors."""
    rules = [plugin("optimizer", name) for _ in range(2)]
    if type(rules[0]).step is not Optimizer.step:
        return None
    execute_by(rules[1], loops.Loop)
    rng = np.random.default_rng(0)
    theta, grad = rng.standard_normal(PARAMETERS).astype(np.float32), np.empty(PARAMETERS, np.float32)
    held = [SimpleNamespace(theta=theta.copy(), grad=grad, named={}) for _ in rules]
    for rule, parameters in zip(rules, held, strict=True):
        rule.bind(parameters)
    for t in range(1, UPDATES + 1):
        grad[...] = rng.standard_normal(PARAMETERS)
        for rule in rules:
            rule.step(t)
    return apart(held[1].theta, held[0].theta)


def is_around(kind: str, name: str) -> bool:
    """Tell whether a technique stands around another one, which is compiled where it can be."""
    return any(parameter.kind == kind for parameter in parameters_of(class_of(kind, name)))


def rounding(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the table of all techniques, or of those that are named."""
    yield "| kind | technique | compiled | largest difference |"
    yield "|---|---|---|---:|"
    of_kind: dict[str, Callable[[str], float | None]] = {
        "optimizer": optimizer_rounding,
        "loss": loss_rounding,
    } | {kind: partial(layer_rounding, kind) for kind in ("activation", "norm", "dropout")}
    for kind in KINDS:
        for name, entry in entries.techniques(kind).items():
            if name == "none" or entry.distribution != "nnreg" or (names and name not in names):
                continue
            if getattr(entries.load_class(entry), "why_untrainable", ""):
                continue
            found = of_kind[kind](name)
            said = "" if found is None else "none" if not found else f"{found:.0e}"
            how = "yes" if found is not None else "the rule within it" if is_around(kind, name) else "by NumPy"
            yield f"| {kind} | {name} | {how} | {said} |"


def starts(times: int) -> Iterator[str]:
    """Yield the lines of the table of starts; each round begins with an empty cache."""
    taken: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory() as project:
        started((*RUN, "kernels=numpy"), project)
        for number in range(times):
            os.environ["NNREG_LOOPS"] = str(Path(project, f"loops{number}"))
            for name, kernels in (("NumPy", "numpy"), ("compiled, the first", "numba"), ("compiled, the second", "numba")):
                taken.setdefault(name, []).append(started((*RUN, f"kernels={kernels}"), project))
    yield "| start | wall (s) | processor (s) |"
    yield "|---|---:|---:|"
    for name, costs in taken.items():
        wall, cpu = (statistics.median(each[place] for each in costs) for place in (0, 1))
        yield f"| {name} | {wall:.2f} | {cpu:.2f} |"


def main(given: Sequence[str] | None = None) -> None:
    """Print a table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rounding", "starts"])
    parser.add_argument("--techniques", nargs="+", default=[], metavar="NAME", help="these alone")
    parser.add_argument("--times", type=int, default=5, help="starts of each sort")
    arguments = parser.parse_args(given)
    print(described(["numpy", "numba"]) + (f"; median of {arguments.times}" if arguments.what == "starts" else ""), end="\n\n")
    for line in rounding(arguments.techniques) if arguments.what == "rounding" else starts(arguments.times):
        print(line, flush=True)


if __name__ == "__main__":
    main()
