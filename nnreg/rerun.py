"""A run folder's saved configuration as the overrides that compose it again, whatever the defaults have become."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.records.folder import CONFIG
from nnreg.registry import entries
from nnreg.registry.overrides import quoted


def overrides(folder: Path, typed: Sequence[str] = ()) -> list[str]:
    """Return one override for every value of a saved configuration.

    Args:
        folder: of the run.
        typed: overrides that will follow; parameters of a technique mean nothing to the one that they choose in its place.

    Raises:
        UserError: the folder holds no readable configuration.
    """
    words, chosen = [], {word.lstrip("+").partition("=")[0] for word in typed}
    groups = {slot: group for group, slot in entries.groups().items()}
    for key, value in saved(folder).items():
        if key in groups and isinstance(value, dict):
            if groups[key] in chosen:
                continue
            words.append(f"{groups[key]}={value['name']}")
            words += [f"{key}.{name}={quoted(inner)}" for name, inner in value.items() if name != "name"]
        else:
            words.append(f"{key}={quoted(value)}")
    return words


def saved(folder: Path) -> dict[str, Any]:
    """Return the configuration saved in a run folder, in plain containers.

    Raises:
        UserError: the folder holds no readable configuration.
    """
    path = folder / CONFIG
    try:
        config = OmegaConf.to_container(OmegaConf.load(path))
    except Exception as error:  # a file that is missing, unreadable, not YAML, not a configuration: the same to the person
        raise UserError(f"{folder} is not a run folder: cannot read {path}; run folders are in runs/") from error
    if not isinstance(config, dict) or "optimizer" not in config:
        raise UserError(f"{path} holds no configuration: it is damaged")
    return {str(key): value for key, value in config.items()}
