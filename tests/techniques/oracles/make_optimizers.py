"""Writes optimizers.json: where torch's optimizers go on one small problem, step by step, in float64.

    python tests/techniques/oracles/make_optimizers.py

needs torch, which nothing else of the project does; the tests read what it wrote. The problem is a bowl a thousand times
steeper in one direction than in another, its coordinates coupled by a term that is no quadratic; torch finds the gradient
by itself. Running it again with the versions named in the file writes the same file.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

OBJECTIVE = "½ Σ curvatureᵢ θᵢ² + Σ log cosh(θᵢ − θᵢ₊₁), the last coordinate coupled to the first"
CURVATURE = [0.01, 0.1, 0.5, 1.0, 3.0, 10.0]
START = [2.0, -1.5, 1.0, 0.8, -0.6, 0.5]
STEPS = 20


class Case(NamedTuple):
    """One rule of ours beside its counterpart.

    Attributes:
        optimizer: name of our rule.
        settings: our hyper-parameters; those left out have our default, which the counterpart is then given in words.
        counterpart: name of a class in torch.optim.
        arguments: its hyper-parameters.
        shrink: what the learning rate is multiplied with from one step to the next.
    """

    optimizer: str
    settings: Mapping[str, Any]
    counterpart: str
    arguments: Mapping[str, Any]
    shrink: float = 0.95


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
]


def trajectory(case: Case) -> list[list[float]]:
    """Return the parameters after each step."""
    curvature = torch.tensor(CURVATURE)
    theta = torch.tensor(START, requires_grad=True)
    rule = getattr(torch.optim, case.counterpart)([theta], foreach=False, **case.arguments)
    positions = []
    for t in range(STEPS):
        rule.param_groups[0]["lr"] = case.arguments["lr"] * case.shrink**t
        rule.zero_grad()
        coupling = torch.log(torch.cosh(theta - torch.roll(theta, -1))).sum()
        ((curvature * theta**2).sum() / 2 + coupling).backward()
        rule.step()
        positions.append(theta.detach().tolist())
    return positions


def main() -> None:
    """Write the file, one case a line."""
    torch.set_default_dtype(torch.float64)  # otherwise NAdam keeps its product of momenta in float32
    head = {
        "made by": "tests/techniques/oracles/make_optimizers.py",
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "objective": OBJECTIVE,
        "curvature": CURVATURE,
        "start": START,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    cases = ",\n".join(json.dumps({**case._asdict(), "trajectory": trajectory(case)}) for case in CASES)
    text = "{\n" + ",\n".join([*lines, f'"cases": [\n{cases}\n]']) + "\n}\n"
    Path(__file__).with_name("optimizers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
