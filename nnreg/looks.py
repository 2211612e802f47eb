"""The picture at the end of a sweep of looks at untrained layers: none is better or worse, so nothing is compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnreg.comparison.differences import find_axes
from nnreg.comparison.naming import settings_name
from nnreg.records.results import Results, read_results

PICTURE = "outputs.png"
MOST_ROWS = 12


def draw(folders: Mapping[Path, Mapping[str, Any]], home: Path) -> list[Path]:
    """Draw all runs of a sweep that ended as a result.

    Args:
        folders: run folder to what its ``summary.json`` says.
        home: of the sweep, written to.

    Returns:
        The files written, none where no run has a result.
    """
    from nnreg.figures.layers import histograms
    from nnreg.figures.page import save_figure

    ended = {path: "" for path, summary in folders.items() if summary["status"] == "finished"}
    runs = _named(read_results(ended))
    if not len(runs):
        return []
    depth = max(len(run.history.series("outputs/std")[0]) for run in runs)
    title = f"Which signal is still alive after {depth} layer{'s' if depth > 1 else ''}?"
    note = f"The first {MOST_ROWS} of {len(runs)} runs." if len(runs) > MOST_ROWS else ""
    common = [names for names in (runs.by(kind) for kind in ("activation", "init", "norm", "dropout")) if len(names) == 1]
    subtitle = ", ".join(str(name).replace("_", " ") for names in common for name in names if name != "none")
    save_figure(histograms(Results(list(runs)[:MOST_ROWS]), {"subtitle": subtitle, "note": note}, title), home / PICTURE)
    return [home / PICTURE]


def _named(runs: Results) -> Results:
    """Return the runs, each called by what was swept; the seed where nothing else was."""
    apart = find_axes(list(runs)) if len(runs) else None
    names = (
        [settings_name({key: values[key] for key in apart.shown if key in values}) for values in apart.values] if apart else []
    )
    seeded = [
        name or (f"seed {run.seed}" if len(runs) > 1 else run.summary["label"]) for name, run in zip(names, runs, strict=True)
    ]
    return Results(dataclasses.replace(run, arm=str(name)) for run, name in zip(runs, seeded, strict=True))
