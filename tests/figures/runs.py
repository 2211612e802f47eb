"""Finished runs made up for pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnreg.engine.history import History, Record
from nnreg.records.results import Result, Results

CHOICES = {"optimizer": "sgd", "init": "he", "activation": "relu", "norm": "none", "loss": "softmax_cross_entropy"}


def run(
    metrics: Mapping[str, Sequence[float]],
    *,
    arm: str = "",
    seed: int = 0,
    status: str = "finished",
    every: int = 1,
    folder: Path = Path("somewhere"),
    config: Mapping[str, Any] | None = None,
    **choices: str,
) -> Result:
    """Return a run that recorded the values of some metrics, one every so many steps."""
    history = History()
    for metric, values in metrics.items():
        for index, value in enumerate(values):
            history.add(Record(index * every, metric, value))
    steps = max((len(values) * every for values in metrics.values()), default=0)
    chosen = {**CHOICES, **choices}
    nodes = {kind: {"name": name} for kind, name in chosen.items()}
    summary = {"status": status, "choices": chosen, "steps": steps, "metrics": {}, "overrides": [], "label": arm}
    return Result(folder, summary, {"seed": seed, "task": "train", **nodes, **(config or {})}, arm, history)


def runs(*made: Result) -> Results:
    """Return runs as pictures take them."""
    return Results(made)


def texts(figure: Any) -> str:
    """Return everything that is written on a figure."""
    words = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        words += [text.get_text() for text in axes.texts]
        words += [axes.get_title(loc) for loc in ("left", "center", "right")] + [axes.get_xlabel(), axes.get_ylabel()]
    return "\n".join(words)


def overlaps(words: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the pairs of written words whose boxes overlap by more than a pixel of blank at their edges."""
    boxes = [(word.get_text(), word.get_window_extent()) for word in words if word.get_text()]
    pairs = [(one, other) for index, one in enumerate(boxes) for other in boxes[index + 1 :]]
    return [
        (first, second)
        for (first, one), (second, other) in pairs
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 1.5 and min(one.y1, other.y1) - max(one.y0, other.y0) > 1.5
    ]
