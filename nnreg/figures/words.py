"""What figures say of metrics and of how they came about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nnreg.records import TRAIN_LOSS
from nnreg.results import Result, Results

_SPLITS = {"train": "training", "valid": "validation", "test": "test"}
_LOSSES = {
    "softmax_cross_entropy": "cross-entropy, nats",
    "binary_cross_entropy": "binary cross-entropy, nats",
    "mse": "half squared error",
}
_OUTPUTS = {
    "mean": "mean of the outputs",
    "std": "spread of the outputs (std)",
    "saturated": "saturated outputs (%)",
    "edges": "outputs < .05 or > .95 (%)",
    "dead": "dead units (%)",
}
_SURFACE = {"x": "x", "y": "y", "value": "f(x, y)"}


def is_share(metric: str) -> bool:
    """Tell whether a metric is a share, shown as a percentage."""
    return metric.endswith(("accuracy", "outputs/saturated", "outputs/edges", "outputs/dead"))


def unit(metric: str, run: Result) -> str:
    """Return an axis label: ``training loss (cross-entropy, nats)``."""
    split, _, quantity = metric.partition("/")
    if split == "outputs":
        return _OUTPUTS.get(quantity, quantity)
    if metric in _SURFACE:
        return _SURFACE[metric]
    if quantity.startswith("layer"):
        return f"{split.replace('_', ' ')}, {quantity.replace('layer', 'layer ')}"
    split = _SPLITS.get(split, split)
    if quantity == "loss":
        loss = str(run.summary["choices"].get("loss", ""))
        return f"{split} loss ({_LOSSES.get(loss, loss.replace('_', ' '))})"
    return {"accuracy": f"{split} accuracy (%)", "r2": f"{split} R²"}.get(
        quantity, f"{split} {quantity}".strip().replace("_", " ")
    )


def short(metric: str) -> str:
    """Return a metric's name without its unit: ``training accuracy``."""
    split, _, quantity = metric.partition("/")
    return f"{_SPLITS.get(split, split)} {'R²' if quantity == 'r2' else quantity}".strip()


def across(metric: str) -> str:
    """Return the label of the axis along which a metric was recorded."""
    return "layer" if metric.startswith("outputs/") else "step (updates made)"


def value(metric: str, number: float, digits: int = 3) -> str:
    """Return a value as a reader wants it: a share in percent, anything else with some digits that matter."""
    return f"{number:.1%}" if is_share(metric) else compact(f"{number:#.{digits}g}".rstrip("."))


def compact(number: str) -> str:
    """Return ``8.4e-5`` for ``8.4e-05``."""
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", number).replace("e+", "e")


def footer(
    results: Results, shown: Results, metrics: Sequence[str], window: int = 1, note: str = "", *, is_mean: bool = True
) -> str:
    """Return the line that says how many seeds, what was smoothed, what is recorded when, and which runs are missing.

    Args:
        results: all runs.
        shown: those that are drawn.
        metrics: what is drawn of them.
        window: of the smoothing, in records; 1 for none.
        note: what a study adds.
        is_mean: whether curves are means over seeds, not single runs.
    """
    parts = [_seeds(shown)] if is_mean else ["each panel: one run"]
    if TRAIN_LOSS in metrics:
        parts.append("training loss: each step's batch, before its update, in the forward pass that made the gradient")
    if window > 1:
        parts.append(f"smoothed with a centred Kaiser window of {window} steps, the unsmoothed mean behind it")
    diverged = sum(run.summary["status"] == "diverged" for run in shown)
    if diverged:
        parts.append(f"{diverged} of {len(shown)} runs diverged: each ends at its cross and is in no mean")
    if any((run.summary.get("early_stop") or {}).get("stopped_at") is not None for run in shown) and is_mean:
        parts.append("where runs stop early, a curve ends with the first of them")
    if len(shown) < len(results):
        parts.append(f"{len(results) - len(shown)} of {len(results)} runs did not finish and are not shown")
    parts += [note.strip().rstrip(".")] if note.strip() else []
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def _seeds(results: Results) -> str:
    seeds = results.seeds
    if len(seeds) == 1:
        return f"one seed ({seeds[0]})"
    return f"{len(seeds)} seeds, the same for every curve: mean and 95 % interval"
