"""Writes activations.json: what torch computes in float64 for every activation it has, with its derivative.

``python tests/techniques/oracles/make_activations.py`` in an environment with torch, which the project itself never needs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

CASES = [
    ("sigmoid", {}, torch.sigmoid),
    ("tanh", {}, torch.tanh),
    ("relu", {}, functional.relu),
    ("leaky_relu", {}, functional.leaky_relu),
    ("leaky_relu", {"slope": 0.3}, lambda z: functional.leaky_relu(z, 0.3)),
    ("elu", {}, functional.elu),
    ("elu", {"alpha": 0.25}, lambda z: functional.elu(z, 0.25)),
    ("elu", {"alpha": 3.0}, lambda z: functional.elu(z, 3.0)),
    ("selu", {}, functional.selu),
    ("softplus", {}, lambda z: functional.softplus(z, threshold=500)),  # by default the identity above 20
    ("gelu", {"approximate": "none"}, functional.gelu),
    ("gelu", {"approximate": "tanh"}, lambda z: functional.gelu(z, approximate="tanh")),
    ("silu", {}, functional.silu),
    ("hard_tanh", {}, functional.hardtanh),
    ("mish", {}, functional.mish),
]
FAR = (20.0, 40.0, 100.0, 1000.0)


def main() -> None:
    """Evaluate every case on a grid without the kinks at -1, 0 and 1, then at the kinks, then far away."""
    grid = (np.linspace(-8, 8, 65) + 0.0137).tolist()
    z = torch.tensor([*(-far for far in reversed(FAR)), *grid, -1.0, 0.0, 1.0, *FAR], dtype=torch.float64)
    cases = []
    for name, settings, function in CASES:
        x = z.clone().requires_grad_()
        y = function(x)
        y.sum().backward()
        cases.append({"name": name, "settings": settings, "y": y.tolist(), "slope": x.grad.tolist()})
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    made = {"made_by": "tests/techniques/oracles/make_activations.py", "versions": versions, "z": z.tolist(), "cases": cases}
    Path(__file__).with_name("activations.json").write_text(json.dumps(made, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
