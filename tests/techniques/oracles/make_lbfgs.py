"""Writes lbfgs.json: where torch's LBFGS goes on Rosenbrock's valley in six dimensions, iteration by iteration, in float64.

    python tests/techniques/oracles/make_lbfgs.py

needs torch, which nothing else of the project does. Each step is one iteration with a line search; gradients are counted.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

START = [-1.2, 1.0, -0.5, 0.8, 1.3, -0.7]
STEPS = 25


def valley(theta: torch.Tensor) -> torch.Tensor:
    """Return Σ 100 (θᵢ₊₁ − θᵢ²)² + (1 − θᵢ)²."""
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


def trajectory(history: int) -> dict[str, object]:
    """Return positions after each step, and gradients up to then beside the one that each step begins with."""
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    rule = torch.optim.LBFGS(
        [theta], lr=1, max_iter=1, history_size=history, line_search_fn="strong_wolfe", tolerance_grad=0, max_eval=100
    )
    looks = 0

    def closure() -> torch.Tensor:
        nonlocal looks
        looks += 1
        rule.zero_grad()
        loss = valley(theta)
        loss.backward()
        return loss

    positions, counts = [], []
    for step in range(1, STEPS + 1):
        rule.step(closure)
        positions.append(theta.detach().tolist())
        counts.append(looks - step)
    return {"history": history, "trajectory": positions, "looks": counts}


if __name__ == "__main__":
    written = {"torch": torch.__version__, "start": START, "cases": [trajectory(history) for history in (10, 3, 1)]}
    Path(__file__).with_suffix("").with_name("lbfgs.json").write_text(json.dumps(written) + "\n", encoding="utf-8")
