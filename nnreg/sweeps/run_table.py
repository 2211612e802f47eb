"""One row a run, for a sweep whose runs are not compared: best first by what each recorded, failed ones last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from nnreg.runs.console import shown
from nnreg.settings import DESCEND, task_of

COLUMNS = {
    "train/loss_final": "train loss",
    "valid/accuracy_final": "valid acc.",
    "valid/r2_final": "valid R²",
    "test/accuracy": "test acc.",
    "test/r2": "test R²",
    "descent/value": "final value",
    "descent/distance": "distance",
    "descent/path_length": "path length",
    "descent/steps_to_tolerance": "steps to arrive",
    "outputs/mean": "last mean",
    "outputs/std": "last std",
    "outputs/saturated": "saturated",
    "outputs/dead": "dead units",
}

Summary = Mapping[str, Any]


def table_of_runs(runs: Mapping[Path, Summary]) -> Table:
    """Return the table of some runs, given by folder with what their ``summary.json`` says.

    Best is the highest final validation accuracy, or R², then the lowest final training loss; of descents the one that arrived
    first, then the one that ended lowest. Looks at untrained layers keep their order. Failed runs come last.
    """
    summaries = sorted(runs.values(), key=_rank)
    swept = differing(summaries)
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("#", justify="right")
    for key in swept:
        made.add_column(key, overflow="fold")
    measured = [name for name in COLUMNS if any(name in summary["metrics"] for summary in summaries)]
    for column in (*(COLUMNS[name] for name in measured), "seconds"):
        made.add_column(column, justify="right")
    made.add_column("")
    for summary in summaries:
        metrics, given = summary["metrics"], typed(summary)
        values = [(name, metrics.get(name)) for name in measured]
        cells = ["-" if value is None else shown(name.removesuffix("_final"), value) for name, value in values]
        made.add_row(
            str(summary["job"]), *(given.get(key, "") for key in swept), *cells, f"{summary['seconds']:.1f}", _note(summary)
        )
    return made


def typed(summary: Summary) -> dict[str, str]:
    """Return what was typed for a run, by key."""
    return dict(override.split("=", 1) for override in summary["overrides"] if "=" in override)


def differing(summaries: Sequence[Summary]) -> list[str]:
    """Return the overridden keys that differ between runs; all of them where none does."""
    given = [typed(summary) for summary in summaries]
    keys = list(dict.fromkeys(key for overrides in given for key in overrides))
    return [key for key in keys if len({overrides.get(key) for overrides in given}) > 1] or keys


def _rank(summary: Summary) -> tuple[int, float, float]:
    order = ("finished", "diverged", "killed", "failed").index(summary["status"])
    metrics = summary["metrics"]
    if task_of(summary) == DESCEND:
        return order, metrics.get("descent/steps_to_tolerance", math.inf), metrics.get("descent/value", math.inf)
    quality = metrics.get("valid/accuracy_final", metrics.get("valid/r2_final", 0.0))
    return order, -quality, metrics.get("train/loss_final", math.inf)


def _note(summary: Summary) -> str:
    notes = {"finished": "", "diverged": f"diverged at step {summary['diverged_at_step']}"}
    return notes.get(summary["status"], str(summary["status"]))
