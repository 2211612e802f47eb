"""What figures say of metrics and of how they came about."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from nnreg.engine.history import TRAIN_LOSS
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


def value(metric: str, number: float, digits: int = 3) -> str:
    """Return a value as a reader wants it: a share in percent, a large number whole, else some digits that matter."""
    if is_share(metric):
        return f"{number:.1%}"
    return f"{number:,.0f}" if 10**digits <= abs(number) < 1e6 else compact(f"{number:#.{digits}g}".rstrip("."))


def with_half(metric: str, mean: float, half: float | None) -> str:
    """Return a mean with half its interval, no more digits than the interval carries: ``0.16 ± 0.03``, ``95.3 ± 0.4 %``."""
    if not math.isfinite(mean):
        return "–"
    if half is None or half == 0 or not math.isfinite(half):  # equal at every seed, such as a step counted in hundreds
        return f"{mean:,.0f}" if metric == "steps" else value(metric, mean)
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


RECORDED = "training loss: each step's batch, before its update, in the forward pass that made the gradient"


class Marks(NamedTuple):
    """What a figure makes of each group of runs.

    Attributes:
        one: what it is called.
        of_seeds: what is said of several seeds.
        of_one: what is said of one run with the only seed.
        lost: what becomes of diverged runs.
        stops: what is said where runs stop early, or "".
    """

    one: str
    of_seeds: str
    of_one: str
    lost: str
    stops: str


CURVES = Marks(
    one="curve",
    of_seeds=": mean and 95 % interval",
    of_one="",
    lost="each ends at its cross and is in no mean",
    stops="where runs stop early, a curve ends with the first of them",
)
CELLS = Marks(one="cell", of_seeds="", of_one=", one run a cell", lost="they are in no mean", stops="")


def stopped_early(run: Result) -> bool:
    """Tell whether a run ended before its last step for want of patience."""
    return (run.summary.get("early_stop") or {}).get("stopped_at") is not None


def footer(
    results: Results,
    groups: Sequence[Results],
    metrics: Sequence[str],
    window: int = 1,
    note: str = "",
    *,
    marks: Marks = CURVES,
    is_mean: bool = True,
) -> str:
    """Return the line that says how many seeds, what was smoothed, what is recorded when, and which runs are missing.

    Args:
        results: all runs.
        groups: the runs of each curve or cell that is drawn, each run in one of them.
        metrics: what is drawn of them.
        window: of the smoothing, in records; 1 for none.
        note: what a study adds.
        marks: what is drawn of a group.
        is_mean: whether groups are means over seeds, not a panel for a single run each.
    """
    shown = [run for group in groups for run in group]
    parts = [_seeds(groups, marks)] if is_mean else ["each panel: one run"]
    if TRAIN_LOSS in metrics:
        parts.append(RECORDED)
    if window > 1:
        parts.append(f"smoothed with a centred Kaiser window of {window} steps, the unsmoothed mean behind it")
    diverged = sum(run.summary["status"] == "diverged" for run in shown)
    if diverged:
        parts.append(f"{diverged} of {len(shown)} runs diverged: {marks.lost}")
    if any(map(stopped_early, shown)) and is_mean:
        parts += [marks.stops] if marks.stops else []
    if len(shown) < len(results):
        parts.append(f"{len(results) - len(shown)} of {len(results)} runs did not finish and are not shown")
    parts += [note.strip().rstrip(".")] if note.strip() else []
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def _seeds(groups: Sequence[Results], marks: Marks) -> str:
    """Return how many seeds there are, and whether every group has the same."""
    seeds = sorted({seed for group in groups for seed in group.seeds})
    is_alone = all(len(group) == 1 for group in groups)
    if len(seeds) == 1:
        return f"one seed ({seeds[0]}){marks.of_one if is_alone else ''}"
    if is_alone:
        return f"{len(seeds)} seeds, one run a {marks.one}"
    if len({group.seeds for group in groups}) == 1:
        return f"{len(seeds)} seeds, the same for every {marks.one}{marks.of_seeds}"
    counts = [len(group.seeds) for group in groups]
    few, many = min(counts), max(counts)
    each = f"{few} to {many} seeds" if few < many else f"{many} seeds" if many > 1 else "one seed"
    return f"{len(seeds)} seeds, {each} a {marks.one}, not the same for all{marks.of_seeds}"
