"""The end of a sweep: one table of all its runs, best first, failures named, read from the run folders."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from nnreg import comparing, tasks
from nnreg.recording.console import print_line, shown
from nnreg.recording.disk import discard, read_summary

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

started: Path | None = None
"""Folder of the sweep that this process has begun, for the command line to tidy up if it cannot be composed."""


class SweepTable(Callback):
    """Hydra calls this around a sweep."""

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """Remember the folder."""
        global started
        started = Path(config.hydra.sweep.dir).absolute()

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        """Print the table; end the program with code 1 if a run failed."""
        folder = Path(config.hydra.sweep.dir).absolute()
        failed = report(folder, Console(highlight=False))
        if failed:
            raise SystemExit(1)


def report(folder: Path, console: Console) -> int:
    """Print all runs below a sweep's folder, best first, and return how many failed.

    Best is the highest final validation accuracy, or R², then the lowest final training loss; of descents the one that arrived
    first, then the one that ended lowest. Looks at untrained layers keep their order. Failed runs come last.
    """
    runs = [(path, summary) for path in _jobs(folder) if (summary := read_summary(path)) is not None]
    if not runs:
        raise SystemExit(_nothing(folder))
    runs_in_order = list(runs)
    runs.sort(key=lambda run: _rank(run[1]))
    console.print()
    console.print(_table([summary for _, summary in runs]))
    for path, summary in runs:
        if summary["status"] == "failed":
            print_line(console, f"failed #{summary['job']}", f"{summary['error']}  ({path})")
    swept = _swept([summary for _, summary in runs])
    for picture in comparing.compare(dict(runs_in_order), folder, swept):
        print_line(console, "picture", str(picture))
    failed = sum(1 for _, summary in runs if summary["status"] == "failed")
    print_line(console, "runs", f"{len(runs)}" + (f", {failed} failed" if failed else ""))
    print_line(console, "sweep folder", str(folder))
    print_line(console, "look at it", "python -m nnreg ui")
    return failed


def _nothing(folder: Path) -> str:
    discard(folder)
    return "nnreg: the sweep has no runs: its glob matches nothing; see `python -m nnreg plugins`"


def _jobs(folder: Path) -> list[Path]:
    return (
        sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: (len(path.name), path.name))
        if folder.is_dir()
        else []
    )


def _rank(summary: dict[str, Any]) -> tuple[int, float, float]:
    order = ("finished", "diverged", "killed", "failed").index(summary["status"])
    metrics = summary["metrics"]
    if summary.get("task") == tasks.DESCEND:
        return order, metrics.get("descent/steps_to_tolerance", math.inf), metrics.get("descent/value", math.inf)
    quality = metrics.get("valid/accuracy_final", metrics.get("valid/r2_final", 0.0))
    return order, -quality, metrics.get("train/loss_final", math.inf)


def _table(summaries: list[dict[str, Any]]) -> Table:
    swept = _swept(summaries)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("#", justify="right")
    for key in swept:
        table.add_column(key, overflow="fold")
    measured = [name for name in COLUMNS if any(name in summary["metrics"] for summary in summaries)]
    for column in (*(COLUMNS[name] for name in measured), "seconds"):
        table.add_column(column, justify="right")
    table.add_column("")
    for summary in summaries:
        metrics = summary["metrics"]
        values = [(name, metrics.get(name)) for name in measured]
        cells = ["-" if value is None else shown(name.removesuffix("_final"), value) for name, value in values]
        cells.append(f"{summary['seconds']:.1f}")
        note = {"finished": "", "diverged": f"diverged at step {summary['diverged_at_step']}"}.get(
            summary["status"], summary["status"]
        )
        given = dict(override.split("=", 1) for override in summary["overrides"] if "=" in override)
        table.add_row(str(summary["job"]), *(given.get(key, "") for key in swept), *cells, note)
    return table


def _swept(summaries: list[dict[str, Any]]) -> list[str]:
    """Return the overridden keys that differ between runs; all of them where none does."""
    given = [dict(override.split("=", 1) for override in summary["overrides"] if "=" in override) for summary in summaries]
    keys = list(dict.fromkeys(key for overrides in given for key in overrides))
    return [key for key in keys if len({overrides.get(key) for overrides in given}) > 1] or keys
