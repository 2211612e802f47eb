"""The links to MLflow's pages that ``nnreg ui`` prints, each with a view of its own that is written beside the runs."""

from __future__ import annotations

import os
import re
from typing import Any

import requests

from nnreg.errors import UserError
from nnreg.pages.run_groups import SeenRun, has_several_seeds
from nnreg.pages.shared_view import TAG, SharedView, view
from nnreg.recording.tracking_target import without_password

_ASK_SECONDS = 10.0
_MACHINE_LEARNING = "workflowType=machine_learning"  # or the pages are dressed for language models


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
    except requests.RequestException as error:
        if error.response is not None and error.response.status_code in (401, 403):
            return [f"the runs are at {without_password(base)}"]
        raise UserError(f"{without_password(base)} does not answer as an MLflow server does") from error
    found = _lines(base, experiment, seen)
    width = max(map(len, found)) + 1
    return [f"{label + ':':<{width}} {link}" for label, link in found.items()]


def _lines(base: str, experiment: str, seen: list[SeenRun]) -> dict[str, str]:
    """Return label to link."""
    sweep_id = seen[0].sweep_id
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
        found["its report"] = f"{page}?{_MACHINE_LEARNING}"
    return found


def _link(base: str, experiment: str, shared: SharedView) -> str:
    page = f"{without_password(base)}/#/experiments/{experiment}/runs?{_MACHINE_LEARNING}&compareRunsMode=CHART"
    try:
        _ask(
            base,
            "experiments/set-experiment-tag",
            {"experiment_id": experiment, "key": TAG + shared.key, "value": shared.value},
        )
    except requests.RequestException:
        return page
    return f"{page}&viewStateShareKey={shared.key}"


def _search(base: str, experiments: list[str], most: int) -> list[dict[str, Any]]:
    query = {"experiment_ids": experiments, "max_results": most, "order_by": ["attributes.start_time DESC"]}
    runs: list[dict[str, Any]] = _ask(base, "runs/search", query).get("runs", [])
    return runs


def _seen(run: dict[str, Any]) -> SeenRun:
    data = run.get("data", {})
    params, tags = ({entry["key"]: entry["value"] for entry in data.get(kind, [])} for kind in ("params", "tags"))
    is_answer = "sweep_id" in tags and "job" not in tags
    linked = re.search(r"/artifacts/([^)]+)\)", tags.get("mlflow.note.content", "")) if is_answer else None
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
