"""A sweep's comparison as one MLflow run beside its runs: begun last, so it stands on top of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from nnreg.comparison import files, report
from nnreg.comparison.axes import grounds
from nnreg.comparison.findings import FOLDER, Findings
from nnreg.records.manifest import read_manifest
from nnreg.records.results import Results
from nnreg.tracking.answer import AnswerRun, log_answer

LABEL = "comparison"


def log(comparison: Findings, home: Path, warn: Callable[[str], None]) -> Sequence[tuple[str, str]]:
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
        command=manifest.command if manifest is not None and manifest.command else report.command(comparison),
        sweep_id=home.name,
        metrics=metrics(comparison),
        about=f"**{comparison.answer}**\n\n{comparison.fairness}",
        page=files.REPORT,
        overrides=tuple(word for word in manifest.overrides if not word.startswith("seed=")) if manifest is not None else (),
        seconds=float(manifest.seconds) if manifest is not None and manifest.seconds is not None else 0.0,
    )
    return log_answer(answer, runs, warn)


def metrics(comparison: Findings) -> dict[str, float]:
    """Return what MLflow's table shows of a comparison: how many runs, and how the best arm did where there is one best."""
    found: dict[str, float] = {
        "arms": len(comparison.gathered.arms),
        "runs": sum(len(arm.runs) for arm in comparison.gathered.arms),
        "runs/diverged": sum(each.diverged for each in comparison.standings),
        "runs/failed": sum(each.failed for each in comparison.standings),
        "seeds": len(comparison.gathered.seeds),
    }
    if grounds(comparison.gathered.axes):  # the best on one dataset is not the best
        return found
    best = comparison.standings[0]
    for name in (comparison.metric, "test/accuracy", "test/r2"):
        mean = best.mean(name)
        if math.isfinite(mean):
            found[f"best/{name.replace('/', '_')}"] = mean
    return found
