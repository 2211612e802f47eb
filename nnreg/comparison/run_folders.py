"""Run folders among the given ones, each read whole or left out with the reason; nothing that lies in one raises."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from nnreg.config_hash import config_hash
from nnreg.errors import UserError
from nnreg.recording.disk import CONFIG, HISTORY, RUNNING, SUMMARY, read_facts, read_history
from nnreg.results import Result

ENDINGS = ("finished", "diverged", "failed", "killed")
MARKS = (SUMMARY, CONFIG, HISTORY, f"{HISTORY}.gz")
MOST_NAMED = 3


@dataclass(frozen=True)
class LeftOut:
    """A folder that is in no arm, and why: damaged, half written, still running."""

    folder: Path
    why: str


class Damaged(Exception):
    """A run folder cannot be read; the message says why, to follow "left out: "."""


def find(given: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return the run folders in each given folder, which is that of a sweep, of a study or of one run; each once.

    Raises:
        UserError: there is no such folder, or no run in it.
    """
    if not given:
        raise UserError("nothing to compare: name the folder of a sweep, or those of some runs")
    seen: set[Path] = set()
    found: dict[Path, list[Path]] = {}
    for folder in given:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}: name that of a sweep, such as runs/..._sweep, or those of some runs")
        runs = [folder] if _is_run(folder) else _children(folder)
        if not runs:
            raise UserError(f"{folder} holds no run{_below(folder)}")
        fresh = [run for run in runs if run.resolve() not in seen]
        seen.update(run.resolve() for run in fresh)
        found.setdefault(folder, []).extend(fresh)
    return found


def read(folder: Path) -> Result | LeftOut:
    """Return the run in a folder, its history read, or why it is left out."""
    try:
        facts = _facts(folder)
        if facts["status"] == RUNNING:
            return LeftOut(folder, "it is still running, or was killed without a word: python -m nnreg resume goes on with it")
        _check(facts)
        run = Result(folder, facts, _config(folder, facts))
        vars(run)["history"] = _history(folder, facts)
        return run
    except Damaged as damage:
        return LeftOut(folder, str(damage))


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MARKS)


def _children(folder: Path) -> list[Path]:
    """Return the jobs of a sweep, in order: numbered folders, or ones of any name that look like a run."""
    inside = [path for path in folder.iterdir() if path.is_dir() and (path.name.isdecimal() or _is_run(path))]
    return sorted(inside, key=lambda path: (not path.name.isdecimal(), len(path.name), path.name))


def _below(folder: Path) -> str:
    """Return the end of a sentence that names sweeps or runs one floor down."""
    near = sorted(path for path in folder.iterdir() if path.is_dir() and _children(path))
    if not near:
        return ": name the folder of a sweep, such as runs/..._sweep, or those of some runs"
    more = f" and {len(near) - MOST_NAMED} more" if len(near) > MOST_NAMED else ""
    return f" itself; name a folder in it: {', '.join(map(str, near[-MOST_NAMED:]))}{more}"


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = read_facts(folder)
    except (OSError, ValueError, RecursionError) as error:  # no JSON, no UTF-8, no permission, nested without end
        raise Damaged(f"its {SUMMARY} is damaged") from error
    if facts is None:
        raise Damaged(f"it has no {SUMMARY}: it has not begun, or was not written whole")
    if not isinstance(facts, dict) or not isinstance(facts.get("status"), str):
        raise Damaged(f"its {SUMMARY} is not that of a run")
    return facts


def _check(facts: Mapping[str, Any]) -> None:
    """Make sure that a summary has what a comparison needs, of the right types."""
    choices, metrics, overrides = facts.get("choices"), facts.get("metrics"), facts.get("overrides")
    whole = (
        facts["status"] in ENDINGS
        and isinstance(choices, dict)
        and all(isinstance(choice, str) for choice in choices.values())
        and isinstance(metrics, dict)
        and all(is_number(value) and math.isfinite(value) for value in metrics.values())
        and isinstance(overrides, list)
        and all(isinstance(override, str) for override in overrides)
        and all(is_number(facts.get(key)) for key in ("steps", "seconds"))
        and isinstance(facts.get("dataset"), dict | None)
    )
    if not whole:
        raise Damaged(f"its {SUMMARY} is not that of a run")


def _config(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration; one that was cut off at the end of a line is still YAML, but lacks a chosen technique."""
    path = folder / CONFIG
    if not path.is_file():
        raise Damaged(f"it has no {CONFIG}")
    try:
        text = path.read_text(encoding="utf-8")
        config = _parsed(text, facts.get("config_hash"))
    except Exception as error:  # garbage makes a YAML parser raise anything
        raise Damaged(f"its {CONFIG} is damaged") from error
    if not isinstance(config, dict) or not text.endswith("\n"):
        raise Damaged(f"its {CONFIG} is cut off")
    nodes = (config.get(slot) for slot in facts["choices"])
    if any(not isinstance(node, dict) or "name" not in node for node in nodes) or config.get("seed") != facts.get("seed"):
        raise Damaged(f"its {CONFIG} is cut off, or belongs to another run")
    whole = {str(key): value for key, value in config.items()}
    if facts.get("config_hash") not in (None, config_hash(whole)):  # older runs have none
        raise Damaged(f"its {CONFIG} is cut off, or was changed after the run")
    return whole


def _parsed(text: str, wanted: object) -> Any:
    """Return what YAML says: read ten times as fast where the hash proves that nothing was misunderstood."""
    with contextlib.suppress(yaml.YAMLError, ValueError):
        quick = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if isinstance(quick, dict) and config_hash(quick) == wanted:
            return quick
    return OmegaConf.to_container(OmegaConf.create(text))


def _history(folder: Path, facts: Mapping[str, Any]) -> Any:
    try:
        history = read_history(folder)
    except FileNotFoundError as error:
        raise Damaged(f"it has no {HISTORY}.gz") from error
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise Damaged(f"its {HISTORY}.gz is damaged") from error
    if facts["steps"] > 0 and not history.size:
        raise Damaged(f"its {HISTORY}.gz is empty")
    return history


def is_number(value: object) -> bool:
    """Tell whether a value counts: True and False do not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
