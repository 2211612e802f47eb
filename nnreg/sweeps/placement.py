"""Which run of a sweep is in which folder, and which are already there: told by the hash of their configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from nnreg.records.card import config_hash
from nnreg.records.folder import CONFIG, SUMMARY
from nnreg.records.results import Result, read_run

COMPLETE = ("finished", "diverged")
"""Endings that are results: such a run is not done again."""


class Place(NamedTuple):
    """Where a run of a sweep is, or is to be.

    Attributes:
        folder: its name, below that of the sweep or of the tuning.
        status: what the run in it says of itself; "" where there is none.
    """

    folder: str
    status: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to do."""
        return self.status in COMPLETE


def place(wanted: Sequence[str], home: Path) -> list[Place]:
    """Find a folder for each run.

    A run that is there keeps its folder. One that is not gets that of its number, as if nothing had disturbed the sweep; where
    another configuration is in that, a number that no run has.

    Args:
        wanted: hash of the configuration of each run, in their order; "" for one that is not known.
        home: folder of their folders.

    Returns:
        A place for each.
    """
    there = {folder.name: found for folder in _folders(home) if (found := _run_in(folder)) is not None}
    places: dict[int, Place] = {}
    for number, digest in enumerate(wanted):  # those in their own places first: equal configurations may be wanted twice
        if digest and there.get(str(number), ("", ""))[0] == digest:
            places[number] = Place(str(number), there.pop(str(number))[1])
    for number, digest in enumerate(wanted):
        match = next((name for name, found in there.items() if digest and found[0] == digest), None)
        if number not in places and match is not None:
            places[number] = Place(match, there.pop(match)[1])
    taken = {place.folder for place in places.values()} | there.keys()
    fresh = max([len(wanted) - 1, *(int(name) for name in taken if name.isdecimal())]) + 1
    for number in (number for number in range(len(wanted)) if number not in places):
        name = str(number)
        if name in taken:
            name, fresh = str(fresh), fresh + 1
        places[number] = Place(name)
    return [places[number] for number in range(len(wanted))]


def status(folder: Path) -> str:
    """Return what the run in a folder says of itself, or "" where there is none or its summary is damaged."""
    return str(_facts(folder).get("status", ""))


def is_whole(folder: Path) -> bool:
    """Tell whether all of a run can be read that a comparison needs."""
    return isinstance(read_run(folder), Result)


def _folders(home: Path) -> list[Path]:
    return sorted((path for path in home.iterdir() if path.is_dir()), key=lambda path: path.name) if home.is_dir() else []


def _run_in(folder: Path) -> tuple[str, str] | None:
    """Return the hash of the run in a folder and what it says of itself, or None where no run says which it is."""
    facts = _facts(folder)
    digest = facts.get("config_hash") or _hash_of_saved(folder)
    return (str(digest), str(facts.get("status", ""))) if facts and digest else None


def _hash_of_saved(folder: Path) -> str:
    """Return the hash of a run that is older than hashes."""
    try:
        config = OmegaConf.to_container(OmegaConf.load(folder / CONFIG))
    except Exception:  # missing, unreadable, not YAML: it does not say which run it is
        return ""
    return config_hash({str(key): value for key, value in config.items()}) if isinstance(config, dict) else ""


def _facts(folder: Path) -> Mapping[str, Any]:
    try:
        facts = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
