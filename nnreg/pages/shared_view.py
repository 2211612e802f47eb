"""How MLflow's pages show an experiment, written as one of their shared views: a tag whose name ends in a hash.

The pages read it when a link carries ``viewStateShareKey``; everything not said here keeps their defaults, and a view they
do not understand leaves the defaults too. Pure: runs in, a tag out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnreg.pages.run_groups import SeenRun, grouping, varying_params

TAG = "mlflow.sharedViewState."
_FIRST_PARAMS = ("optimizer", "init")
_FIRST_METRICS = (
    "summary/train_loss_final",
    "summary/valid_loss_final",
    "summary/valid_accuracy_final",
    "summary/valid_r2_final",
    "summary/test_accuracy",
    "summary/test_r2",
    "summary/seconds",
)
_CURVES = {
    "train/loss": "log",
    "valid/loss": "log",
    "valid/accuracy": "linear",
    "valid/r2": "linear",
    "value": "log",
    "x": "linear",
    "y": "linear",  # of descents
    "outputs/std": "log",
    "outputs/saturated": "linear",  # of untrained layers
}
_RESULT = ("summary/test_accuracy", "summary/test_r2", "summary/valid_accuracy_final", "summary/train_loss_final")  # the first
_COLUMNS_BEFORE = ("0", "attributes.`Run Name`", "runDateAndNestInfo", "duration")  # the grid's own names; 0 is the tick box
_OVERVIEW = "nnreg-overview"
_REPEATED = ("test/loss", "test/accuracy", "test/r2")  # one point each, and in the summary too
_MANY = 60  # runs above which the pages draw 20 only
_BEST_FIRST = {  # in which order they then stand
    "summary/valid_accuracy_final": False,
    "summary/valid_r2_final": False,
    "summary/valid_loss_final": True,
    "summary/descent_value": True,
}


@dataclass(frozen=True)
class SharedView:
    """A view to be stored with an experiment.

    Attributes:
        key: what a link carries.
        value: value of the tag ``mlflow.sharedViewState.<key>``, compressed as the pages do it: tags are short.
    """

    key: str
    value: str


def view(runs: Sequence[SeenRun], *, sweep_id: str | None = None, average_seeds: bool = False) -> SharedView:
    """Return the view of an experiment.

    A comparison is the newest of a sweep's runs and so stands on top; it is neither a curve nor part of an average, as it has
    no parameter in which the runs differ.

    Args:
        runs: those to show, newest first.
        sweep_id: show the runs of this sweep only.
        average_seeds: draw the mean of the runs that differ in nothing but the seed.
    """
    compared = [run for run in runs if not run.is_answer]
    answers = [run for run in runs if run.is_answer]
    varying = varying_params(compared)
    seen = frozenset().union(*(run.metrics for run in compared))
    params = [f"params.`{name}`" for name in dict.fromkeys((*_FIRST_PARAMS, *varying))][:8]
    metrics = [f"metrics.`{name}`" for name in _FIRST_METRICS if name in seen]
    state: dict[str, Any] = {
        "selectedColumns": ["attributes.`Duration`", *params, *metrics],
        "columnOrder": [*_COLUMNS_BEFORE, *params, *metrics],
        "columnWidths": dict.fromkeys(params, 120) | dict.fromkeys(metrics, 190),
        "compareRunSections": _sections(),
        "compareRunCharts": _charts(seen, frozenset().union(*(run.metrics for run in answers)) - seen),
        "isAccordionReordered": True,
        "runsHiddenMode": "SHOW_ALL" if len(compared) <= _MANY else "FIRST_20_RUNS",
        "groupBy": None,
    }
    if sweep_id is not None:
        state["searchFilter"] = f'tags.sweep_id = "{sweep_id}"'
    if average_seeds:
        keys = [{"mode": "param", "groupByData": key} for key in grouping(compared)]
        state["groupBy"] = {"aggregateFunction": "average", "groupByKeys": keys}
    elif len(compared) > _MANY:
        state |= _best_first(seen)
    text = json.dumps(state, sort_keys=True)
    packed = base64.b64encode(zlib.compress(text.encode())).decode()
    return SharedView(hashlib.sha256(text.encode()).hexdigest(), f"deflate;{packed}")


def _best_first(seen: frozenset[str]) -> dict[str, Any]:
    """Return the part of a view that sorts many runs by their result, so that those drawn are the best."""
    for metric, ascending in _BEST_FIRST.items():
        if metric in seen:
            return {"orderByKey": f"metrics.`{metric}`", "orderByAsc": ascending}
    return {}


def _sections() -> list[dict[str, Any]]:
    common = {"display": True, "isReordered": True, "isGenerated": False, "columns": 2, "cardHeight": 330}
    return [{"uuid": f"nnreg-{name}", "name": name} | common for name in ("overview", "summary")]


def _charts(seen: frozenset[str], of_answers: frozenset[str]) -> list[dict[str, Any]]:
    charts = [_curve(metric, scale) for metric, scale in _CURVES.items() if metric in seen]
    charts += [_bar(metric) | {"metricSectionId": _OVERVIEW} for metric in _RESULT if metric in seen][:1]
    shown = {chart["metricKey"] for chart in charts}
    charts += [_bar(metric) for metric in sorted(seen) if metric.startswith("summary/") and metric not in shown]
    left_out = [metric for metric in _REPEATED if metric in seen] + sorted(of_answers)
    return charts + [_bar(metric) | {"deleted": True} for metric in left_out]


def _curve(metric: str, scale: str) -> dict[str, Any]:
    return _bar(metric) | {
        "type": "LINE",
        "metricSectionId": _OVERVIEW,
        "scaleType": scale,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "lineSmoothness": 0,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _bar(metric: str) -> dict[str, Any]:
    return {
        "type": "BAR",
        "uuid": f"nnreg-{metric}",
        "metricKey": metric,
        "displayName": metric.removeprefix("summary/"),
        "metricSectionId": "nnreg-summary",
        "runsCountToCompare": _MANY,
        "deleted": False,
        "isGenerated": False,
    }
