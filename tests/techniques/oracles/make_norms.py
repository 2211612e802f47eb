"""Writes norms.json: what torch computes in float64 for the normalisations, and for networks that contain them.

``python tests/techniques/oracles/make_norms.py`` in an environment with torch, which the project itself never needs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROWS, UNITS, BATCHES = 8, 5, 3
FEATURES, HIDDEN, OUTPUTS, STEPS, LR = 6, (5, 4), 3, 10, 0.1
MOMENTUM, EPS = 0.7, 1e-3

rng = np.random.default_rng(0)


def numbers(*shape: int) -> torch.Tensor:
    """Return reproducible numbers whose columns differ in mean and scale."""
    return torch.tensor(rng.normal(np.linspace(-2, 2, shape[-1]), np.linspace(0.5, 3, shape[-1]), shape))


def plain(tensor: torch.Tensor) -> list:
    """Return nested lists."""
    return tensor.detach().tolist()


def layer(made: nn.Module) -> dict:
    """Return what a layer does with a few batches, forwards, backwards and in evaluation."""
    made.weight.data, made.bias.data = numbers(UNITS), numbers(UNITS)
    said = {"gamma": plain(made.weight), "beta": plain(made.bias), "batches": []}
    for _ in range(BATCHES):
        x, dy = numbers(ROWS, UNITS).requires_grad_(), numbers(ROWS, UNITS)
        made.zero_grad()
        y = made(x)
        y.backward(dy)
        batch = {"x": x, "dy": dy, "y": y, "dx": x.grad, "dgamma": made.weight.grad, "dbeta": made.bias.grad}
        if isinstance(made, nn.BatchNorm1d):
            batch |= {"running_mean": made.running_mean, "running_variance": made.running_var}
        said["batches"].append({name: plain(tensor) for name, tensor in batch.items()})
    x = numbers(ROWS, UNITS)
    return said | {"evaluated": {"x": plain(x), "y": plain(made.eval()(x))}}


def network(norm: type[nn.Module], options: dict, position: str) -> dict:
    """Return the start of a tanh network, its losses under plain SGD and where it ends."""
    stages, names, width = [], {}, FEATURES
    for place, units in enumerate((*HIDDEN, OUTPUTS), start=1):
        stages.append(nn.Linear(width, units))
        stages[-1].weight.data, stages[-1].bias.data = numbers(units, width) / 4, numbers(units) / 4
        names |= {f"W{place}": (stages[-1].weight, True), f"b{place}": (stages[-1].bias, False)}
        if units != OUTPUTS:
            block = [nn.Tanh(), norm(units, **options)]
            names |= {f"gamma{place}": (block[1].weight, False), f"beta{place}": (block[1].bias, False)}
            stages += reversed(block) if position == "before" else block
        width = units
    whole = nn.Sequential(*stages).double()
    x, labels = numbers(ROWS, FEATURES), torch.tensor(rng.integers(OUTPUTS, size=ROWS))

    def values(which: str) -> dict:
        return {name: plain(getattr(p, which).T if turned else getattr(p, which)) for name, (p, turned) in names.items()}

    said = {"x": plain(x), "labels": labels.tolist(), "start": values("data"), "losses": []}
    optimizer = torch.optim.SGD(whole.parameters(), lr=LR)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(whole(x), labels)
        loss.backward()
        if step == 0:
            said["first_gradient"] = values("grad")
        optimizer.step()
        said["losses"].append(loss.item())
    evaluated = nn.functional.cross_entropy(whole.eval()(x), labels).item()
    return said | {"lr": LR, "end": values("data"), "evaluated": evaluated}


def main() -> None:
    """Write the file beside this script."""
    batch, rows = {"momentum": 1 - MOMENTUM, "eps": EPS}, {"eps": EPS}
    said = {
        "made_by": "tests/techniques/oracles/make_norms.py",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "parameters": {"batch_norm": {"momentum": MOMENTUM, "eps": EPS}, "layer_norm": {"eps": EPS}},
        "layers": {
            "batch_norm": layer(nn.BatchNorm1d(UNITS, **batch).double()),
            "layer_norm": layer(nn.LayerNorm(UNITS, **rows).double()),
        },
        "networks": {
            f"{name}-{position}": network(norm, options, position)
            for name, norm, options in (("batch_norm", nn.BatchNorm1d, batch), ("layer_norm", nn.LayerNorm, rows))
            for position in ("before", "after")
        },
    }
    Path(__file__).with_name("norms.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
