"""What the tracking store is told of a run beside its curves: parameters, tags, description. Knows no MLflow."""

from __future__ import annotations

import functools
import getpass
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nnreg.records.card import TRACKING, Outcome, RunCard
from nnreg.settings import PICTURES, TRAIN, is_setting_of, task_of

KEY_TAG = "nnreg.run_key"
RESUMED = "resumed_at_time"  # milliseconds since 1970: since when its process is the one that goes on with it
LONGEST_PARAM = 6_000  # characters; a longer value is cut by the store without a word
LONGEST_TAG = 8_000


def parameters(card: RunCard) -> dict[str, str]:
    """Return the resolved configuration by dotted key; a technique's name stands under its kind: ``optimizer: adam``."""
    names = {f"{kind}.name": choice for kind, choice in card.choices.items()}  # kept only where a user's file renames it
    task, config = task_of(card.config), card.config
    used = {key for key in config if (key in card.choices if isinstance(config[key], Mapping) else is_setting_of(task, key))}
    flat = _flatten({key: config[key] for key in config if key in used})
    facts = {key: text for key, text in flat if names.get(key) != text and key not in TRACKING}
    own = {"seed": str(card.seed), "steps": str(card.steps)}  # an answer about many runs has them where all of those share them
    facts |= dict(card.choices) | {key: text for key, text in own.items() if key in config and (key == "seed" or key in used)}
    if card.parameters is not None:
        facts["parameters"] = str(card.parameters)
    return {_key(key): shorten(text, LONGEST_PARAM, "config.yaml") for key, text in facts.items()}


def tags(card: RunCard, key: str) -> dict[str, str]:
    """Return the tags of a run that begins now in this process; ``key`` makes the run findable whatever happens to it."""
    facts = {
        "mlflow.user": user(),
        "mlflow.source.name": "nnreg",
        "mlflow.source.type": "LOCAL",
        "mlflow.runColor": card.colour,
        KEY_TAG: key,
        "overrides": " ".join(card.overrides),
        "command": card.command,
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "seed": str(card.seed),
        "plugins": ", ".join(f"{name} {version}" for name, version in sorted(card.plugins.items())),
        "run_folder": str(card.folder),
        "mlflow.note.content": f"Reproduce this run:\n\n    {card.command}\n",
        **git_state(Path.cwd()),
    }
    if card.dataset is not None:
        facts["dataset"] = f"{card.dataset.name} {card.dataset.digest}"
    if card.sweep_id is not None:
        facts["sweep_id"] = card.sweep_id
    if card.job is not None:
        facts["job"] = str(card.job)
    if card.resumed_at is not None:
        facts |= {"resumed_at_step": str(card.resumed_at), RESUMED: str(time.time_ns() // 1_000_000)}
    return {name: shorten(text, LONGEST_TAG, "config.yaml") for name, text in facts.items()}


def process_of(tags: Mapping[str, str], started: int) -> tuple[int, int]:
    """Return the process that a run is in, and since when, in milliseconds since 1970; ``started`` is when the run began."""
    return int(tags.get("pid", "0")), int(tags.get(RESUMED, started))


def closing_tags(outcome: Outcome) -> dict[str, str]:
    """Return the tags that say how a run ended."""
    facts: dict[str, str] = {"outcome": outcome.status}
    if outcome.diverged_at is not None:
        facts["diverged_at_step"] = str(outcome.diverged_at)
    if outcome.early_stop is not None and outcome.early_stop.stopped_at is not None:
        facts["stopped_early_at_step"] = str(outcome.early_stop.stopped_at)
    if outcome.error is not None:
        facts["error"] = shorten(outcome.error, LONGEST_TAG, "the log")
    return facts


def figure_of(task: str) -> str:
    """Return the file that shows a run of a task."""
    return PICTURES.get(task, PICTURES[TRAIN])


def note(command: str, experiment_id: str, run_id: str, page: str, about: str = "") -> str:
    """Return the description of a run: what it says, the command that reproduces it, and a link to the file that shows it."""
    artifact = f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{page}"
    if not about:
        return f"Reproduce this run:\n\n    {command}\n\nIts figure: [{page}]({artifact})\n"
    return f"{about}\n\nAll of it: [{page}]({artifact})\n\nAgain:\n\n    {command}\n"


def run_name(card: RunCard) -> str:
    """Return the label, with the seed where the seed was chosen."""
    chosen = any(override.lstrip("+").startswith("seed=") for override in card.overrides)
    return f"{card.label} s{card.seed}" if chosen else card.label


def shorten(text: str, longest: int, where: str) -> str:
    """Return the text, cut with a remark on where the rest is if it is longer than the store takes."""
    if len(text) <= longest:
        return text
    remark = f" … (cut; all {len(text)} characters are in {where})"
    return text[: longest - len(remark)] + remark


def user() -> str:
    """Return the name of the person, or of the account where there is no such name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number without a name
        return "unknown"


@functools.cache
def git_state(folder: Path) -> dict[str, str]:
    """Return the commit of a folder and whether it has uncommitted changes; nothing where there is no git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"mlflow.source.git.commit": commit, "git.dirty": "unknown" if changes is None else str(bool(changes)).lower()}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, default=str)


def _key(key: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", key)[:250]
