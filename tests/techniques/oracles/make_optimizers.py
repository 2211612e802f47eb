"""Writes optimizers.json: where the optimizers of torch and optax go on small problems, step by step, in float64.

    python tests/techniques/oracles/make_optimizers.py

needs torch and optax, which nothing else of the project does; the tests read what it wrote, and `python -m
tests.docs.oracles_page` makes a page of it. The problem is a bowl a thousand times steeper in one direction than in another,
its coordinates coupled by a term that is no quadratic; for rules that look at layers it is a small network. The libraries find
the gradients by themselves. Running it again with the versions named in the file writes the same file, up to last digits.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import torch
from optax.contrib._muon import scale_by_shape

jax.config.update("jax_enable_x64", True)

STEPS = 20
COUPLED = {
    "objective": "½ Σ curvatureᵢ θᵢ² + Σ log cosh(θᵢ − θᵢ₊₁), the last coordinate coupled to the first",
    "curvature": [0.01, 0.1, 0.5, 1.0, 3.0, 10.0],
    "start": {"theta": [2.0, -1.5, 1.0, 0.8, -0.6, 0.5]},
}
draw = np.random.default_rng(0).normal
NETWORK = {
    "objective": "½ mean over rows of Σ (tanh(x W1 + b1) W2 + b2 − y)²",
    "x": draw(size=(8, 4)).tolist(),
    "y": draw(size=(8, 2)).tolist(),
    "start": {
        "W1": draw(0, 0.7, (4, 3)).tolist(),
        "b1": draw(0, 0.3, 3).tolist(),
        "W2": draw(0, 0.7, (3, 2)).tolist(),
        "b2": draw(0, 0.3, 2).tolist(),
    },
}
PROBLEMS = {"coupled": COUPLED, "network": NETWORK}


class Case(NamedTuple):
    """One rule of ours beside its counterpart.

    Attributes:
        optimizer: name of our rule.
        settings: our hyper-parameters; those left out have our default, which the counterpart is then given in words.
        counterpart: class in torch.optim, or function in optax or below in COMPOSED.
        arguments: its hyper-parameters; where ``lr`` is none of them, it has the rule's.
        shrink: what the learning rate is multiplied with from one step to the next.
        library: ``torch`` or ``optax``.
        problem: ``coupled`` or ``network``.
        evaluated: whether what is evaluated was written down, not what is trained.
    """

    optimizer: str
    settings: Mapping[str, Any]
    counterpart: str
    arguments: Mapping[str, Any]
    shrink: float = 0.95
    library: str = "torch"
    problem: str = "coupled"
    evaluated: bool = False


# Where the hyper-parameters are not a rule's usual ones, they make a convention visible: a large ε shows where it is added,
# a short memory shows a maximum taken, a constant learning rate hides that torch keeps it out of the velocity.
CASES = [
    Case("sgd", {"lr": 0.1}, "SGD", {"lr": 0.1}),
    Case("momentum", {"lr": 0.02}, "SGD", {"lr": 0.02, "momentum": 0.9}, shrink=1.0),
    Case("nesterov", {"lr": 0.02}, "SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}, shrink=1.0),
    Case("adagrad", {"lr": 0.3, "eps": 0.01}, "Adagrad", {"lr": 0.3, "eps": 0.01}),
    Case("rmsprop", {"eps": 0.01}, "RMSprop", {"lr": 0.01, "alpha": 0.99, "eps": 0.01}),
    Case("rmsprop", {"centered": True}, "RMSprop", {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "centered": True}),
    Case("adadelta", {"eps": 0.01}, "Adadelta", {"lr": 1.0, "rho": 0.95, "eps": 0.01}),
    Case("adam", {"lr": 0.1}, "Adam", {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8}),
    Case("adam", {"lr": 0.1, "eps": 0.01}, "Adam", {"lr": 0.1, "betas": (0.9, 0.999), "eps": 0.01}),
    Case(
        "adam",
        {"lr": 0.1, "beta2": 0.6, "amsgrad": True},
        "Adam",
        {"lr": 0.1, "betas": (0.9, 0.6), "eps": 1e-8, "amsgrad": True},
    ),
    Case(
        "adamw",
        {"lr": 0.1, "weight_decay": 0.3},
        "AdamW",
        {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.3},
    ),
    Case("nadam", {"lr": 0.1}, "NAdam", {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "momentum_decay": 0.004}),
    Case(
        "nadam",
        {"lr": 0.1, "eps": 0.01, "momentum_decay": 1.0},
        "NAdam",
        {"lr": 0.1, "betas": (0.9, 0.999), "eps": 0.01, "momentum_decay": 1.0},
    ),
    Case("radam", {"lr": 0.1, "eps": 0.01}, "RAdam", {"lr": 0.1, "betas": (0.9, 0.999), "eps": 0.01}),
    Case("radam", {"lr": 0.1, "beta2": 0.6}, "RAdam", {"lr": 0.1, "betas": (0.9, 0.6), "eps": 1e-8}),
    Case("adamax", {"lr": 0.1, "eps": 0.01}, "Adamax", {"lr": 0.1, "betas": (0.9, 0.999), "eps": 0.01}),
    Case("lion", {"lr": 0.03}, "lion", {"b1": 0.9, "b2": 0.99, "weight_decay": 0.0}, library="optax"),
    Case("lion", {"lr": 0.03, "weight_decay": 0.3}, "lion", {"b1": 0.9, "b2": 0.99, "weight_decay": 0.3}, library="optax"),
    Case("rprop", {}, "Rprop", {"lr": 0.1, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50.0)}, shrink=1.0),
    Case(
        "rprop",
        {"lr": 0.137, "shrink": 0.3, "shortest": 0.0471, "longest": 0.15},
        "Rprop",
        {"lr": 0.137, "etas": (0.3, 1.2), "step_sizes": (0.0471, 0.15)},
        shrink=1.0,
    ),
    Case("adabelief", {"lr": 0.1}, "adabelief", {"b1": 0.9, "b2": 0.999, "eps": 1e-16, "eps_root": 1e-16}, library="optax"),
    Case(
        "adabelief", {"lr": 0.1, "eps": 0.01}, "adabelief", {"b1": 0.9, "b2": 0.999, "eps": 0.01, "eps_root": 0.01},
        library="optax",
    ),
    Case("signum", {"lr": 0.05}, "signum", {"decay": 0.9}, library="optax"),
    Case("adafactor", {}, "Adafactor", {"lr": 0.01, "beta2_decay": -0.8, "eps": (1e-30, 1e-3), "d": 1.0}, problem="network"),
    Case(
        "adafactor", {"lr": 0.5, "gamma": 0.6, "eps2": 0.4},
        "Adafactor", {"lr": 0.5, "beta2_decay": -0.6, "eps": (1e-30, 0.4), "d": 1.0}, problem="network", shrink=1.0,
    ),
    Case(
        "muon", {"lr": 0.02}, "muon",
        {"decay": 0.95, "eps": 1e-7, "adam_share": 0.015, "b1": 0.9, "b2": 0.95, "adam_eps": 1e-10},
        library="optax", problem="network",
    ),
    Case(
        "lamb", {"lr": 0.05}, "lamb_of_weights", {"b1": 0.9, "b2": 0.999, "eps": 1e-6, "weight_decay": 0.01},
        library="optax", problem="network",
    ),
    Case(
        "lamb", {"lr": 0.05, "eps": 0.01, "weight_decay": 0.3}, "lamb_of_weights",
        {"b1": 0.9, "b2": 0.999, "eps": 0.01, "weight_decay": 0.3}, library="optax", problem="network",
    ),
    Case(
        "lars", {"lr": 3.0, "trust": 0.01, "weight_decay": 0.0}, "lars", {"trust_coefficient": 0.01, "momentum": 0.9},
        library="optax", problem="network",
    ),
    Case(
        "prodigy", {"bias_correction": True, "d0": 0.001}, "prodigy",
        {"betas": (0.9, 0.999), "eps": 1e-8, "estim_lr0": 0.001, "estim_lr_coef": 1.0}, library="optax",
    ),
    Case(
        "prodigy", {"lr": 0.5, "bias_correction": True, "d0": 0.01, "d_coef": 2.0, "eps": 0.01, "beta2": 0.9}, "prodigy",
        {"betas": (0.9, 0.9), "eps": 0.01, "estim_lr0": 0.01, "estim_lr_coef": 2.0}, library="optax",
    ),
    Case(
        "sam+sgd", {"inner.lr": 0.05, "rho": 0.3}, "sam",
        {"optimizer": "sgd", "momentum": 0.0, "rho": 0.3, "sync_period": 2}, library="optax",
    ),
    Case(
        "sam+momentum", {"inner.lr": 0.02, "rho": 0.1}, "sam",
        {"optimizer": "sgd", "momentum": 0.9, "rho": 0.1, "sync_period": 2}, library="optax", shrink=1.0,
    ),
    Case(
        "ema+adam", {"inner.lr": 0.1, "decay": 0.8}, "ema", {"optimizer": "adam", "decay": 0.8},
        library="optax", evaluated=True,
    ),
    Case(
        "schedule_free_adamw", {"lr": 0.1, "beta2": 0.0, "eps": 0.5, "weight_decay": 0.2}, "schedule_free_adamw",
        {"b1": 0.9, "b2": 0.0, "eps": 0.5, "weight_decay": 0.2}, library="optax", shrink=1.0,
    ),
    Case(
        "schedule_free_adamw", {"lr": 0.1, "beta1": 0.6, "beta2": 0.0, "eps": 0.5}, "schedule_free_adamw",
        {"b1": 0.6, "b2": 0.0, "eps": 0.5, "weight_decay": 0.0}, library="optax", shrink=1.0, evaluated=True,
    ),
]  # fmt: skip


def is_weight(values: Mapping[str, Any]) -> dict[str, bool]:
    """Tell matrices from biases."""
    return {name: value.ndim == 2 for name, value in values.items()}


def signum(learning_rate: Any, decay: float) -> optax.GradientTransformation:
    """Compose the sign of a running average."""
    return optax.chain(
        optax.ema(decay, debias=False), optax.scale_by_sign(), optax.scale_by_learning_rate(learning_rate)
    )  # fmt: skip


def lamb_of_weights(learning_rate: Any, b1: float, b2: float, eps: float, weight_decay: float) -> optax.GradientTransformation:
    """Compose optax.lamb with the mask for biases that its authors have."""
    return optax.chain(
        optax.scale_by_adam(b1, b2, eps),
        optax.add_decayed_weights(weight_decay, is_weight),
        optax.masked(optax.scale_by_trust_ratio(), is_weight),
        optax.scale_by_learning_rate(learning_rate),
    )


def muon(
    learning_rate: Any, decay: float, eps: float, adam_share: float, b1: float, b2: float, adam_eps: float
) -> optax.GradientTransformation:
    """Compose Nesterov's trace with optax's orthogonalisation for the first layer's matrix; Adam for all else."""
    matrix = {"weight_dimension_numbers": lambda moves: jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(), moves)}
    hidden = optax.chain(
        optax.trace(decay, nesterov=True),
        optax.contrib.scale_by_muon(beta=0.0, eps=eps, nesterov=False, **matrix),
        scale_by_shape(**matrix),
        optax.scale_by_learning_rate(learning_rate),
    )
    rest = optax.adam(lambda count: adam_share * learning_rate(count), b1, b2, adam_eps)
    names = {"W1": "hidden", "b1": "rest", "W2": "rest", "b2": "rest"}
    return optax.partition({"hidden": hidden, "rest": rest}, names)


def sam(learning_rate: Any, optimizer: str, momentum: float, rho: float, sync_period: int) -> optax.GradientTransformation:
    """Give optax.contrib.sam its two optimizers; the gradient of the second look is its own affair."""
    ascent = optax.chain(optax.contrib.normalize(), optax.sgd(rho))
    return optax.contrib.sam(getattr(optax, optimizer)(learning_rate, momentum), ascent, sync_period, opaque_mode=True)


def ema(learning_rate: Any, optimizer: str, decay: float) -> optax.GradientTransformation:
    """Let a rule train; the parameters that it passes are averaged in ``of_optax``."""
    return getattr(optax, optimizer)(learning_rate)


COMPOSED: Mapping[str, Callable[..., Any]] = {
    "signum": signum, "lamb_of_weights": lamb_of_weights, "muon": muon, "sam": sam, "ema": ema,
}  # fmt: skip
"""Rules that optax has the parts of."""


def objective(problem: str, library: Any, values: Mapping[str, Any]) -> Any:
    """Return what is minimised, computed by torch or by jax.numpy."""
    if problem == "coupled":
        theta, curvature = values["theta"], library.asarray(COUPLED["curvature"])
        return (curvature * theta**2).sum() / 2 + library.log(library.cosh(theta - library.roll(theta, -1))).sum()
    x, y = library.asarray(NETWORK["x"]), library.asarray(NETWORK["y"])
    missed = library.tanh(x @ values["W1"] + values["b1"]) @ values["W2"] + values["b2"] - y
    return (missed**2).sum() / (2 * len(x))


def flat(values: Mapping[str, Any]) -> list[float]:
    """Return all parameters in one row."""
    return np.concatenate([np.asarray(value, float).ravel() for value in values.values()]).tolist()


def of_torch(case: Case) -> list[list[float]]:
    """Return torch's parameters after each step."""
    start = PROBLEMS[case.problem]["start"]
    values = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    rule = getattr(torch.optim, case.counterpart)(list(values.values()), foreach=False, **case.arguments)
    positions = []
    for t in range(STEPS):
        rule.param_groups[0]["lr"] = case.arguments["lr"] * case.shrink**t
        rule.zero_grad()
        objective(case.problem, torch, values).backward()
        rule.step()
        positions.append(flat({name: value.detach() for name, value in values.items()}))
    return positions


def of_optax(case: Case) -> list[list[float]]:
    """Return optax's parameters after each step."""
    make = COMPOSED.get(case.counterpart) or getattr(optax, case.counterpart, None) or getattr(optax.contrib, case.counterpart)
    lr = case.settings.get("lr", case.settings.get("inner.lr", 1.0))
    rule = make(learning_rate=lr if case.shrink == 1 else lambda count: lr * case.shrink**count, **case.arguments)
    values = {name: jnp.asarray(value) for name, value in PROBLEMS[case.problem]["start"].items()}
    gradient = jax.grad(lambda at: objective(case.problem, jnp, at))
    looks_again = {"grad_fn": lambda at, _: gradient(at)} if case.counterpart == "sam" else {}
    average = optax.ema(case.arguments.get("decay", 0.0), debias=True)
    kept, passed, positions = rule.init(values), average.init(values), []
    for _ in range(STEPS):
        moves, kept = rule.update(gradient(values), kept, values, **looks_again)
        values = where = optax.apply_updates(values, moves)
        if case.counterpart == "ema":
            where, passed = average.update(values, passed)
        elif case.evaluated:
            where = optax.contrib.schedule_free_eval_params(kept, values)
        positions.append(flat({name: where[name] for name in PROBLEMS[case.problem]["start"]}))
    return positions


def main() -> None:
    """Write the file, one case a line."""
    torch.set_default_dtype(torch.float64)  # otherwise NAdam keeps its product of momenta in float32
    head = {
        "made by": "tests/techniques/oracles/make_optimizers.py",
        "versions": {"torch": torch.__version__, "optax": optax.__version__, "python": platform.python_version()},
        "problems": PROBLEMS,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    of = {"torch": of_torch, "optax": of_optax}
    cases = ",\n".join(json.dumps({**case._asdict(), "trajectory": of[case.library](case)}) for case in CASES)
    text = "{\n" + ",\n".join([*lines, f'"cases": [\n{cases}\n]']) + "\n}\n"
    Path(__file__).with_name("optimizers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
