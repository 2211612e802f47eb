"""Writes penalties.json: how torch trains a small network in float64 under what acts on layers, on outputs, and after updates.

``python tests/techniques/oracles/make_penalties.py`` in an environment with torch, which the project itself never needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROWS, WIDTHS, STEPS, LR = 8, (4, 6, 5, 3), 20, 0.1
STRENGTH, L1, L2, LIMIT = 0.05, 0.3, 0.2, 1.5

rng = np.random.default_rng(0)
X, LABELS = torch.tensor(rng.normal(size=(ROWS, WIDTHS[0]))), torch.tensor(rng.integers(WIDTHS[-1], size=ROWS))
START = {}
for place, shape in enumerate(pairwise(WIDTHS), start=1):
    START |= {f"W{place}": rng.normal(size=shape), f"b{place}": rng.normal(size=shape[1])}


def orthogonal(weights: list[Tensor], hidden: list[Tensor]) -> Tensor:
    """Return λ Σ ‖WᵀW − I‖² with the identity of the smaller side, by the definition's own words."""
    products = [w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T for w in weights]
    return STRENGTH * sum(torch.linalg.matrix_norm(product - torch.eye(len(product))) ** 2 for product in products)


def activity(weights: list[Tensor], hidden: list[Tensor]) -> Tensor:
    """Return what Keras adds for activity_regularizer=L1L2(l1, l2) of every hidden layer."""
    return sum((L1 * a.abs().sum() + L2 * a.square().sum()) / ROWS for a in hidden)


def nothing(weights: list[Tensor], hidden: list[Tensor]) -> Tensor:
    """Return zero."""
    return torch.zeros(())


def trained(penalty: Callable[[list[Tensor], list[Tensor]], Tensor], limit: float | None = None) -> dict:
    """Return the losses of a run and where it ends."""
    theta = {name: torch.tensor(value).requires_grad_() for name, value in START.items()}
    weights = [tensor for name, tensor in theta.items() if name.startswith("W")]
    optimizer = torch.optim.SGD(theta.values(), lr=LR)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        a1 = torch.tanh(X @ theta["W1"] + theta["b1"])
        a2 = torch.tanh(a1 @ theta["W2"] + theta["b2"])
        loss = nn.functional.cross_entropy(a2 @ theta["W3"] + theta["b3"], LABELS) + penalty(weights, [a1, a2])
        loss.backward()
        optimizer.step()
        if limit is not None:
            with torch.no_grad():
                for w in weights:
                    w.mul_(limit / torch.linalg.vector_norm(w, dim=0).clamp(min=limit))  # renorm would add 1e-7
        losses.append(loss.item())
    return {"losses": losses, "end": {name: tensor.tolist() for name, tensor in theta.items()}}


def main() -> None:
    """Write the file beside this script."""
    said = {
        "made_by": "tests/techniques/oracles/make_penalties.py",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "parameters": {"lr": LR, "steps": STEPS, "strength": STRENGTH, "l1": L1, "l2": L2, "limit": LIMIT},
        "x": X.tolist(),
        "labels": LABELS.tolist(),
        "start": {name: value.tolist() for name, value in START.items()},
        "orthogonal": trained(orthogonal),
        "activity": trained(activity),
        "max_norm": trained(nothing, LIMIT),
    }
    Path(__file__).with_name("penalties.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
