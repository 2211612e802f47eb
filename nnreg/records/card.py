"""What is known of a run before it begins and when it has ended: its card, its outcome, the hash of its configuration.

The loss of a step is that of the forward pass which made the step's gradient.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeGuard, get_args

from nnreg.engine.history import LAST, EarlyStop, History
from nnreg.records.earlier import hashed_config
from nnreg.records.metrics import VALID, metric_of, summary_name

TRACKING = ("tracking", "tracking_uri", "experiment_name", "run_name", "tags", "notes", "log_model")
"""Keys that say where a run is recorded, nothing of the run, and that may hold a password."""
BESIDE = ("checkpoint_seconds", "pictures", "threads")
"""Keys that leave every number of a run as it is, but for rounding."""
LEFT_OUT = (*TRACKING, *BESIDE, "sweep", "protocol", "resume")
"""Those, and what is no setting of a run: all that its hash leaves out."""
ALIKE = {"kernels": "numpy"}
"""Keys of which every value gives the same numbers, and the value that all of them are hashed as: that of runs before."""


def config_hash(config: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits for a resolved configuration in plain containers; the order of its keys is no matter."""
    kept = {key: ALIKE.get(key, value) for key, value in hashed_config(config).items() if key not in LEFT_OUT}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]


def flattened(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a nested configuration with its key, such as ``optimizer.lr``."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value counts: True and False do not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


TUNING = "tuning"
"""Folder, below that of the sweep, of the runs that a setting was chosen on; they are not compared."""
Status = Literal["finished", "failed_to_train", "diverged", "pruned", "failed", "killed"]
ENDINGS: tuple[Status, ...] = get_args(Status)
COMPLETE: tuple[Status, ...] = ("finished", "failed_to_train", "diverged", "pruned")
"""Endings that are results: such a run is not done again."""
UNTRAINED: tuple[Status, ...] = ("diverged", "failed_to_train")
"""Results without a value that could be averaged: such runs are counted, and drawn one by one."""


def is_trial(sweep_id: str | None) -> bool:
    """Tell whether runs with this in common are those that a setting is chosen on."""
    return sweep_id is not None and sweep_id.endswith(f"/{TUNING}")


@dataclass(frozen=True)
class DatasetCard:
    """What is recorded of the data: ``digest`` is a hash of every row, so that two runs can prove they saw the same."""

    name: str
    source: str
    digest: str
    rows: Mapping[str, int]
    features: int
    outputs: int


@dataclass(frozen=True)
class RunCard:
    """All that is known of a run before its first step.

    Attributes:
        label: short name, such as ``adam-he``.
        folder: run folder, absolute; everything the run produces is here before it is anywhere else.
        choices: kind to chosen option, such as ``optimizer: adam``.
        config: resolved configuration in plain containers.
        overrides: what was typed.
        command: one line that reproduces the run.
        colour: ``#rrggbb``, the same for the same technique everywhere.
        plugins: distribution to version of every technique used.
        code: place of a technique, such as ``optimizer`` or ``bias``, to the fingerprint of its source.
        versions: name to version of what computes: nnreg, Python, NumPy, its BLAS, what techniques import; and the processor.
        git: distribution to the commit of the checkout that its code stands in, ``with changes`` behind it where it has some.
        dataset: what was trained on, or None where assembling the run failed before it was loaded.
        parameters: number of trainable parameters, or None likewise.
        sweep_id: common to the runs of one sweep, or None.
        job: number within the sweep, or None.
        resumed_at: updates that an earlier process made of this run, or None for a run that begins.
        past: records of those updates; the history file holds them first.
        sources: place of a technique to its source, of those that a program has registered.
        swept: what tells it from the others of its sweep, beside what the label names, such as ``norm=batch_norm``.
        about: what the tracking store says of it in place of its figure: an answer about many runs.
        page: file in its folder that shows it, or "" for the task's own figure.
    """

    label: str
    folder: Path
    choices: Mapping[str, str]
    config: Mapping[str, Any]
    overrides: tuple[str, ...]
    command: str
    colour: str
    plugins: Mapping[str, str]
    dataset: DatasetCard | None
    parameters: int | None
    seed: int
    steps: int
    sweep_id: str | None = None
    job: int | None = None
    resumed_at: int | None = None
    past: History = field(default_factory=History)
    about: str = ""
    page: str = ""
    code: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    swept: tuple[str, ...] = ()

    @property
    def is_trial(self) -> bool:
        """Whether a setting is chosen on it: there are many such runs, read for their numbers alone, and none is looked at."""
        return is_trial(self.sweep_id)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: a diverged run is a result, not a failure; so is one that failed to train: its training loss is finite and ended
            above where it began; a pruned one was ended early, by a search that had seen enough of it.
        steps: updates made.
        seconds: time spent training, without set-up and evaluation.
        summary: final and best metrics by name, finite values only.
        diverged_at: step whose loss was not finite, or None.
        error: one line, for failed runs.
        early_stop: what early stopping did, or None without patience.
    """

    status: Status
    steps: int
    seconds: float
    summary: Mapping[str, float] = field(default_factory=dict)
    diverged_at: int | None = None
    error: str | None = None
    early_stop: EarlyStop | None = None


def summarise(history: History, best_at: int | None = None) -> dict[str, float]:
    """Return final and best values.

    ``valid/..._final`` are those of the parameters that the run ends with: where early stopping went back to step ``best_at``,
    those of that step. Of losses of single batches, which are noisy, there is no final one but a mean of the last 100.
    """
    summary: dict[str, float] = {}
    for metric in history.metrics:
        row, values = metric_of(metric), history.finite(metric)
        if not values.size:
            continue
        if row.recorded == "once":
            summary[metric] = float(values[-1])
        elif row.recorded == "ends":
            kept = history.finite(metric, best_at) if metric.startswith(f"{VALID}/") and best_at is not None else values
            final = values[-LAST:].mean() if row.noisy else (kept if kept.size else values)[-1]
            best = values.max() if row.higher else values.min()
            summary |= {summary_name(metric): float(final), f"{metric}_best": float(best)}
    return summary
