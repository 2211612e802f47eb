"""Runs that other processes train, followed by what they write: curves grow on the page as histories grow on disk."""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from nnreg.comparison.naming import settings_name
from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, VALID_R2, Record
from nnreg.errors import UserError, one_line
from nnreg.records.folder import HISTORY, RUNNING, SUMMARY, known_facts, read_records
from nnreg.records.statistics import decimated
from nnreg.registry import palette
from nnreg.sweeps.standing import Watcher

RUNS = Path("runs")
"""Where runs lie in a working directory."""
FRESH = 60.0
"""Seconds since it last wrote within which a run counts as being trained: it writes every second, or when it validates."""
CURVES = (TRAIN_LOSS, VALID_LOSS, VALID_ACCURACY, VALID_R2)
MOST_CURVES = 40
MOST_SWEEPS = 50
MOST_POINTS = 600
"""Of a curve at once; the least and the greatest of each stretch are among them."""


def answer(asked: Mapping[str, Any], followed: Sequence[str]) -> dict[str, Any]:
    """Return the sweeps and runs that are being trained, and what was written of those that a page follows.

    Args:
        asked: ``group``, one of the names that were returned, or none; ``seen``, the byte up to which a page has seen each run.
        followed: folders that are listed whether they are trained or not, besides those below ``runs`` here.

    Raises:
        UserError: it asks for something else.
    """
    seen, wanted = asked.get("seen", {}), asked.get("group")
    if not isinstance(seen, dict) or not all(isinstance(byte, int) and byte >= 0 for byte in seen.values()):
        raise UserError("seen must be the byte up to which each run is known")
    groups = dict(_groups(followed))
    if wanted is not None and wanted not in groups:
        raise UserError(f"nothing is trained in {one_line(str(wanted))[:200]} any more")
    runs = groups.get(str(wanted), [])[:MOST_CURVES]
    facts = [known_facts(folder) for folder in runs]
    names = [str(known.get("label") or folder.name) for folder, known in zip(runs, facts, strict=True)]
    swept = _swept(facts)
    labels, colours = told_apart(names, swept), _colours(facts, swept)
    return {
        "groups": [_counted(name, folders) for name, folders in groups.items()],
        "runs": [
            _run(folder, known, label, colour, int(seen.get(folder.name, 0)))
            for folder, known, label, colour in zip(runs, facts, labels, colours, strict=True)
        ],
        "standing": _standing(str(wanted)) if wanted is not None else [],
        "left_out": max(0, len(groups.get(str(wanted), [])) - MOST_CURVES),
    }


def followed_first(folders: Sequence[Path]) -> str:
    """Return the state in which a page shows the first of some folders; "" where there are none.

    Raises:
        UserError: there is no such folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}: name that of a sweep or a run, such as runs/2026-01-31_12-00-00-000000"
            )
    return urlencode({"tab": "network", "follow": str(folders[0])}) if folders else ""


def _groups(followed: Sequence[str]) -> Iterator[tuple[str, list[Path]]]:
    """Yield the folders of sweeps, and of single runs, each with the run folders in it: those followed, then the newest."""
    for folder in map(Path, followed):
        yield str(folder), _run_folders(folder)
    live = sorted(RUNS.glob(f"*/{HISTORY}")) + sorted(RUNS.glob(f"*/*/{HISTORY}"))
    homes = dict.fromkeys(path.parent if path.parent.parent == RUNS else path.parent.parent for path in live if _is_fresh(path))
    for home in sorted(homes, reverse=True)[:MOST_SWEEPS]:
        if str(home) not in followed:
            yield str(home), _run_folders(home)


def _run_folders(home: Path) -> list[Path]:
    """Return a folder itself where it is a run's, else the runs in it in the order of their numbers."""
    if _has_history(home):
        return [home]
    found = [folder for folder in home.glob("*") if folder.is_dir() and _has_history(folder)]
    return sorted(found, key=lambda folder: (len(folder.name), folder.name))


def _has_history(folder: Path) -> bool:
    return (folder / HISTORY).exists() or (folder / f"{HISTORY}.gz").exists()


def _is_fresh(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime < FRESH
    return False


def _is_live(folder: Path) -> bool:
    """Tell whether a run is being trained, as far as its folder says."""
    return _is_fresh(folder / HISTORY) and (folder / SUMMARY).exists()


def _counted(name: str, folders: Sequence[Path]) -> dict[str, Any]:
    live = sum(map(_is_live, folders))
    return {"name": name, "running": live, "ended": len(folders) - live}


_watchers: dict[str, Watcher] = {}


def _standing(home: str) -> list[str]:
    """Return where a sweep stands, a line or two; nothing for a run, and for what is not whole yet."""
    with contextlib.suppress(UserError):
        return _watchers.setdefault(home, Watcher(Path(home))).look().lines()
    return []


def _swept(facts: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return of each run the words that were not typed for all of them."""
    words = [known.get("overrides") for known in facts]
    listed = [[str(word) for word in each] if isinstance(each, list) else [] for each in words]
    common = set.intersection(*map(set, listed)) if listed else set()
    return [tuple(word for word in each if word not in common) for each in listed]


def _colours(facts: Sequence[Mapping[str, Any]], swept: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the colour of each run: that of its technique of the first kind that differs, its lightness by what else does."""
    chosen = [known["choices"] if isinstance(known.get("choices"), dict) else {} for known in facts]
    return [palette.of_run(choices, differing) for choices, differing in zip(chosen, swept, strict=True)]


def told_apart(names: Sequence[str], swept: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of runs, those that several have with the settings that tell these apart, such as ``sgd-he, seed 1``.

    Args:
        names: of the runs.
        swept: of each the words ``key=value`` that were not typed for all.
    """
    found = list[str]()
    for name, words in zip(names, swept, strict=True):
        alike = [others for other, others in zip(names, swept, strict=True) if other == name]
        own = dict(word.split("=", 1) for word in words if "=" in word and not all(word in others for others in alike))
        found.append(", ".join([name, settings_name(own)] if own else [name]))
    return found


def _run(folder: Path, facts: Mapping[str, Any], label: str, colour: str, start: int) -> dict[str, Any]:
    """Return what is known of a run, and its curves from a byte on."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    end = start
    with contextlib.suppress(OSError, ValueError, EOFError, zlib.error):  # not there yet, or just being packed
        for records, byte in read_records(folder, start):
            _gather(records, found)
            end = byte
    is_running = facts.get("status") == RUNNING
    return {
        "name": folder.name,
        "label": label,
        "colour": colour,
        "status": "stopped" if is_running and not _is_live(folder) else str(facts.get("status", "")),
        "steps": facts.get("steps"),
        "end": end,
        "curves": {metric: thinned(*curve) for metric, curve in found.items()},
    }


def _gather(records: Sequence[Record], found: dict[str, tuple[list[int], list[float]]]) -> None:
    for step, metric, value in records:
        if metric in CURVES:
            steps, values = found.setdefault(metric, ([], []))
            steps.append(step)
            values.append(value)


def thinned(steps: list[int], values: list[float]) -> list[list[float]]:
    """Return steps and values of a curve, the least and the greatest of each stretch where there are more than a page draws."""
    kept = decimated(np.array(values), MOST_POINTS).tolist()
    return [[float(steps[at]) for at in kept], [values[at] for at in kept]]
