"""What a sweeper may minimise: one number of a run, or several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nnreg.engine.history import VALID_LOSS
from nnreg.errors import UserError, instead
from nnreg.records.card import Outcome
from nnreg.settings import DESCEND, TRAIN, task_of

_USUAL = {TRAIN: f"{VALID_LOSS}_final", DESCEND: "descent/value"}
_OF_THE_RUN = ("seconds", "steps")

Value = float | tuple[float, ...]


def wanted(config: Mapping[str, Any]) -> list[str] | None:
    """Return what ``sweep.objectives`` names, or None."""
    named = (config.get("sweep") or {}).get("objectives")
    return None if named is None else [str(name) for name in named]


def value(config: Mapping[str, Any], outcome: Outcome) -> Value:
    """Return the final validation loss, a descent's last value, or what was asked for; NaN of a run that did not finish.

    Raises:
        UserError: the run finished, and has nothing of a name that was asked for.
    """
    names = wanted(config)
    if outcome.status != "finished":
        return nothing(config)
    if names is None:
        return outcome.summary.get(_USUAL.get(task_of(config), ""), math.nan)
    found = {**outcome.summary, "seconds": outcome.seconds, "steps": float(outcome.steps)}
    for name in names:
        if name not in found:
            raise UserError(f"the run has no {name} to be minimised{instead(name, found)}")
    return tuple(found[name] for name in names)


def nothing(config: Mapping[str, Any]) -> Value:
    """Return what a run without a result gives."""
    names = wanted(config)
    return math.nan if names is None else tuple(math.nan for _ in names)
