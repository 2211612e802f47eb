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

ORACLES = Path(__file__).parent / "oracles"


def _read(name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((ORACLES / name).read_text(encoding="utf-8"))
    return content


WRITTEN, LBFGS = _read("optimizers.json"), _read("lbfgs.json")
PROBLEMS: Mapping[str, Any] = {**WRITTEN["problems"], "valley": {"start": {"theta": LBFGS["start"]}}}
IN_NO_LIBRARY = {"shampoo", "sophia"}
"""Rules of nnreg that neither torch nor optax has in this form; tests beside test_optimizers.py hold them to their papers."""

COMPOSED = {"signum", "lamb_of_weights", "muon", "ema"}
"""Counterparts that oracles/make_optimizers.py puts together from optax's parts."""


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
        problem: where both went: ``coupled``, a bowl of six dimensions, ``network``, of two layers, or Rosenbrock's ``valley``.
        trajectory: the library's parameters after each step, float64 (steps, size).
        evaluated: whether these are the parameters that it evaluates, not those that it trains.
    """

    optimizer: str
    settings: Mapping[str, Any]
    library: str
    counterpart: str
    arguments: Mapping[str, Any]
    shrink: float
    problem: str
    trajectory: Array
    evaluated: bool = False

    def __str__(self) -> str:
        return " ".join((self.optimizer, *(f"{name}={value}" for name, value in self.settings.items())))

    def difference(self) -> float:
        """Take the same steps with our rule; return the largest relative difference of any coordinate at any step."""
        outer, _, inner = self.optimizer.partition("+")
        own = {name: value for name, value in self.settings.items() if "." not in name}
        if inner:
            its = {name.removeprefix("inner."): value for name, value in self.settings.items() if "." in name}
            own["inner"] = _made(inner, its)
        ours = steps_of(_made(outer, own), self.problem, len(self.trajectory), self.shrink, evaluated=self.evaluated)
        return float(np.abs(ours / self.trajectory - 1).max())


def _made(name: str, settings: Mapping[str, Any]) -> Optimizer:
    rule: Optimizer = make_technique(entries.load_class(entries.find_technique("optimizer", name)), **settings)
    return rule


@dataclass
class _Objective:
    parameters: Parameters
    problem: str

    def loss_and_gradient(self) -> float:
        SLOPES[self.problem](self.parameters)
        return self.loss()

    def loss(self) -> float:  # of the one problem whose rule asks for it
        theta = self.parameters.theta
        return float((100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum())


def steps_of(rule: Optimizer, problem: str, steps: int, shrink: float, *, evaluated: bool = False) -> Array:
    """Return our parameters after each step, those that are trained or those that are evaluated, float64 (steps, size)."""
    start = {name: np.array(value) for name, value in PROBLEMS[problem]["start"].items()}
    parameters = Parameters([Shape(name, value.shape, decays=value.ndim == 2) for name, value in start.items()], np.float64)
    for name, value in start.items():
        parameters.named[name].theta[...] = value
    rule.bind(parameters)
    rule.equip(_Objective(parameters, problem), np.random.default_rng(0))
    positions, order = [], _order(parameters)
    for t in range(1, steps + 1):
        SLOPES[problem](parameters)
        rule.step(t, shrink ** (t - 1))
        where = parameters.theta.copy()
        if evaluated:
            rule.evaluation_parameters(where)
        positions.append(where[order])
    return np.array(positions)


def _order(parameters: Parameters) -> Array:
    """Return where the arrays' elements lie in memory, array by array."""
    before = parameters.theta.copy()
    parameters.theta[...] = np.arange(before.size)
    order = np.concatenate([theta.ravel() for theta, _ in parameters.named.values()]).astype(int)
    parameters.theta[...] = before
    return order


def _coupled(parameters: ParametersView) -> None:
    theta = parameters.theta
    pull = np.tanh(theta - np.roll(theta, -1))
    parameters.grad[...] = np.array(PROBLEMS["coupled"]["curvature"]) * theta + pull - np.roll(pull, 1)


def _network(parameters: ParametersView) -> None:
    x, y = (np.array(PROBLEMS["network"][name]) for name in "xy")
    (w1, dw1), (b1, db1), (w2, dw2), (b2, db2) = (parameters.named[name] for name in ("W1", "b1", "W2", "b2"))
    hidden = np.tanh(x @ w1 + b1)
    missed = (hidden @ w2 + b2 - y) / len(x)
    dz = (1 - hidden**2) * (missed @ w2.T)
    dw2[...], db2[...], dw1[...], db1[...] = hidden.T @ missed, missed.sum(axis=0), x.T @ dz, dz.sum(axis=0)


def _valley(parameters: ParametersView) -> None:
    theta, grad = parameters.theta, parameters.grad
    ahead = theta[1:] - theta[:-1] ** 2
    grad[...] = 0
    grad[1:] += 200 * ahead
    grad[:-1] -= 400 * theta[:-1] * ahead + 2 * (1 - theta[:-1])


SLOPES = {"coupled": _coupled, "network": _network, "valley": _valley}
"""Write the gradient of a problem where the parameters stand."""


def _lookahead() -> list[Case]:
    cases = []
    for case in _read("lookahead.json")["cases"]:
        settings = {f"inner.{name}": value for name, value in case["settings"].items()} | {
            "k": case["k"],
            "alpha": case["alpha"],
        }
        asked = {"fast_optimizer": case["inner"], "sync_period": case["k"], "slow_step_size": case["alpha"]}
        where = np.array(case["trajectory"])
        cases.append(Case(f"lookahead+{case['inner']}", settings, "optax", "lookahead", asked, 1.0, "coupled", where))
    return cases


def _lbfgs() -> list[Case]:
    cases = []
    for case in LBFGS["cases"]:
        asked = {"max_iter": 1, "line_search_fn": "strong_wolfe", "history_size": case["history"]}
        where = np.array(case["trajectory"][:12])  # the valley is narrow: rounding grows from step to step
        cases.append(Case("lbfgs", {"history": case["history"]}, "torch", "LBFGS", asked, 1.0, "valley", where))
    return cases


CASES = [Case(**{**case, "trajectory": np.array(case["trajectory"])}) for case in WRITTEN["cases"]]
WRITTEN_ELSEWHERE = [*_lookahead(), *_lbfgs()]
"""Cases of oracles/lookahead.json and lbfgs.json."""
