"""`nnreg compare`, and the comparison as one MLflow run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nnreg.comparison.compare import Comparison, compare, show_comparison
from nnreg.comparison.differences import grounds
from nnreg.comparison.findings import FOLDER, Findings
from nnreg.comparison.report import html
from nnreg.comparison.report.files import REPORT, plain_content, read_files
from nnreg.console import print_line, terminal
from nnreg.errors import UserError
from nnreg.records.manifest import read_manifest
from nnreg.records.metrics import TEST, leading_metrics
from nnreg.records.results import Results
from nnreg.tracking.sink import AnswerRun, log_answer

LABEL = "comparison"


def log_comparison(comparison: Findings, home: Path, warn: Callable[[str], None]) -> Sequence[tuple[str, str]]:
    """Log a comparison that was saved in a sweep's folder; nothing happens where the runs are not tracked.

    Args:
        comparison: what was found.
        home: of the sweep; its ``comparison`` folder becomes the artifacts.
        warn: takes one line for the user.

    Returns:
        Where to look, as (label, text) lines.
    """
    runs = Results(run for arm in comparison.gathered.arms for run in arm.runs)
    manifest = read_manifest(home)
    answer = AnswerRun(
        label=LABEL,
        folder=home / FOLDER,
        command=manifest.command if manifest is not None and manifest.command else html.command(comparison),
        sweep_id=home.name,
        metrics=metrics(comparison),
        about="\n\n".join([*(f"**{line}**" for line in comparison.answers), comparison.fairness]),
        page=REPORT,
        overrides=tuple(word for word in manifest.overrides if not word.startswith("seed=")) if manifest is not None else (),
        seconds=float(manifest.seconds) if manifest is not None and manifest.seconds is not None else 0.0,
    )
    return log_answer(answer, runs, warn)


def metrics(comparison: Findings) -> dict[str, float]:
    """Return what MLflow's table shows of a comparison: how many runs, and how the best arm did where there is one best."""
    found: dict[str, float] = {
        "arms": len(comparison.gathered.arms),
        "runs": sum(len(arm.runs) for arm in comparison.gathered.arms),
        "runs/diverged": sum(each.untrained for each in comparison.standings),
        "runs/failed": sum(each.failed for each in comparison.standings),
        "seeds": len(comparison.gathered.seeds),
    }
    if grounds(comparison.gathered.axes):  # the best on one dataset is not the best
        return found
    best = comparison.standings[0]
    for name in (comparison.metric, *leading_metrics(TEST)):
        mean = best.mean(name)
        if math.isfinite(mean):
            found[f"best/{name.replace('/', '_')}"] = mean
    return found


HOME = Path("comparisons")
_SETTINGS = ("metric", "target", "axes")


def compare_command(
    folders: Sequence[Path],
    *,
    metric: str | None = None,
    target: str | None = None,
    axes: str | None = None,
    folder: Path | None = None,
) -> int:
    """Compare, print table and answer, and write the report.

    What is not given is what the sweep was told, where there is one sweep.

    Args:
        folders: of sweeps, studies or runs.
        metric: to rank and compare by.
        target: such as ``valid/accuracy=0.95``.
        axes: two swept settings, with a comma between them.
        folder: for the report.

    Returns:
        The exit code.

    Raises:
        UserError: the runs cannot be read or compared, or the report cannot be written.
    """
    told = _told(folders)
    compared = compare(
        folders,
        metric=metric or told.get("metric"),
        target=target or told.get("target"),
        axes=_pair(axes) if axes else told.get("axes"),
    )
    console = terminal()
    show_comparison(compared, console)
    for each in compared.gathered.left_out:
        print_line(console, "left out", f"{each.folder}: {each.why}")
    place = folder or _place(folders, compared)
    try:
        page = compared.save(place)
    except OSError as error:
        raise UserError(
            f"the report cannot be written to {place}: {error.strerror}; choose another place with --folder"
        ) from error
    print_line(console, "report", str(page.absolute()))
    return 0


def _told(folders: Sequence[Path]) -> dict[str, Any]:
    """Return how a sweep was told to be compared."""
    manifest = read_manifest(folders[0]) if len(folders) == 1 else None
    settings = manifest.settings if manifest is not None and manifest.settings is not None else {}
    told: dict[str, Any] = {name: settings.get(name) for name in _SETTINGS}
    axes = [str(axis) for axis in told["axes"]] if isinstance(told["axes"], list) else []
    named = {name: value for name, value in told.items() if isinstance(value, str)}
    return named | ({"axes": tuple(axes)} if len(axes) == 2 else {})


def _pair(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.strip("[]()").split(",") if name.strip()]
    if len(names) != 2:
        raise UserError(f"--axes takes two swept settings, such as --axes optimizer,init, got '{text}'")
    return names[0], names[1]


def _place(folders: Sequence[Path], compared: Comparison) -> Path:
    """Return where a report goes: beside the runs of a single sweep, else a new folder here.

    A comparison by another metric or target than that which lies there leaves it as it is.
    """
    if len(folders) == 1 and not (folders[0] / "config.yaml").is_file():
        own, content = folders[0] / FOLDER, plain_content(compared)
        if own.is_symlink():
            raise UserError(f"{own} is a symbolic link: say where the report shall be with --folder")
        there = read_files(own)
        is_other = any(there.get(name, content[name]) != content[name] for name in ("metric", "target"))
        return own.with_name(f"{own.name}-{compared.metric.replace('/', '-')}") if is_other else own
    return HOME / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
