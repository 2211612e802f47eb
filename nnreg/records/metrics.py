"""What the metrics of a run are: their names in words, their direction, and how their values are written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from nnreg.engine.history import TRAIN_LOSS
from nnreg.records.results import Result


def is_higher_better(metric: str) -> bool:
    """Tell whether more of a metric is better: accuracies, R², steps a second."""
    return re.sub(r"_(final|best)$", "", metric).endswith(("accuracy", "r2", "steps_per_second"))


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
    plain = metric.removesuffix("_final").removesuffix("_best")
    return plain.endswith(("accuracy", "outputs/saturated", "outputs/edges", "outputs/dead"))


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


def format_value(metric: str, number: float, digits: int = 3) -> str:
    """Return a value as a reader wants it: a share in percent, a large number whole, else some digits that matter."""
    if is_share(metric):
        return f"{number:.1%}"
    return f"{number:,.0f}" if 10**digits <= abs(number) < 1e6 else compact(f"{number:#.{digits}g}".rstrip("."))


def with_half(metric: str, mean: float, half: float | None) -> str:
    """Return a mean with half its interval, no more digits than the interval carries: ``0.16 ± 0.03``, ``95.3 ± 0.4 %``."""
    if not math.isfinite(mean):
        return "–"
    if half is None or half == 0 or not math.isfinite(half):  # equal at every seed, such as a step counted in hundreds
        return f"{mean:,.0f}" if metric == "steps" else format_value(metric, mean)
    factor, sign = (100.0, " %") if is_share(metric) else (1.0, "")
    return " ± ".join(_fixed(factor * number, factor * half) for number in (mean, half)) + sign


def signed(metric: str, mean: float, half: float | None) -> tuple[str, str]:
    """Return a difference with its sign, and half its interval; "" for what there is not."""
    if not math.isfinite(mean):
        return "", ""
    words = with_half(metric, abs(mean), half)
    sign = "+" if mean > 0 else "−" if mean < 0 else ""
    number, _, rest = words.partition(" ± ")
    if not number.strip("0.,%– "):
        sign = ""  # no difference as far as the digits go
    return f"{sign}{number}", f"± {rest}" if rest else ""


def _fixed(number: float, half: float) -> str:
    """Return a number with the digits that half its interval carries: down to its first, where that is below 3 its second."""
    if not 1e-6 < half < 1e6:
        return compact(f"{number:.3g}")
    exponent = math.floor(math.log10(half))
    decimals = (1 if half / 10.0**exponent < 3 else 0) - exponent
    return f"{round(number, decimals):,.{max(0, decimals)}f}"


def compact(number: str) -> str:
    """Return ``8.4e-5`` for ``8.4e-05``."""
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", number).replace("e+", "e")


TRAIN_FINAL, VALID_FINAL, ACCURACY_FINAL = "train/loss_final", "valid/loss_final", "valid/accuracy_final"
DESCENT_VALUE = "descent/value"
CURVES = (TRAIN_LOSS, "valid/loss", "valid/accuracy", "valid/r2", "train/accuracy", "train/r2", "value")
"""Metrics that are recorded along a run and drawn as curves."""
_NAMES: Mapping[str, str] = {
    DESCENT_VALUE: "final value",
    "descent/distance": "final distance to a minimum",
    "descent/path_length": "path length",
    "descent/steps_to_tolerance": "steps to arrive",
    "seconds": "training time in seconds",
    "steps_per_second": "steps a second",
}


def called(metric: str) -> str:
    """Return a metric in words: ``final training loss``, ``best validation accuracy``, ``test accuracy``."""
    if metric in _NAMES:
        return _NAMES[metric]
    plain, ending = re.fullmatch(r"(.*?)(?:_(final|best))?", metric).groups()  # type: ignore[union-attr] # it matches anything
    return f"{ending or ''} {short(plain)}".strip().replace("_", " ")
