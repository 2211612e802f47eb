"""What a run may do: train a network, descend a surface, or look at the outputs of untrained layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRAIN, DESCEND, ACTIVATIONS = "train", "descend", "activations"

_USED: Mapping[str, tuple[str, ...]] = {
    DESCEND: ("optimizer", "surface", "schedule"),
    ACTIVATIONS: ("init", "bias", "activation", "norm", "dropout"),
}
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    DESCEND: ("task", "seed", "steps", "clip_value", "clip_norm", "warmup", "start", "tolerance"),
    ACTIVATIONS: ("task", "seed", "hidden", "batch", "dtype"),
}
_NOT_OF_TRAINING = ("start", "tolerance", "animate")
_NAMED: Mapping[str, tuple[str, str]] = {
    TRAIN: ("optimizer", "init"),
    DESCEND: ("optimizer", "surface"),
    ACTIVATIONS: ("activation", "init"),
}
PICTURES: Mapping[str, str] = {TRAIN: "loss.png", DESCEND: "path.png", ACTIVATIONS: "outputs.png"}
"""File in the run folder that shows a run of each task."""


def of(config: Mapping[str, Any]) -> str:
    """Return the task of a configuration: an enum's member, a word, or left out in one that is older than tasks."""
    task = config.get("task") or TRAIN
    return str(getattr(task, "name", task))


def used(task: str, choices: Mapping[str, str]) -> dict[str, str]:
    """Return those choices that mean something to a task; training uses all but the surface."""
    wanted = _USED.get(task)
    return {slot: name for slot, name in choices.items() if (slot in wanted if wanted else slot != "surface")}


def matters(task: str, setting: str) -> bool:
    """Tell whether a setting, which is no technique, means something to a task."""
    return setting in _SETTINGS[task] if task in _SETTINGS else setting not in _NOT_OF_TRAINING


def label(task: str, choices: Mapping[str, str]) -> str:
    """Return a run's short name, such as ``adam-he``, ``adam-rosenbrock`` or ``sigmoid-normal``."""
    return "-".join(choices.get(slot, "none") for slot in _NAMED[task])
