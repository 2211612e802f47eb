"""The one picture at the end of a sweep of descents, or of looks at untrained layers: all its runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnreg import registry, results, tasks
from nnreg.results import Results

NAMES = {tasks.DESCEND: "paths.png", tasks.ACTIVATIONS: "outputs.png"}
MOST_ROWS = 12


def compare(folders: Mapping[Path, Mapping[str, Any]], folder: Path, swept: Sequence[str]) -> list[Path]:
    """Draw all runs of a sweep that ended as a result, if their task has a picture.

    Args:
        folders: run folder to what its ``summary.json`` says.
        folder: of the sweep, written to.
        swept: the settings in which the runs differ.

    Returns:
        The files written, none where there is nothing to compare.
    """
    kept = {path: summary for path, summary in folders.items() if summary["status"] in ("finished", "diverged")}
    found = {str(summary.get("task", tasks.TRAIN)) for summary in kept.values()}
    task = found.pop() if len(found) == 1 else tasks.TRAIN
    if task not in NAMES:
        return []
    runs = results.read({path: arm(summary, swept) for path, summary in kept.items()})
    return _paths(runs, folder) if task == tasks.DESCEND else _outputs(runs, folder)


def arm(summary: Mapping[str, Any], swept: Sequence[str]) -> str:
    """Return how a run of a sweep is called: ``adam, lr 0.1``; the seed only where nothing else differs."""
    given = dict(override.split("=", 1) for override in summary["overrides"] if "=" in override)
    keys = [key for key in swept if key != "seed"] or list(swept)
    parts = []
    for key in (key for key in keys if key in given):
        is_technique = key.rpartition("@")[2] in registry.slots()
        parts.append(given[key].replace("_", " ") if is_technique else f"{key.rpartition('.')[2]} {given[key]}")
    return ", ".join(parts) or str(summary["label"])


def _paths(runs: Results, folder: Path) -> list[Path]:
    from nnreg.figures.animation import animate
    from nnreg.figures.paths import picture
    from nnreg.figures.saving import save

    surfaces, rules = list(runs.by("surface")), list(runs.by("optimizer"))
    where = str(surfaces[0]).replace("_", " ") if len(surfaces) == 1 else "each surface"
    drawn = picture(runs, {}, f"How do they descend {where}?" if len(rules) > 1 else f"How does {rules[0]} descend {where}?")
    files = [folder / NAMES[tasks.DESCEND]]
    save(drawn.figure, files[0])
    kind = str(runs[0].config.get("animate", "off"))
    if kind != "off":
        files.append(files[0].with_suffix(f".{kind}"))
        animate(drawn, files[1])
    return files


def _outputs(runs: Results, folder: Path) -> list[Path]:
    from nnreg.figures.histograms import histograms
    from nnreg.figures.saving import save

    depth = max(len(run.history.series("outputs/std")[0]) for run in runs)
    title = f"Which signal is still alive after {depth} layer{'s' if depth > 1 else ''}?"
    note = f"The first {MOST_ROWS} of {len(runs)} runs." if len(runs) > MOST_ROWS else ""
    common = [names for names in (runs.by(kind) for kind in ("activation", "init", "norm", "dropout")) if len(names) == 1]
    subtitle = ", ".join(str(name).replace("_", " ") for names in common for name in names if name != "none")
    file = folder / NAMES[tasks.ACTIVATIONS]
    save(histograms(Results(list(runs)[:MOST_ROWS]), {"subtitle": subtitle, "note": note}, title), file)
    return [file]
