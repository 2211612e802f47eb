"""Writes activation_layers.json: what torch computes in float64 for the activations that are layers, and their gradients.

``python tests/techniques/oracles/make_activation_layers.py`` in an environment with torch, which nnreg never needs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROWS, UNITS = 5, 6
A = (0.25, -0.1, 0.0, 1.0, 0.7, 2.0)
CASES = [
    ("prelu", {}, A, functional.prelu),
    ("prelu", {"shared": True}, A[:1], functional.prelu),
    ("softmax", {}, (), lambda x: functional.softmax(x, dim=1)),
    ("glu", {}, (), functional.glu),
    ("rrelu", {}, (), functional.rrelu),  # in evaluation
    ("rrelu", {"lower": 0.0, "upper": 0.5}, (), lambda x: functional.rrelu(x, 0.0, 0.5)),
]


def main() -> None:
    """Evaluate every case on normal rows of different scales, zeros and numbers far away among them."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, UNITS)) * np.logspace(-1, 2, ROWS)[:, None]
    x[0, :3] = 0
    x[4, 4:] = -800, 800
    cases = []
    for name, settings, parameters, function in CASES:
        given, a = torch.tensor(x, requires_grad=True), torch.tensor(parameters, dtype=torch.float64, requires_grad=True)
        y = function(given, a) if parameters else function(given)
        dy = torch.tensor(0.3 + np.cos(np.arange(y.numel())).reshape(y.shape))
        (y * dy).sum().backward()
        gradients = a.grad.tolist() if parameters else []
        made = {"y": y.tolist(), "dy": dy.tolist(), "dx": given.grad.tolist(), "gradients": gradients}
        cases.append({"name": name, "settings": settings, "parameters": parameters, **made})
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    script = "tests/techniques/oracles/make_activation_layers.py"
    written = {"made_by": script, "versions": versions, "x": x.tolist(), "cases": cases}
    text = json.dumps(written, allow_nan=False) + "\n"
    Path(__file__).with_name("activation_layers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
