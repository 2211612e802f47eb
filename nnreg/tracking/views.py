"""Links into MLflow's pages, and the view that they open.

The pages read it when a link carries ``viewStateShareKey``; everything not said here keeps their defaults, and a view they
do not understand leaves the defaults too. Pure: runs in, a tag out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS
from nnreg.errors import UserError
from nnreg.records.metrics import DESCENT_VALUE, METRICS, TEST, VALID, Metric, is_higher_better, leading_metrics, summary_name
from nnreg.tracking.description import summarised
from nnreg.tracking.location import MACHINE_LEARNING, without_password

_ASK_SECONDS = 10.0


def links(base: str) -> list[str]:
    """Return the lines to print: all runs of the newest experiment, its last sweep, averages over seeds, the sweep's report.

    Writes the views as tags of that experiment; where that is not allowed, the links show MLflow's defaults.
    """
    try:
        experiments = _ask(base, "experiments/search", {"max_results": 1_000}).get("experiments", [])
        ids = [experiment["experiment_id"] for experiment in experiments]
        runs = _search(base, ids, 1) if ids else []
        if not runs:
            return [f"no runs yet: {without_password(base)}"]
        experiment = runs[0]["info"]["experiment_id"]
        seen = [_seen(run) for run in _search(base, [experiment], 500)]
        elsewhere = _last_sweep(base, ids) if all(run.sweep_id is None for run in seen) else None
    except requests.RequestException as error:
        if error.response is not None and error.response.status_code in (401, 403):
            return [f"the runs are at {without_password(base)}"]
        raise UserError(f"{without_password(base)} does not answer as an MLflow server does") from error
    found = _lines(base, experiment, seen)
    if elsewhere is not None:  # single runs have come since, in another experiment, or very many
        of_sweep = _lines(base, *elsewhere)
        found |= {"the last sweep": of_sweep.pop("compare all runs"), **of_sweep}
    width = max(map(len, found)) + 1
    return [f"{label + ':':<{width}} {link}" for label, link in found.items()]


def _last_sweep(base: str, experiments: list[str]) -> tuple[str, list[SeenRun]] | None:
    """Return the experiment and the runs of the sweep that was begun last in any experiment, or None."""
    newest = next(iter(_search(base, experiments, 1, "tags.sweep_id != ''")), None)
    sweep_id = _seen(newest).sweep_id if newest else None
    if newest is None or sweep_id is None:
        return None
    experiment = newest["info"]["experiment_id"]
    quoted = sweep_id.replace("'", "")
    return experiment, [_seen(run) for run in _search(base, [experiment], 500, f"tags.sweep_id = '{quoted}'")]


def _lines(base: str, experiment: str, seen: list[SeenRun]) -> dict[str, str]:
    """Return label to link."""
    sweep_id = next((run.sweep_id for run in seen if run.sweep_id is not None), None)  # also after single runs
    swept = [run for run in seen if run.sweep_id == sweep_id]
    is_all = sweep_id is None or len(swept) == len(seen)
    found = {} if is_all else {"compare all runs": _link(base, experiment, view(seen))}
    every, chosen = ("compare all runs", None) if is_all else ("the last sweep", sweep_id)
    found[every] = _link(base, experiment, view(swept, sweep_id=chosen))
    if has_several_seeds([run for run in swept if not run.is_answer]):
        found["seeds averaged"] = _link(base, experiment, view(swept, sweep_id=chosen, average_seeds=True))
    answer = next((run for run in swept if run.page), None)
    if answer is not None:
        page = f"{without_password(base)}/#/experiments/{experiment}/runs/{answer.run_id}/artifacts/{answer.page}"
        found["its report"] = f"{page}?{MACHINE_LEARNING}"
    return found


def _link(base: str, experiment: str, shared: SharedView) -> str:
    page = f"{without_password(base)}/#/experiments/{experiment}/runs?{MACHINE_LEARNING}&compareRunsMode=CHART"
    try:
        _ask(
            base,
            "experiments/set-experiment-tag",
            {"experiment_id": experiment, "key": TAG + shared.key, "value": shared.value},
        )
    except requests.RequestException:
        return page
    return f"{page}&viewStateShareKey={shared.key}"


def _search(base: str, experiments: list[str], most: int, which: str = "") -> list[dict[str, Any]]:
    query: dict[str, Any] = {
        "experiment_ids": experiments,
        "max_results": most,
        "order_by": ["attributes.start_time DESC"],
    }
    query |= {"filter": which} if which else {}
    runs: list[dict[str, Any]] = _ask(base, "runs/search", query).get("runs", [])
    return runs


def _seen(run: dict[str, Any]) -> SeenRun:
    data = run.get("data", {})
    params, tags = ({entry["key"]: entry["value"] for entry in data.get(kind, [])} for kind in ("params", "tags"))
    is_answer = "sweep_id" in tags and "job" not in tags
    linked = re.search(r"/artifacts/([^)?]+)[^)]*\)", tags.get("mlflow.note.content", "")) if is_answer else None
    return SeenRun(
        params,
        frozenset(metric["key"] for metric in data.get("metrics", [])),
        tags.get("sweep_id"),
        run["info"].get("run_id", ""),
        is_answer,
        linked[1] if linked else "",
    )


def _ask(base: str, what: str, query: dict[str, Any]) -> dict[str, Any]:
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")  # of a web server in front of MLflow's
    login = (name, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if name else None
    answer = requests.post(f"{base}/api/2.0/mlflow/{what}", json=query, timeout=_ASK_SECONDS, auth=login)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return content


_FIRST = ("optimizer", "init")
_NOT_COMPARED = ("seed", "parameters")


@dataclass(frozen=True)
class SeenRun:
    """What of a run decides how its experiment is shown.

    Attributes:
        params: by name.
        metrics: names of what was measured.
        sweep_id: of the sweep that it belongs to, or None.
        run_id: of MLflow.
        is_answer: whether it is no run like the others but a comparison of them.
        page: file among its artifacts that shows the answer, or "".
    """

    params: Mapping[str, str]
    metrics: frozenset[str]
    sweep_id: str | None = None
    run_id: str = ""
    is_answer: bool = False
    page: str = ""


def varying_params(runs: Sequence[SeenRun]) -> list[str]:
    """Return the parameters in which runs differ, other than the seed, in alphabetical order."""
    names = sorted(set().union(*(run.params for run in runs)))
    return [name for name in names if name not in _NOT_COMPARED and len({run.params.get(name) for run in runs}) > 1]


def has_several_seeds(runs: Sequence[SeenRun]) -> bool:
    """Tell whether some runs differ in nothing but the seed."""
    varying = varying_params(runs)
    return len(_groups(runs, varying)) < len(_groups(runs, [*varying, "seed"]))


def grouping(runs: Sequence[SeenRun]) -> list[str]:
    """Return the fewest parameters that tell runs apart as well as all of them but the seed.

    Left out is what follows from the rest: the learning rate's default from the optimizer.
    """
    varying = varying_params(runs)
    kept: list[str] = []
    for name in dict.fromkeys((*(name for name in _FIRST if name in varying), *varying)):
        if len(_groups(runs, [*kept, name])) > len(_groups(runs, kept)):
            kept.append(name)
    return kept or [_FIRST[0]]


def _groups(runs: Sequence[SeenRun], keys: Sequence[str]) -> dict[tuple[str | None, ...], None]:
    """Return the different values of some parameters, as the keys of an ordered set."""
    return dict.fromkeys(tuple(run.params.get(key) for key in keys) for run in runs)


TAG = "mlflow.sharedViewState."
_FIRST_PARAMS = ("optimizer", "init")
_COLUMNS_BEFORE = ("0", "attributes.`Run Name`", "runDateAndNestInfo", "duration")  # the grid's own names; 0 is the tick box
_OVERVIEW = "nnreg-overview"
_MANY = 60  # runs above which the pages draw 20 only


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
    metrics = [f"metrics.`{name}`" for row in METRICS.values() if row.column and (name := _summarised(row.name, seen)) in seen]
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
    for metric in (*leading_metrics(VALID), VALID_LOSS, DESCENT_VALUE):
        if (name := _summarised(metric, seen)) in seen:
            return {"orderByKey": f"metrics.`{name}`", "orderByAsc": not is_higher_better(metric)}
    return {}


FORMER = "summary/"  # what numbers of a run's end began with in the stores of earlier versions


def _summarised(metric: str, seen: frozenset[str]) -> str:
    """Return the name that a run's last value of a metric has in the store."""
    name = summarised(summary_name(metric))
    return f"{FORMER}{name}" if name not in seen and f"{FORMER}{name}" in seen else name


def _is_summary(metric: str) -> bool:
    """Tell whether it is a number of a run's end, and no curve."""
    row = METRICS.get(metric)
    return metric.startswith(FORMER) or ("/" not in metric and (row is None or row.recorded == "summary"))


def _sections() -> list[dict[str, Any]]:
    common = {"display": True, "isReordered": True, "isGenerated": False, "columns": 2, "cardHeight": 330}
    return [{"uuid": f"nnreg-{name}", "name": name} | common for name in ("overview", "summary")]


def _charts(seen: frozenset[str], of_answers: frozenset[str]) -> list[dict[str, Any]]:
    charts = [_curve(row) for row in METRICS.values() if row.scale and row.name in seen]
    results = [_summarised(metric, seen) for metric in (*leading_metrics(TEST), *leading_metrics(VALID), TRAIN_LOSS)]
    charts += [_bar(metric) | {"metricSectionId": _OVERVIEW} for metric in results if metric in seen][:1]
    shown = {chart["metricKey"] for chart in charts}
    charts += [_bar(metric) for metric in sorted(seen) if _is_summary(metric) and metric not in shown]
    repeated = [row.name for row in METRICS.values() if row.recorded == "once" and row.name in seen]  # in the summary too
    left_out = repeated + sorted(of_answers)
    return charts + [_bar(metric) | {"deleted": True} for metric in left_out]


def _curve(metric: Metric) -> dict[str, Any]:
    return _bar(metric.name) | {
        "type": "LINE",
        "metricSectionId": _OVERVIEW,
        "scaleType": metric.scale,
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
        "displayName": metric.removeprefix(FORMER),
        "metricSectionId": "nnreg-summary",
        "runsCountToCompare": _MANY,
        "deleted": False,
        "isGenerated": False,
    }
