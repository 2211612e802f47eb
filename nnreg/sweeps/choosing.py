"""The choice between trials: which parameter is tuned, by which metric, and which value is best."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnreg.comparison import rates
from nnreg.records.folder import SUMMARY
from nnreg.registry import entries
from nnreg.sweeps.search_ranges import declared_by

USUAL = "lr"


def kind_of(slot: str) -> str:
    """Return the kind of technique in a place of a configuration."""
    return entries.slots()[slot]


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
    """Choose a value for each combination as a comparison of the same runs does: see ``rates.best_of``.

    Args:
        trials: combination to value to the folders of its runs.
        task: of the runs.

    Returns:
        The metric that decided, and combination to value.
    """
    runs = {
        name: {value: [_summary(folder) for folder in folders] for value, folders in values.items()}
        for name, values in trials.items()
    }
    by = rates.deciding((run for values in runs.values() for ended in values.values() for run in ended), rates.DECIDING[task])
    return by, {name: rates.best_of(values) for name, values in runs.items()}


def _summary(folder: Path) -> rates.Summary:
    """Return how a run ended; nothing of one whose summary is missing or damaged: it is lost."""
    try:
        facts: Any = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return {"status": facts["status"], "metrics": {str(name): float(value) for name, value in facts["metrics"].items()}}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
