"""What earlier versions wrote into run folders, in the words of this one; and the hash that both have of one configuration."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

FORMER = {"workers": 1}
"""Settings of earlier versions, with the value that every run has now; hashed with the rest, so that hashes stay."""

SAMPLING = "sampling"
SAMPLERS = {"replacement": "with_replacement", "epoch": "epoch"}
"""Values of a setting that is a kind now, each with its technique."""

ADDED = {"sampler": "with_replacement", "network": "mlp", "augmentation": "none"}
"""Kinds that earlier versions did not have, with the technique that their runs had, where no setting said otherwise."""
BESIDE = {"sampler": "dataset", "network": "activation", "augmentation": "dataset"}
"""Kinds that runs use which use these."""


def current_config(saved: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a saved configuration as this version would have written it."""
    kept = {str(key): value for key, value in saved.items() if key not in FORMER or FORMER[key] != value}
    if str(kept.get(SAMPLING)) in SAMPLERS:
        kept["sampler"] = {"name": SAMPLERS[str(kept.pop(SAMPLING))]}
    for kind, beside in BESIDE.items():
        if beside in kept and kind != "sampler":
            kept.setdefault(kind, {"name": ADDED[kind]})
    return kept


def hashed_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in the words of the first version that could say it, which is what is hashed."""
    kept = {key: value for key, value in config.items() if key == "sampler" or {"name": ADDED.get(key)} != value}
    for value, name in SAMPLERS.items():
        if kept.get("sampler") == {"name": name}:
            del kept["sampler"]
            kept[SAMPLING] = value
    return FORMER | kept


def current_choices(choices: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run chose, the kinds that came later too.

    Args:
        choices: place to technique.
        config: of the run, as ``current_config`` returns it.
    """
    later = [kind for kind in ADDED if kind not in choices and BESIDE[kind] in choices]
    nodes = {kind: config.get(kind) for kind in later}
    return dict(choices) | {kind: str(node["name"]) for kind, node in nodes.items() if isinstance(node, Mapping)}


def current_words(words: Iterable[str]) -> list[str]:
    """Return words of a command line as they are typed now."""
    return [_current_word(word) for word in words]


def current_command(command: str) -> str:
    """Return a command line as it is typed now; one that cannot be read stays what it is."""
    if SAMPLING not in command:
        return command
    try:
        return shlex.join(current_words(shlex.split(command)))
    except ValueError:
        return command


def _current_word(word: str) -> str:
    key, _, value = word.partition("=")
    if key.lstrip("+") != SAMPLING:
        return word
    return f"sampler={re.sub(r'[a-z]+', lambda found: SAMPLERS.get(found[0], found[0]), value)}"
