"""What a tracking store is told of a run: parameters, tags, thinned points.

The complete curve is in the run folder. Pure: knows records and nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import json
import math
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnreg.engine.history import History, Record
from nnreg.records.card import TRACKING, DatasetCard, Outcome, RunCard, Status, flattened
from nnreg.records.checkpoint import FILE
from nnreg.records.folder import NETWORK, SPOOL, TRACKED
from nnreg.records.metrics import metric_of
from nnreg.registry.nested import split_name
from nnreg.settings import PICTURES, TRAIN, is_setting_of, task_of
from nnreg.tracking.location import MACHINE_LEARNING

POINTS = 300


class Thinner:
    """Chooses points while a run goes on, then completes them when its true length is known.

    While it runs, the steps are cut into ``points`` equal parts and the first record of each part is taken: an unbiased
    sample of a noisy curve. ``rest`` adds the last point, both extremes and, for a run that ended early, points in between.

    Args:
        steps: how many steps the run is planned to take.
        points: most points of one metric, the last and the extremes come on top.
    """

    def __init__(self, steps: int, points: int = POINTS) -> None:
        self._span = max(1, steps + 1)
        self._points = points
        self._part: dict[str, int] = {}
        self._taken: dict[str, set[tuple[int, float]]] = {}

    def take(self, records: Iterable[Record]) -> list[Record]:
        """Return those of the new records that are wanted now, in order; values that are not finite never are."""
        chosen = []
        for record in records:
            step, metric, value = record
            part = min(step * self._points // self._span, self._points - 1)
            if part > self._part.get(metric, -1) and math.isfinite(value):
                self._part[metric] = part
                self._taken.setdefault(metric, set()).add((step, value))
                chosen.append(record)
        return chosen

    def rest(self, history: History) -> list[Record]:
        """Return what is still missing of a run that has ended, by metric and in order of step."""
        return [record for metric in history.metrics for record in self._rest_of(metric, history)]

    def _rest_of(self, metric: str, history: History) -> list[Record]:
        steps, values = history.series(metric)
        finite = np.isfinite(values)
        steps, values = steps[finite], values[finite]
        if not values.size:
            return []
        taken = self._taken.setdefault(metric, set())
        if values.size <= self._points:
            wanted = set(range(values.size))
        else:
            wanted = {0, values.size - 1, int(values.argmin()), int(values.argmax())}
            missing = max(0, self._points - len(taken) - 1)
            wanted |= set(np.linspace(0, values.size - 1, missing).astype(int).tolist())
        missed = {(int(steps[i]), float(values[i])) for i in wanted} - taken
        taken |= missed
        return [Record(step, metric, value) for step, value in sorted(missed)]


_STATUS: Mapping[Status, str] = {
    "finished": "FINISHED",
    "diverged": "FINISHED",
    "failed_to_train": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
}
KEY_TAG, NAME_TAG = "nnreg.run_key", "mlflow.runName"
RESUMED = "resumed_at_time"  # milliseconds since 1970: since when its process is the one that goes on with it
LONGEST_PARAM = 6_000  # characters; a longer value is cut by the store without a word
LONGEST_TAG = 8_000


def parameters(card: RunCard) -> dict[str, str]:
    """Return the resolved configuration by dotted key; a technique's name stands under its kind: ``optimizer: adam``."""
    # kept only where a user's file renames it
    names = {f"{kind}.name": split_name(choice)[0] for kind, choice in card.choices.items()}
    task, config = task_of(card.config), card.config
    used = {key for key in config if (key in card.choices if isinstance(config[key], Mapping) else is_setting_of(task, key))}
    flat = flattened({key: config[key] for key in config if key in used})
    texts = ((key, value if isinstance(value, str) else json.dumps(value, default=str)) for key, value in flat)
    facts = {_called(key): text for key, text in texts if names.get(key) != text and key not in TRACKING}
    own = {"seed": str(card.seed), "steps": str(card.steps)}  # an answer about many runs has them where all of those share them
    facts |= dict(card.choices) | {key: text for key, text in own.items() if key in config and (key == "seed" or key in used)}
    if card.parameters is not None:
        facts["parameters"] = str(card.parameters)
    return {_key(key): shorten(text, LONGEST_PARAM, "config.yaml") for key, text in facts.items()}


def _called(key: str) -> str:
    """Return the key of a parameter: a technique's name in a slot stands under the slot, ``optimizer.inner: adam``."""
    return key.removesuffix(".name") if key.count(".") > 1 else key


def tags(card: RunCard) -> dict[str, str]:
    """Return the tags of a run that its folder knows."""
    own = {_key(str(name)): str(text) for name, text in (card.config.get("tags") or {}).items()} if not card.page else {}
    facts = own | {
        "mlflow.source.name": "nnreg",
        "mlflow.source.type": "LOCAL",
        "overrides": " ".join(card.overrides),
        "command": card.command,
        "seed": str(card.seed),
        "plugins": ", ".join(f"{name} {version}" for name, version in sorted(card.plugins.items())),
        "run_folder": str(card.folder),
    }
    origin = {"code": card.code, "versions": card.versions, "git": card.git}
    facts |= {
        name: ", ".join(f"{key} {text}" for key, text in known.items() if text) for name, known in origin.items() if known
    }
    if card.dataset is not None:
        facts["dataset"] = f"{card.dataset.name} {card.dataset.digest}"
    if card.sweep_id is not None:
        facts["sweep_id"] = card.sweep_id
    if card.job is not None:
        facts["job"] = str(card.job)
    if card.resumed_at is not None:
        facts["resumed_at_step"] = str(card.resumed_at)
    return {name: shorten(text, LONGEST_TAG, "config.yaml") for name, text in facts.items()}


def process_tags(card: RunCard) -> dict[str, str]:
    """Return the tags of a run that begins now, or goes on, in this process, which nobody knows later."""
    resumed = {} if card.resumed_at is None else {RESUMED: str(now())}
    return {
        "mlflow.user": user(),
        "mlflow.runColor": card.colour,
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        **git_state(Path.cwd()),
        **resumed,
        **_environment(card),
    }


def _environment(card: RunCard) -> dict[str, str]:
    """Return the tags, and the name, that MLflow's users give by environment variables; an answer keeps its name."""
    found: dict[str, str] = {}
    for variable in ("MLFLOW_RUN_CONTEXT", "MLFLOW_TAGS"):
        with contextlib.suppress(ValueError, AttributeError):  # it is no JSON object
            found |= {_key(name): str(text) for name, text in json.loads(os.environ.get(variable) or "{}").items()}
    name = "" if card.page else os.environ.get("MLFLOW_RUN_NAME", "")
    return found | ({NAME_TAG: run_name(card, name)} if name and not card.config.get("run_name") else {})


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
    """Return the description of a run: what it says, the command that reproduces it, and a link to what shows it, if any."""
    artifact = f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{page}?{MACHINE_LEARNING}"
    if not about or not page.endswith(".html"):
        begun = f"{about}\n\n" if about else ""
        shown = f"\nIts figure: [{page}]({artifact})\n" if page else ""
        return f"{begun}Reproduce this run:\n\n    {command}\n{shown}"
    return f"{about}\n\nAll of it: [{page}]({artifact})\n\nAgain:\n\n    {command}\n"


def run_name(card: RunCard, name: str = "") -> str:
    """Return the name that was given, with what was swept, or else the label; with the seed where the seed was chosen.

    Args:
        card: of the run.
        name: that stands for ``run_name`` of its configuration.
    """
    given = name or str(card.config.get("run_name") or "")
    chosen = any(override.lstrip("+").startswith("seed=") for override in card.overrides)
    if given and card.sweep_id is None:
        return given
    parts = [given or card.label, *(card.swept if given else ()), *([f"s{card.seed}"] if chosen else [])]
    return " ".join(parts)


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


def _key(key: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", key)[:250]


_LOCAL = (SPOOL, TRACKED, FILE, NETWORK)
"""Files that only this machine can do something with."""


class Point(NamedTuple):
    """One point of a curve: ``millis`` is when it was measured, in milliseconds since 1970."""

    metric: str
    value: float
    millis: int
    step: int

    @property
    def identity(self) -> tuple[str, int, float]:
        """What makes it the same point, whenever it was measured: a resumed run measures some again."""
        return self.metric, self.step, self.value


def files_of(folder: Path) -> list[Path]:
    """Return the files of a run folder that become artifacts: all but hidden ones, links, and those for this machine only."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [
        path
        for path in files
        if not path.name.startswith(_LOCAL) and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def now() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Told:
    """What the store is told of a run beside its curves.

    Attributes:
        name: name of the run.
        params: configuration by dotted key.
        tags: by name.
        dataset: name, digest, source and profile of the data; empty where none was loaded.
        steps: how many are planned.
        about: begins the description, or "".
        page: the artifact that the description links, or "" for the task's own figure.
        status: RUNNING, FINISHED, FAILED or KILLED.
        ended: milliseconds since 1970, or None while it runs.
        closing: tags that say how it ended.
        metrics: final and best values, at ``step``.
        step: updates made.
        logs_model: its network becomes a model.
    """

    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    dataset: Mapping[str, str]
    steps: int = 1
    about: str = ""
    page: str = ""
    status: str = "RUNNING"
    ended: int | None = None
    closing: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    step: int = 0
    logs_model: bool = False


def is_curve(metric: str) -> bool:
    """Tell whether a metric has more points than one, which the numbers of a run's end repeat."""
    return metric_of(metric).recorded != "once"


def summarised(name: str) -> str:
    """Return what a number of a run's end is called in the store: without a slash, so that it stands below all curves.

    MLflow's pages put the charts of what is before the last slash together, in alphabetical order, and behind them those of
    names without any.
    """
    return name.replace("/", "_")


def describe_run(card: RunCard, outcome: Outcome | None = None, ended: int | None = None) -> Told:
    """Return what the store is told of a run, which has ended if there is an outcome."""
    about = card.about or str(card.config.get("notes") or "")
    told = Told(run_name(card), parameters(card), tags(card), _dataset(card.dataset), card.steps, about, card.page)
    told = replace(told, logs_model=card.config.get("log_model") is True and not card.page)
    if outcome is None:
        return told
    values = {**outcome.summary, "seconds": outcome.seconds, "steps": float(outcome.steps)}
    metrics = {summarised(name): float(value) for name, value in values.items() if math.isfinite(value)}
    closing = closing_tags(outcome)
    return replace(
        told, status=_STATUS[outcome.status], ended=ended or now(), closing=closing, metrics=metrics, step=outcome.steps
    )


def _dataset(card: DatasetCard | None) -> dict[str, str]:
    if card is None:
        return {}
    return {
        "name": card.name,
        "digest": card.digest[:36],  # the most MLflow takes
        "source_type": "local",
        "source": json.dumps({"uri": card.source}),
        "profile": json.dumps({"rows": dict(card.rows), "features": card.features, "outputs": card.outputs}),
    }
