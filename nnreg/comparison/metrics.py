"""Metrics of a comparison: by which one runs are compared, what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnreg.engine.history import TRAIN_LOSS
from nnreg.figures import words
from nnreg.settings import DESCEND, task_of

if TYPE_CHECKING:
    from nnreg.comparison.gathering import Gathered

TRAIN_FINAL, VALID_FINAL, ACCURACY_FINAL = "train/loss_final", "valid/loss_final", "valid/accuracy_final"
DESCENT_VALUE = "descent/value"
CURVES = (TRAIN_LOSS, "valid/loss", "valid/accuracy", "valid/r2", "train/accuracy", "train/r2", "value")
"""Metrics that are recorded along a run and drawn as curves."""
_NAMES: Mapping[str, str] = {
    DESCENT_VALUE: "final value",
    "descent/distance": "final distance to a minimum",
    "descent/path_length": "path length",
    "descent/steps_to_tolerance": "steps to arrive",
    "seconds": "training time in seconds",
    "steps_per_second": "steps a second",
}


def called(metric: str) -> str:
    """Return a metric in words: ``final training loss``, ``best validation accuracy``, ``test accuracy``."""
    if metric in _NAMES:
        return _NAMES[metric]
    plain, ending = re.fullmatch(r"(.*?)(?:_(final|best))?", metric).groups()  # type: ignore[union-attr] # it matches anything
    return f"{ending or ''} {words.short(plain)}".strip().replace("_", " ")


def default(gathered: Gathered) -> str:
    """Return the metric to compare by where nobody chose one.

    The final training loss; of descents the final value. Where regularizers, their strength or the loss's own parameters were
    swept, training losses are those of different objectives: the final validation loss then, which is of the data alone, or
    the final validation accuracy, or R², where the loss itself was changed.
    """
    runs = [run for arm in gathered.arms for run in arm.runs]
    if task_of(runs[0].summary) == DESCEND:
        return DESCENT_VALUE
    changed = {key.partition(".")[0] for arm in gathered.arms for key in arm.settings}
    wanted: Sequence[str] = [TRAIN_FINAL]
    if "loss" in changed:
        wanted = [ACCURACY_FINAL, "valid/r2_final", VALID_FINAL, TRAIN_FINAL]
    elif "regularizer" in changed:
        wanted = [VALID_FINAL, TRAIN_FINAL]
    known = {name for run in runs for name in run.summary["metrics"]}
    return next((metric for metric in wanted if metric in known), wanted[0])
