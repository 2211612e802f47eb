"""Writes losses.json: what torch computes in float64 for every loss it has, with its gradient.

``python tests/techniques/oracles/make_losses.py`` in an environment with torch, which the project itself never needs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROWS, OUTPUTS = 7, 4


def half_squares(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return half the squares, summed over outputs, averaged over rows: torch averages over both and does not halve."""
    return functional.mse_loss(z, t) * OUTPUTS / 2


def yes_or_no(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropies summed over outputs: torch averages over rows and outputs."""
    return functional.binary_cross_entropy_with_logits(z, t) * OUTPUTS


def softmax(smoothing: float) -> object:
    """Return torch's cross-entropy with label smoothing."""
    return lambda z, t: functional.cross_entropy(z, t, label_smoothing=smoothing)


def huber(delta: float) -> object:
    """Return torch's Huber loss, summed over outputs: it averages over rows and outputs."""
    return lambda z, t: functional.huber_loss(z, t, delta=delta) * OUTPUTS


def hinge(margin: float) -> object:
    """Return torch's hinge of several classes, not divided by their number."""
    return lambda z, t: functional.multi_margin_loss(z, t, margin=margin) * OUTPUTS


def focal(gamma: float) -> object:
    """Return the focal loss written down as in its paper, of shares of classes; torch differentiates it."""

    def loss(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        log_p = functional.log_softmax(z, dim=1)
        return -(t * (1 - log_p.exp()) ** gamma * log_p).sum(dim=1).mean()

    return loss


def main() -> None:
    """Evaluate every loss on ordinary logits, on huge ones, and on one row."""
    rng = np.random.default_rng(0)
    ordinary = torch.tensor(rng.normal(0, 3, (ROWS, OUTPUTS)))
    labels = torch.tensor(rng.integers(OUTPUTS, size=ROWS))
    values = torch.tensor(rng.uniform(0, 1, (ROWS, OUTPUTS)))
    shares = values / values.sum(dim=1, keepdim=True)
    one_hot = functional.one_hot(labels, OUTPUTS).double()
    cases = []
    for z in (ordinary, ordinary * 300, ordinary[:1]):
        n = len(z)
        for name, settings, function, given, meant in (
            ("softmax_cross_entropy", {}, softmax(0.0), labels, labels),
            ("softmax_cross_entropy", {"label_smoothing": 0.1}, softmax(0.1), labels, labels),
            ("softmax_cross_entropy", {"label_smoothing": 0.9}, softmax(0.9), labels, labels),
            ("mse", {}, half_squares, labels, one_hot),
            ("mse", {}, half_squares, values, values),
            ("binary_cross_entropy", {}, yes_or_no, labels, one_hot),
            ("binary_cross_entropy", {}, yes_or_no, values, values),
            ("softmax_cross_entropy", {}, softmax(0.0), shares, shares),
            ("softmax_cross_entropy", {"label_smoothing": 0.1}, softmax(0.1), shares, shares),
            ("huber", {}, huber(1.0), values, values),
            ("huber", {"delta": 0.01}, huber(0.01), values, values),
            ("huber", {"delta": 1e6}, huber(1e6), values, values),
            ("hinge", {}, hinge(1.0), labels, labels),
            ("hinge", {"margin": 5.0}, hinge(5.0), labels, labels),
            ("focal", {"gamma": 0.0}, focal(0.0), labels, one_hot),
            ("focal", {"gamma": 1.0}, focal(1.0), labels, one_hot),
            ("focal", {}, focal(2.0), labels, one_hot),
            ("focal", {}, focal(2.0), shares, shares),
            ("focal", {"gamma": 5.5}, focal(5.5), shares, shares),
        ):
            logits = z.clone().requires_grad_()
            loss = function(logits, meant[:n])
            loss.backward()
            case = {"name": name, "settings": settings, "logits": z.tolist(), "targets": given[:n].tolist()}
            cases.append(case | {"value": loss.item(), "gradient": logits.grad.tolist()})
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    made = {"made_by": "tests/techniques/oracles/make_losses.py", "versions": versions, "cases": cases}
    Path(__file__).with_name("losses.json").write_text(json.dumps(made, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
