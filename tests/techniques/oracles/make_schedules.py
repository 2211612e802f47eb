"""Writes schedules.json: the learning rates that torch's schedulers give, in float64, for an optimizer with lr=1.

``python tests/techniques/oracles/make_schedules.py`` in an environment with torch, which the project itself never needs.

Convention: the k-th number is the rate in force during the k-th update, k from 1; the scheduler is stepped after each update.
torch's own counter, last_epoch, is k - 1 then.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import torch
from torch.optim import lr_scheduler as schedulers

STEPS, WARMUP = 60, 12
WATCHED = [1.0, 0.8, 0.81, 0.79, 0.795, 0.8, 0.9, 0.7, 0.71, 0.705, 0.72, 0.8, 0.69995, 0.7, 0.69, 0.75, 0.9, *[0.8] * 15]


def rates(make: Callable[[torch.optim.Optimizer], schedulers.LRScheduler]) -> list[float]:
    """Return the rate in force during each update."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    seen = []
    for _ in range(STEPS):
        seen.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return seen


def warmed(make: Callable[[torch.optim.Optimizer], schedulers.LRScheduler]) -> list[float]:
    """Return the rates of a scheduler behind a warm-up: update k of w has k / w, update w is the scheduler's first."""

    def both(optimizer: torch.optim.Optimizer) -> schedulers.LRScheduler:
        rise = schedulers.LinearLR(optimizer, start_factor=1 / WARMUP, total_iters=WARMUP - 1)
        return schedulers.SequentialLR(optimizer, [rise, make(optimizer)], milestones=[WARMUP - 1])

    return rates(both)


def one_cycle(**options: object) -> list[float]:
    """Return the rates of a OneCycleLR whose peak is 1."""
    return rates(lambda o: schedulers.OneCycleLR(o, max_lr=1.0, total_steps=STEPS, cycle_momentum=False, **options))


def cyclic(low: float, stepsize: int, **options: object) -> list[float]:
    """Return the rates of a CyclicLR between two bounds, the upper one 1."""
    return rates(lambda o: schedulers.CyclicLR(o, low, 1.0, stepsize, cycle_momentum=False, **options))


def reduced(**options: object) -> list[float]:
    """Return the rate in force after each of the values that a ReduceLROnPlateau watches."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = schedulers.ReduceLROnPlateau(optimizer, eps=0.0, **options)
    seen = []
    for value in WATCHED:
        scheduler.step(value)
        seen.append(float(optimizer.param_groups[0]["lr"]))
    return seen


def main() -> None:
    """Write the file beside this script."""
    cases = {
        "step": rates(lambda o: schedulers.StepLR(o, 7, 0.5)),
        "multi_step": rates(lambda o: schedulers.MultiStepLR(o, [5, 20, 21, 90], 0.3)),
        "exponential": rates(lambda o: schedulers.ExponentialLR(o, 0.93)),
        "polynomial": rates(lambda o: schedulers.PolynomialLR(o, STEPS, 0.9)),
        "linear": rates(lambda o: schedulers.LinearLR(o, 1.0, 0.2, STEPS)),
        "cosine": rates(lambda o: schedulers.CosineAnnealingLR(o, STEPS, 0.05)),
        "cosine with 3 equal cycles": rates(lambda o: schedulers.CosineAnnealingWarmRestarts(o, 20, 1, 0.05)),
        "cosine with 4 cycles that double": rates(lambda o: schedulers.CosineAnnealingWarmRestarts(o, 4, 2)),
        "cyclic": cyclic(0.25, 10),
        "cyclic with half the rise each time": cyclic(0.1, 6, mode="triangular2"),
        "cyclic with a rise that is lost": cyclic(0.0, 15, mode="exp_range", gamma=0.97),
        "one_cycle": one_cycle(),
        "one_cycle with other factors": one_cycle(pct_start=0.45, div_factor=10.0, final_div_factor=100.0),
        "one_cycle along lines": one_cycle(pct_start=0.2, anneal_strategy="linear"),
        "cosine after a warm-up": warmed(lambda o: schedulers.CosineAnnealingLR(o, STEPS - WARMUP + 1, 0.1)),
        "step after a warm-up": warmed(lambda o: schedulers.StepLR(o, 10, 0.5)),
    }
    plateaus = {
        "plateau": reduced(patience=2),
        "plateau that cools down": reduced(factor=0.5, patience=1, cooldown=3, threshold=0.1),
        "plateau with an end": reduced(factor=0.2, patience=0, min_lr=0.05),
        "plateau of an accuracy": reduced(mode="max", factor=0.5, patience=3, threshold=0.01),
        "plateau upside down": reduced(mode="max", factor=0.5, patience=2),
    }
    head = {
        "made by": "tests/techniques/oracles/make_schedules.py",
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "steps": STEPS,
        "warmup": WARMUP,
        "watched": WATCHED,
        "plateaus": plateaus,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in cases.items())
    text = "{\n" + ",\n".join([*lines, f'"rates": {{\n{rows}\n}}']) + "\n}\n"
    Path(__file__).with_name("schedules.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
