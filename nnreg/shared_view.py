"""How MLflow's pages show an experiment, written as one of their shared views: a tag whose name ends in a hash.

The pages read it when a link carries ``viewStateShareKey``; everything not said here keeps their defaults, and a view they
do not understand leaves the defaults too. Pure: runs in, a tag out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
_NOT_COMPARED = ("seed", "parameters")
_MANY = 60  # runs above which the pages draw only the newest 20


@dataclass(frozen=True)
class SeenRun:
    """What of a run decides how its experiment is shown."""

    params: Mapping[str, str]
    metrics: frozenset[str]
    sweep_id: str | None = None


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

    Args:
        runs: those to show, newest first.
        sweep_id: show the runs of this sweep only.
        average_seeds: draw the mean of the runs that differ in nothing but the seed.
    """
    varying = varying_params(runs)
    seen = frozenset().union(*(run.metrics for run in runs))
    params = [f"params.`{name}`" for name in dict.fromkeys((*_FIRST_PARAMS, *varying))][:8]
    metrics = [f"metrics.`{name}`" for name in _FIRST_METRICS if name in seen]
    state: dict[str, Any] = {
        "selectedColumns": ["attributes.`Duration`", *params, *metrics],
        "columnOrder": [*_COLUMNS_BEFORE, *params, *metrics],
        "columnWidths": dict.fromkeys(params, 120) | dict.fromkeys(metrics, 190),
        "compareRunSections": _sections(),
        "compareRunCharts": _charts(seen),
        "isAccordionReordered": True,
        "runsHiddenMode": "SHOW_ALL" if len(runs) <= _MANY else "FIRST_20_RUNS",
        "groupBy": None,
    }
    if sweep_id is not None:
        state["searchFilter"] = f'tags.sweep_id = "{sweep_id}"'
    if average_seeds:
        keys = [{"mode": "param", "groupByData": name} for name in dict.fromkeys((*_FIRST_PARAMS, *varying))]
        state["groupBy"] = {"aggregateFunction": "average", "groupByKeys": keys}
    text = json.dumps(state, sort_keys=True)
    packed = base64.b64encode(zlib.compress(text.encode())).decode()
    return SharedView(hashlib.sha256(text.encode()).hexdigest(), f"deflate;{packed}")


def varying_params(runs: Sequence[SeenRun]) -> list[str]:
    """Return the parameters in which runs differ, other than the seed, in alphabetical order."""
    names = sorted(set().union(*(run.params for run in runs)))
    return [name for name in names if name not in _NOT_COMPARED and len({run.params.get(name) for run in runs}) > 1]


def has_several_seeds(runs: Sequence[SeenRun]) -> bool:
    """Tell whether some runs differ in nothing but the seed."""
    varying = varying_params(runs)
    settings = {tuple(run.params.get(name) for name in varying) for run in runs}
    return len(settings) < len({(*map(run.params.get, varying), run.params.get("seed")) for run in runs})


def _sections() -> list[dict[str, Any]]:
    common = {"display": True, "isReordered": True, "isGenerated": False, "columns": 2, "cardHeight": 330}
    return [{"uuid": f"nnreg-{name}", "name": name} | common for name in ("overview", "summary")]


def _charts(seen: frozenset[str]) -> list[dict[str, Any]]:
    charts = [_curve(metric, scale) for metric, scale in _CURVES.items() if metric in seen]
    charts += [_bar(metric) | {"metricSectionId": _OVERVIEW} for metric in _RESULT if metric in seen][:1]
    shown = {chart["metricKey"] for chart in charts}
    charts += [_bar(metric) for metric in sorted(seen) if metric.startswith("summary/") and metric not in shown]
    return charts + [_bar(metric) | {"deleted": True} for metric in _REPEATED if metric in seen]


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
