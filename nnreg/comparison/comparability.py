"""Whether runs can be compared at all: one task, one loss, the same data; a refusal names the runs and what to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnreg.comparison.axes import LOCATIONS, frozen
from nnreg.errors import UserError
from nnreg.records.results import Result
from nnreg.settings import ACTIVATIONS, DESCEND, task_of

Found = Mapping[Path, Sequence[Result]]


def check(found: Found) -> None:
    """Refuse runs whose numbers mean different things.

    Args:
        found: the runs in each given folder.

    Raises:
        UserError: they differ in task or loss, or one given folder has data, or surfaces, that another lacks.
    """
    runs = [run for folder in found.values() for run in folder]
    _one(runs, "task", [task_of(run.summary) for run in runs])
    if task_of(runs[0].summary) == ACTIVATIONS:
        raise UserError("looks at untrained layers are not compared: none is better or worse; see outputs.png of the sweep")
    _one(runs, "loss", [run.summary["choices"].get("loss", "") for run in runs])
    _same_ground(found, "surface" if task_of(runs[0].summary) == DESCEND else "dataset")


def _one(runs: Sequence[Result], key: str, values: Sequence[str]) -> None:
    """Refuse values that differ."""
    other = next((number for number, value in enumerate(values) if value != values[0]), None)
    if other is not None:
        raise UserError(
            f"these runs cannot be compared: {runs[0].folder} has {key}={values[0]}, {runs[other].folder} has "
            f"{key}={values[other]}; compare those of one {key} at a time"
        )


def _same_ground(found: Found, kind: str) -> None:
    """Refuse data that changed under one name, and given folders of which one has data, or surfaces, that another lacks."""
    first_of: dict[tuple[Any, ...], Result] = {}
    for run in (run for runs in found.values() for run in runs if _digest(run)):
        same = first_of.setdefault(_ground(run, kind), run)
        if _digest(same) != _digest(run):
            _refuse(kind, (same.folder, same), (run.folder, run))
    digests = {ground: _digest(run) for ground, run in first_of.items()}
    grounds = {
        folder: {digests.get(_ground(run, kind), _ground(run, kind)): run for run in runs} for folder, runs in found.items()
    }
    (first, known), *others = grounds.items()
    for folder, grounded in others:
        for one, here, other, there in ((first, known, folder, grounded), (folder, grounded, first, known)):
            odd = next((there[ground] for ground in there if ground not in here), None)
            if odd is not None:
                _refuse(kind, (one, next(iter(here.values()))), (other, odd))


def _refuse(kind: str, one: tuple[Path, Result], other: tuple[Path, Result]) -> None:
    (first, run), (folder, odd) = one, other
    names = [str(each.summary["choices"].get(kind, "")) for each in (run, odd)]
    if names[0] == names[1]:
        said = f"{first} and {folder} have {kind}={names[0]} with different {'rows' if kind == 'dataset' else 'settings'}"
        raise UserError(f"these runs cannot be compared: {said}; run them again on the same, or compare them one by one")
    raise UserError(
        f"these runs cannot be compared: {first} has {kind}={names[0]}, {folder} has {kind}={names[1]}; compare those of one "
        f"{kind} at a time, or sweep over it: -m {kind}={','.join(sorted(names))}"
    )


def _ground(run: Result, kind: str) -> tuple[Any, ...]:
    """Return what a run was let loose on: the technique and its parameters; where a dataset's files lie does not matter."""
    node = run.config.get(kind) or {}  # a choice is a mapping; what was not chosen may be anything
    start = run.config.get("start") if kind == "surface" else None
    return (run.summary["choices"].get(kind), frozen({key: node[key] for key in node if key not in LOCATIONS}), frozen(start))


def _digest(run: Result) -> str:
    return str((run.summary["dataset"] or {}).get("digest", ""))
