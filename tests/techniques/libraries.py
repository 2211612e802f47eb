"""Where torch's and optax's optimizers went, as oracles/make_optimizers.py wrote it down, and ours on the same problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnreg.contracts import Array, Optimizer, ParametersView, Shape
from nnreg.engine.network import Parameters
from nnreg.registry import entries
from nnreg.registry.building import make_technique

WRITTEN: Mapping[str, Any] = json.loads((Path(__file__).parent / "oracles" / "optimizers.json").read_text(encoding="utf-8"))
IN_NO_LIBRARY = {"lbfgs", "schedule_free_adamw", "shampoo", "sophia"}
"""Rules of nnreg that neither torch nor optax has in this form; tests beside test_optimizers.py hold them to their papers."""


@dataclass(frozen=True)
class Case:
    """One of our rules beside that of a library, with the same hyper-parameters.

    Args:
        optimizer: our rule's name.
        settings: our hyper-parameters; those left out have our default.
        library: ``torch`` or ``optax``.
        counterpart: the library's name for it.
        arguments: the library's hyper-parameters.
        shrink: what the learning rate was multiplied with from one step to the next.
        problem: where both went: ``coupled``, a bowl of six dimensions, or ``network``, two affine layers.
        trajectory: the library's parameters after each step, float64 (steps, size).
    """

    optimizer: str
    settings: Mapping[str, Any]
    library: str
    counterpart: str
    arguments: Mapping[str, Any]
    shrink: float
    problem: str
    trajectory: Array

    def __str__(self) -> str:
        return " ".join((self.optimizer, *(f"{name}={value}" for name, value in self.settings.items())))

    def difference(self) -> float:
        """Take the same steps with our rule; return the largest relative difference of any coordinate at any step."""
        outer, _, inner = self.optimizer.partition("+")
        own = {name: value for name, value in self.settings.items() if "." not in name}
        if inner:
            its = {name.removeprefix("inner."): value for name, value in self.settings.items() if "." in name}
            own["inner"] = _made(inner, its)
        ours = steps_of(_made(outer, own), self.problem, len(self.trajectory), self.shrink)
        return float(np.abs(ours / self.trajectory - 1).max())


def _made(name: str, settings: Mapping[str, Any]) -> Optimizer:
    rule: Optimizer = make_technique(entries.load_class(entries.find_technique("optimizer", name)), **settings)
    return rule


def steps_of(rule: Optimizer, problem: str, steps: int, shrink: float) -> Array:
    """Return our parameters after each step, float64 (steps, size)."""
    start = {name: np.array(value) for name, value in WRITTEN["problems"][problem]["start"].items()}
    parameters = Parameters([Shape(name, value.shape, decays=value.ndim == 2) for name, value in start.items()], np.float64)
    for name, value in start.items():
        parameters.named[name].theta[...] = value
    rule.bind(parameters)
    positions = []
    for t in range(1, steps + 1):
        SLOPES[problem](parameters)
        rule.step(t, shrink ** (t - 1))
        positions.append(np.concatenate([theta.ravel() for theta, _ in parameters.named.values()]))
    return np.array(positions)


def _coupled(parameters: ParametersView) -> None:
    theta = parameters.theta
    pull = np.tanh(theta - np.roll(theta, -1))
    parameters.grad[...] = np.array(WRITTEN["problems"]["coupled"]["curvature"]) * theta + pull - np.roll(pull, 1)


def _network(parameters: ParametersView) -> None:
    x, y = (np.array(WRITTEN["problems"]["network"][name]) for name in "xy")
    (w1, dw1), (b1, db1), (w2, dw2), (b2, db2) = (parameters.named[name] for name in ("W1", "b1", "W2", "b2"))
    hidden = np.tanh(x @ w1 + b1)
    missed = (hidden @ w2 + b2 - y) / len(x)
    dz = (1 - hidden**2) * (missed @ w2.T)
    dw2[...], db2[...], dw1[...], db1[...] = hidden.T @ missed, missed.sum(axis=0), x.T @ dz, dz.sum(axis=0)


SLOPES = {"coupled": _coupled, "network": _network}
"""Write the gradient of a problem where the parameters stand."""


def _lookahead() -> list[Case]:
    """Return the cases of oracles/lookahead.json, whose problem is the coupled one."""
    written = json.loads((Path(__file__).parent / "oracles" / "lookahead.json").read_text(encoding="utf-8"))
    cases = []
    for case in written["cases"]:
        settings = {f"inner.{name}": value for name, value in case["settings"].items()} | {
            "k": case["k"],
            "alpha": case["alpha"],
        }
        asked = {"fast_optimizer": case["inner"], "sync_period": case["k"], "slow_step_size": case["alpha"]}
        where = np.array(case["trajectory"])
        cases.append(Case(f"lookahead+{case['inner']}", settings, "optax", "lookahead", asked, 1.0, "coupled", where))
    return cases


CASES = [Case(**{**case, "trajectory": np.array(case["trajectory"])}) for case in WRITTEN["cases"]]
WRAPPED = _lookahead()
