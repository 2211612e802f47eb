"""All that is known of the metrics of a run, in one table, and how their values are written.

A metric is added in one place: a row of ``METRICS``. Every table, chart, sentence, file and MLflow view asks here. Metric names
are ``<split>/<quantity>``: train, valid or test, and loss, accuracy (of classes) or r2 (of values). What diagnostics measure of
layers is ``<quantity>/layer<n>``: such families have one row, whose name has braces where a member has its own word.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nnreg.engine.history import (
    FINAL_LOSS,
    GRADIENTS,
    LAST,
    RATE,
    START_LOSS,
    TEST_ACCURACY,
    TRAIN_LOSS,
    VALID_ACCURACY,
    VALID_LOSS,
    VALID_R2,
)
from nnreg.numerals import NOTHING, beside, measured, percent, whole
from nnreg.settings import ACTIVATIONS, DESCEND, TRAIN

TRAIN_FINAL, VALID_FINAL = FINAL_LOSS, f"{VALID_LOSS}_final"
MEAN_OF_LAST = f"_mean_last_{LAST}"
TRAIN_MEAN = f"{TRAIN_LOSS}{MEAN_OF_LAST}"
"""What was called the final training loss before a run measured one: the mean over the batches of its last steps."""
DESCENT_VALUE, DESCENT_DISTANCE, ARRIVAL = "descent/value", "descent/distance", "descent/steps_to_tolerance"
SECONDS, STEPS = "seconds", "steps"
VALID, TEST = "valid", "test"
EXACT = 4  # digits of a single run's number
SHARE, OF_LOSS = "%", "loss"  # units; the latter is that of the run's loss
DECIDING: Mapping[str, Sequence[str]] = {TRAIN: (VALID_FINAL, TRAIN_FINAL, TRAIN_MEAN), DESCEND: (DESCENT_VALUE,)}
"""Metrics that a choice between runs of a task is made by, lowest first; the first that was recorded."""

Recorded = Literal["ends", "once", "both", "history", "summary"]
Scale = Literal["", "linear", "log", "percent", "positive"]


@dataclass(frozen=True)
class Metric:
    """What is known of one metric, or of a family.

    Attributes:
        name: as it is recorded, such as ``valid/accuracy``; with braces for a family, such as ``weight_norm/layer{}``.
        words: what it is called in a sentence, without its unit.
        unit: ``%`` of a share, ``loss`` for that of the run's loss, any other word, or "".
        axis: what it is called beside an axis, where that is not its words.
        heading: of its column, where room is short; a table of many single runs leaves out what has none.
        best_heading: likewise, of its best value.
        note: beside it in the table of a run.
        counts: whether it is a count, written whole.
        decimals: of a share of one run, in percent.
        higher: whether more of it is better.
        leads: whether it says how well the network of a run does on its split: accuracy, or R².
        noisy: whether it is that of single batches: smoothed in curves, and in the summary a mean of its last values stands for
            the final one.
        before: whether it tells of the network before it is trained: what becomes of the run afterwards does not matter.
        task: that records it, or "" for all.
        recorded: ``ends``: along the run, with its final and best value in the summary; ``once``, in both;
            ``both``: along the run, and its last value in the summary; else in the ``history`` or the ``summary`` alone.
        along: what it is recorded along: ``step`` or ``layer``.
        curve: whether a report draws it along the run.
        scale: of its chart in MLflow, and of a family in the picture of layers; "" where it has none there.
        column: whether MLflow's table of runs opens with it.
        hidden: whether tables for people leave it out, unless runs are compared by it.
    """

    name: str
    words: str
    unit: str = ""
    axis: str = ""
    heading: str = ""
    best_heading: str = ""
    note: str = ""
    counts: bool = False
    decimals: int = 2
    higher: bool = False
    leads: bool = False
    noisy: bool = False
    before: bool = False
    task: str = TRAIN
    recorded: Recorded = "ends"
    along: Literal["step", "layer"] = "step"
    curve: bool = False
    scale: Scale = ""
    column: bool = False
    hidden: bool = False


def _of_layers(quantity: str, heading: str = "", scale: Scale = "") -> Metric:
    words = quantity.replace("_", " ")
    row = Metric(f"{quantity}/layer{{}}", f"{words} layer{{}}", axis=f"{words}, layer {{}}", recorded="history")
    return dataclasses.replace(row, heading=heading, scale=scale)


_LAST, _ALONE = f"of batches: mean of the last {LAST}", "looked at once, at the end"
_KEPT = "after the last update"
_ROWS = (
    Metric(TRAIN_FINAL, "final training loss", OF_LOSS, heading="train loss", note=_KEPT, recorded="once", column=True),
    Metric(START_LOSS, "training loss before the first update", OF_LOSS, recorded="once", hidden=True),
    Metric(TRAIN_LOSS, "training loss", OF_LOSS, heading=f"last {LAST} steps", note=_LAST, noisy=True, curve=True,
           scale="log", column=True),
    Metric(VALID_LOSS, "validation loss", OF_LOSS, heading="valid loss", curve=True, scale="log", column=True),
    Metric(VALID_ACCURACY, "validation accuracy", SHARE, heading="valid acc.", best_heading="best valid acc.", higher=True,
           leads=True, curve=True, scale="linear", column=True),
    Metric(VALID_R2, "validation R²", heading="valid R²", best_heading="best valid R²", higher=True, leads=True,
           curve=True, scale="linear", column=True),
    Metric("test/loss", "test loss", OF_LOSS, note=_ALONE, recorded="once", hidden=True),
    Metric(TEST_ACCURACY, "test accuracy", SHARE, heading="test acc.", higher=True, leads=True, recorded="once", column=True),
    Metric("test/r2", "test R²", heading="test R²", higher=True, leads=True, recorded="once", column=True),
    Metric("train/accuracy", "training accuracy", SHARE, higher=True, curve=True),
    Metric("train/r2", "training R²", higher=True, curve=True),
    _of_layers("activation_mean", "mean output", "linear"),
    _of_layers("activation_std", "spread of the outputs (std)", "positive"),
    _of_layers("saturated", "saturated outputs (%)", "percent"),
    _of_layers("dead", "dead units (%)", "percent"),
    _of_layers("gradient_norm", "gradient ‖∂L/∂W‖", "log"),
    _of_layers("weight_norm", "weights ‖W‖", "positive"),
    _of_layers("distinct_units"),
    _of_layers("update_ratio", "update / weights ‖ΔW‖ / ‖W‖", "log"),
    Metric(GRADIENTS, "gradients evaluated", heading="gradients", counts=True, recorded="once", scale="linear", hidden=True),
    Metric(RATE, "learning rate", recorded="history", scale="linear"),
    Metric("rate/{}", "{}", recorded="history"),
    Metric("gradient_difference/{}", "gradient difference {}", before=True, recorded="history"),
    Metric("gradient_worst/{}", "gradient worst {}", before=True, recorded="history"),
    Metric("value", "value", axis="height f", task=DESCEND, recorded="history", curve=True, scale="log"),
    Metric("distance", "distance to the nearest minimum", task=DESCEND, recorded="history", scale="log"),
    Metric("x", "x", task=DESCEND, recorded="history", scale="linear"),
    Metric("y", "y", task=DESCEND, recorded="history", scale="linear"),
    Metric("descent/x", "descent x", task=DESCEND, recorded="summary", hidden=True),
    Metric("descent/y", "descent y", task=DESCEND, recorded="summary", hidden=True),
    Metric(DESCENT_VALUE, "final value", heading="final value", task=DESCEND, recorded="summary"),
    Metric("descent/path_length", "path length", heading="path length", task=DESCEND, recorded="summary"),
    Metric(DESCENT_DISTANCE, "final distance to a minimum", heading="distance", task=DESCEND,
           recorded="summary"),
    Metric(ARRIVAL, "steps to arrive", heading="steps to arrive", counts=True, task=DESCEND, recorded="summary"),
    Metric("descent/stable_below", "descent stable below", task=DESCEND, recorded="summary", hidden=True),
    Metric("outputs/mean", "mean of the outputs", heading="last mean", task=ACTIVATIONS, recorded="both",
           along="layer"),
    Metric("outputs/std", "spread of the outputs", "std", heading="last std", task=ACTIVATIONS, recorded="both",
           along="layer", scale="log"),
    Metric("outputs/saturated", "saturated outputs", SHARE, heading="saturated", decimals=1, task=ACTIVATIONS,
           recorded="both", along="layer", scale="linear"),
    Metric("outputs/dead", "dead units", SHARE, heading="dead units", decimals=1, task=ACTIVATIONS, recorded="both",
           along="layer"),
    Metric("outputs/edges", "outputs < .05 or > .95", SHARE, heading="< .05 or > .95", decimals=1, task=ACTIVATIONS,
           recorded="both", along="layer", hidden=True),
    Metric(STEPS, "steps", task="", recorded="summary", hidden=True),
    Metric("steps_per_second", "steps a second", higher=True, recorded="summary", hidden=True),
    Metric(SECONDS, "training time in seconds", heading="seconds", task="", recorded="summary", column=True),
)  # fmt: skip
METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}
"""Every metric that a run may record, by name, in the order in which tables and charts have them."""

_SPLITS = {"train": "training", "valid": "validation", "test": "test"}
_UNITS_OF_LOSSES = {
    "softmax_cross_entropy": "cross-entropy, nats",
    "binary_cross_entropy": "binary cross-entropy, nats",
    "mse": "half squared error",
}


def plain_name(metric: str) -> str:
    """Return the name that a metric is recorded by along a run: ``valid/loss`` of ``valid/loss_best``."""
    return metric.removesuffix("_final").removesuffix("_best").removesuffix(MEAN_OF_LAST)


def summary_name(metric: str) -> str:
    """Return the name of a metric's last value in the summary of a run: ``valid/loss_final``, ``test/loss``."""
    row = metric_of(metric)
    return metric if row.recorded != "ends" else f"{metric}{MEAN_OF_LAST}" if row.noisy else f"{metric}_final"


def is_known(metric: str) -> bool:
    """Tell whether the table has a metric, by its own name, that of its final or best value, or as one of a family."""
    return _row(plain_name(metric)) is not None


def metric_of(metric: str) -> Metric:
    """Return what is known of a metric; of one that the table has not, such as that of another version, what its name says."""
    plain = plain_name(metric)
    if (row := _row(plain)) is not None:
        return row
    split, _, quantity = plain.partition("/")
    recorded: Mapping[str, Recorded] = {"train": "ends", VALID: "ends", TEST: "once"}
    words = f"{_SPLITS.get(split, split)} {quantity}".strip().replace("_", " ")
    return Metric(plain, words, recorded=recorded.get(split, "history"))


def _row(plain: str) -> Metric | None:
    if plain in METRICS:
        return METRICS[plain]
    head, _, own = plain.partition("/")
    number = own.removeprefix("layer")
    for name, word in ((f"{head}/layer{{}}", number if number.isdecimal() else ""), (f"{head}/{{}}", own)):
        if word and name in METRICS:
            row = METRICS[name]
            return dataclasses.replace(row, name=plain, words=row.words.format(word), axis=row.axis.format(word))
    return None


def is_higher_better(metric: str) -> bool:
    """Tell whether more of a metric is better: accuracies, R², steps a second."""
    return metric_of(metric).higher


def is_share(metric: str) -> bool:
    """Tell whether a metric is a share, shown as a percentage."""
    return metric_of(metric).unit == SHARE


def is_loss(metric: str) -> bool:
    """Tell whether a metric is a loss: its unit is that of the run's loss, and 0 is the best that there is."""
    return metric_of(metric).unit == OF_LOSS


def is_noisy(metric: str) -> bool:
    """Tell whether a metric is that of single batches."""
    return metric_of(metric).noisy


def is_before(metric: str) -> bool:
    """Tell whether a metric tells of the network before it is trained, such as whether its gradients are right."""
    return metric_of(metric).before


def across(metric: str) -> str:
    """Return the label of the axis along which a metric was recorded."""
    return "layer" if metric_of(metric).along == "layer" else "step (updates made)"


def called(metric: str) -> str:
    """Return a metric in words: ``final training loss``, ``best validation accuracy``, ``test accuracy``."""
    ending = metric.removeprefix(plain_name(metric)).removeprefix("_").replace("_", " ")
    row = metric_of(metric)
    return f"{row.words}, mean of the last {LAST} steps" if metric.endswith(MEAN_OF_LAST) else f"{ending} {row.words}".strip()


def axis_label(metric: str, choices: Mapping[str, str]) -> str:
    """Return a metric in words, with its unit: ``training loss (cross-entropy, nats)``.

    Args:
        metric: by its own name, or that of its final or best value.
        choices: of the run, which say the unit of a loss.
    """
    row = metric_of(metric)
    words = row.axis if row.axis and metric == row.name else called(metric)
    loss = str(choices.get("loss", ""))
    unit = _UNITS_OF_LOSSES.get(loss, loss.replace("_", " ")) if row.unit == OF_LOSS else row.unit
    return f"{words} ({unit})" if row.unit else words


def heading_of(metric: str) -> str:
    """Return a metric as the heading of a column: ``valid acc.``."""
    row = metric_of(metric)
    return (row.best_heading if metric.endswith("_best") else row.heading) or called(metric)


def leading_metrics(split: str) -> list[str]:
    """Return the metrics of which a run has one, that says how well its network does on a split."""
    return [row.name for row in METRICS.values() if row.leads and row.name.startswith(f"{split}/")]


def leading_results(split: str) -> list[str]:
    """Return the same by their names in the summary of a run: ``valid/accuracy_final``."""
    return [summary_name(metric) for metric in leading_metrics(split)]


def drawn_metrics(task: str = "") -> list[str]:
    """Return the metrics, of a task or of all, that are recorded along a run and drawn as curves."""
    return [row.name for row in METRICS.values() if row.curve and task in ("", row.task)]


def recorded_by(task: str) -> list[Metric]:
    """Return the metrics of a task."""
    return [row for row in METRICS.values() if row.task == task]


def results_of(task: str) -> list[str]:
    """Return the names of what the summaries of a task's runs may hold, by which runs are compared."""
    rows = [row for row in METRICS.values() if row.task in ("", task) and "{" not in row.name]
    ends = {row.name: (summary_name(row.name), f"{row.name}_best") for row in rows if row.recorded == "ends"}
    return [name for row in rows if row.recorded != "history" for name in ends.get(row.name, (row.name,))]


def is_recorded_along(metric: str, task: str) -> bool:
    """Tell whether runs of a task may record a metric along the run, so that they reach a value of it."""
    row = _row(metric)
    return row is not None and row.task in ("", task) and row.recorded != "summary"


def metrics_in_order(metrics: Iterable[str], first: str = "") -> list[str]:
    """Return metrics, each once, in the order of the table, after it those that it has not; seconds last.

    Args:
        metrics: of summaries.
        first: what comes before the others, such as that by which runs are compared.
    """
    places = {name: place for place, name in enumerate(METRICS)}

    def place(metric: str) -> tuple[bool, bool, int, bool]:
        return metric == SECONDS, metric != first, places.get(plain_name(metric), len(places)), metric.endswith("_best")

    return sorted(dict.fromkeys(metrics), key=place)


def metrics_for_people(metrics: Sequence[str], compared: str = "") -> list[str]:
    """Return those of some metrics that a table for people holds, and always the one that runs are compared by.

    Best values are not among them, nor the validation loss where accuracy or R² says more.
    """
    is_told = any(metric in metrics for metric in leading_results(VALID))
    hidden = {metric for metric in metrics if metric.endswith("_best") or metric_of(metric).hidden}
    hidden |= {VALID_FINAL} if is_told else set()
    hidden |= {TRAIN_MEAN} if TRAIN_FINAL in metrics else set()
    return [metric for metric in metrics if metric == compared or metric not in hidden]


def exact_value(metric: str, number: float) -> str:
    """Return the value of one run, with the digits that a table of single runs has."""
    row = metric_of(metric)
    if row.unit == SHARE:
        return percent(number, row.decimals)
    return whole(number) if row.counts else measured(number, EXACT)


def format_value(metric: str, number: float, digits: int = 3) -> str:
    """Return a value as a reader wants it: a share in percent, a large number whole, else some digits that matter."""
    return percent(number) if is_share(metric) else measured(number, digits)


def with_half(metric: str, mean: float, half: float | None) -> str:
    """Return a mean with half its interval, no more digits than the interval carries: ``0.16 ± 0.03``, ``95.3 ± 0.4 %``."""
    if not math.isfinite(mean):
        return NOTHING
    if half is None or half == 0 or not math.isfinite(half):  # equal at every seed, such as a step counted in hundreds
        return whole(mean) if metric == STEPS else format_value(metric, mean)
    factor, sign = (100.0, " %") if is_share(metric) else (1.0, "")
    return " ± ".join(beside(factor * mean, factor * half)) + sign


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
