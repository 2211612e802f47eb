"""The choice between trials: which parameter is tuned, by which metric, and which value is best."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnreg import registry, tasks
from nnreg.recording.disk import SUMMARY
from nnreg.records import TRAIN_LOSS, VALID_LOSS
from nnreg.sweeps.search_ranges import declared_by

DECIDING: Mapping[str, Sequence[str]] = {
    tasks.TRAIN: (f"{VALID_LOSS}_final", f"{TRAIN_LOSS}_final"),
    tasks.DESCEND: ("descent/value",),
}
"""Metrics that a choice is made by, lowest first; the first that the runs have."""
TIES = ("valid/accuracy_final", "valid/r2_final")  # of equals the highest
USUAL = "lr"


def kind_of(slot: str) -> str:
    """Return the kind of technique in a place of a configuration."""
    return registry.slots()[slot]


def declared(kind: str, technique: str) -> bool:
    """Tell whether a technique declares a range for anything."""
    return bool(declared_by(kind, technique))


def parameter_of(kind: str, techniques: Sequence[str]) -> str:
    """Return what is tuned of some techniques: what the first that declares a range declares first, else the learning rate."""
    found = [list(declared_by(kind, technique)) for technique in techniques]
    if any(USUAL in names for names in found):
        return USUAL
    return next((names[0] for names in found if names), USUAL)


def best(trials: Mapping[str, Mapping[float, Sequence[Path]]], task: str) -> tuple[str, dict[str, float]]:
    """Choose a value for each combination: the lowest mean over the seeds; of equals the highest accuracy, then the lowest one.

    A value at which a run diverged or failed is taken only where each has such a run; the lowest is, then.

    Args:
        trials: combination to value to the folders of its runs.
        task: of the runs.

    Returns:
        The metric that decided, and combination to value.
    """
    runs = {
        name: {value: [_ended(folder) for folder in folders] for value, folders in values.items()}
        for name, values in trials.items()
    }
    metrics = {metric for values in runs.values() for ended in values.values() for run in ended if run for metric in run}
    by = next((metric for metric in DECIDING[task] if metric in metrics), DECIDING[task][0])
    return by, {name: min(values, key=lambda value: _rank(values[value], by, value)) for name, values in runs.items()}


def _rank(runs: Sequence[Mapping[str, float] | None], by: str, value: float) -> tuple[bool, float, float, float]:
    results = [run.get(by, math.nan) if run is not None else math.nan for run in runs]
    if not all(map(math.isfinite, results)):
        return True, 0.0, 0.0, value
    quality = [run.get(name, 0.0) for run in runs if run for name in TIES if name in run]
    return False, math.fsum(results) / len(results), -math.fsum(quality), value


def _ended(folder: Path) -> dict[str, float] | None:
    """Return the metrics of a run that finished, or None."""
    try:
        facts: Any = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        finished = facts["status"] == "finished"
        return {str(name): float(value) for name, value in facts["metrics"].items()} if finished else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
