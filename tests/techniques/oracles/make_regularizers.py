"""Writes regularizers.json: how torch trains a small network in float64 under each penalty and under AdamW.

``python tests/techniques/oracles/make_regularizers.py`` in an environment with torch, which the project itself never needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROWS, WIDTHS, STEPS, LR = 8, (6, 5, 3), 20, 0.1
FACTORS = [1.0] * 10 + [0.5] * 10  # the learning rate is halved on the way
DECAY, L1_RATIO = 0.2, 0.3

rng = np.random.default_rng(0)
X, LABELS = torch.tensor(rng.normal(size=(ROWS, WIDTHS[0]))), torch.tensor(rng.integers(WIDTHS[-1], size=ROWS))
START = {}
for place, shape in enumerate(pairwise(WIDTHS), start=1):
    START |= {f"W{place}": rng.normal(size=shape), f"b{place}": rng.normal(size=shape[1])}
START["W1"][0] = 0.0  # where the absolute value has a kink; every feature pulls these weights away
PENALTIES: dict[str, Callable[[Tensor], Tensor]] = {
    "l2": lambda w: 0.5 * DECAY * (w * w).sum(),
    "l1": lambda w: DECAY * w.abs().sum(),
    "elastic": lambda w: DECAY * (L1_RATIO * w.abs().sum() + 0.5 * (1 - L1_RATIO) * (w * w).sum()),
}


def trained(make: Callable[[Sequence[Tensor], Sequence[Tensor]], torch.optim.Optimizer], penalty: Callable | None) -> dict:
    """Return the losses of a run and where it ends."""
    theta = {name: torch.tensor(value).requires_grad_() for name, value in START.items()}
    weights = [tensor for name, tensor in theta.items() if name.startswith("W")]
    optimizer = make(weights, [tensor for name, tensor in theta.items() if name.startswith("b")])
    losses = []
    for factor in FACTORS:
        for group in optimizer.param_groups:
            group["lr"] = LR * factor
        optimizer.zero_grad()
        logits = torch.tanh(X @ theta["W1"] + theta["b1"]) @ theta["W2"] + theta["b2"]
        loss = nn.functional.cross_entropy(logits, LABELS)
        if penalty is not None:
            loss = loss + sum(penalty(w) for w in weights)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "end": {name: tensor.tolist() for name, tensor in theta.items()}}


def adamw(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> torch.optim.Optimizer:
    """Return AdamW that leaves the biases alone."""
    return torch.optim.AdamW([{"params": weights, "weight_decay": DECAY}, {"params": biases, "weight_decay": 0.0}], lr=LR)


def main() -> None:
    """Write the file beside this script."""
    said = {
        "made_by": "tests/techniques/oracles/make_regularizers.py",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "parameters": {"weight_decay": DECAY, "l1_ratio": L1_RATIO, "lr": LR, "factors": FACTORS},
        "x": X.tolist(),
        "labels": LABELS.tolist(),
        "start": {name: value.tolist() for name, value in START.items()},
        "sgd": {name: trained(lambda w, b: torch.optim.SGD([*w, *b]), penalty) for name, penalty in PENALTIES.items()},
        "adamw": trained(adamw, None),
    }
    Path(__file__).with_name("regularizers.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
