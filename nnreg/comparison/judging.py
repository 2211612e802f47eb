"""By which metric arms are judged, and how its values are set against each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnreg.comparison.chance import SMALLEST, Scale, loss_floor, loss_resolution, placed
from nnreg.engine.history import START_LOSS, TRAIN_LOSS
from nnreg.errors import UserError
from nnreg.records.metrics import (
    DESCENT_VALUE,
    TRAIN_FINAL,
    TRAIN_MEAN,
    VALID,
    VALID_FINAL,
    called,
    is_higher_better,
    is_loss,
    is_share,
    leading_results,
    summary_name,
)
from nnreg.records.results import Result
from nnreg.settings import DESCEND, task_of

TRAINING = "Training"
MOST = 700.0  # of a logarithm, so that its ratio is a number
GENERALISE = ("regularizer", "dropout", "augmentation")
"""Kinds whose techniques are there for rows that a network has not seen: their runs are judged by the validation loss."""


def judged_metric(
    runs: Sequence[Result], changed: Collection[str], tuned_by: Collection[str] = (), wanted: str | None = None
) -> str:
    """Return the metric that arms are ranked and compared by, and by which settings are chosen: one for all of it.

    What is wanted; else what the settings were tuned by; else the final training loss, of descents the final value. The final
    validation loss where regularizers, dropout or augmentation were swept; the final validation accuracy, or R², where the loss
    itself was changed.

    Args:
        runs: all of them.
        changed: kinds of techniques that were swept, or of which a parameter was.
        tuned_by: metrics that settings were chosen by.
        wanted: as typed; ``valid/accuracy`` stands for its final value.

    Raises:
        UserError: settings were tuned by several metrics, or some of the runs are older than the final training loss.
    """
    known = {name for run in runs for name in run.summary["metrics"]}
    if wanted is not None:
        metric = _last_value(wanted, known)
    elif len(set(tuned_by)) > 1:
        names = " and ".join(sorted(set(tuned_by)))
        raise UserError(f"these sweeps were tuned by different metrics, {names}: name one by --metric, or compare each alone")
    else:
        metric = _default(runs, known, changed, tuned_by)
    if metric == TRAIN_FINAL:
        _check_version(runs)
    return metric


def _last_value(wanted: str, known: set[str]) -> str:
    """Return the name that a metric's last value is recorded by, as it is typed: ``valid/accuracy``."""
    if wanted in known:
        return wanted
    if wanted == TRAIN_LOSS:
        return TRAIN_FINAL if TRAIN_FINAL in known else TRAIN_MEAN
    return name if (name := summary_name(wanted)) in known else wanted


def _default(runs: Sequence[Result], known: set[str], changed: Collection[str], tuned_by: Collection[str]) -> str:
    if tuned_by:
        return next(iter(tuned_by))
    if task_of(runs[0].summary) == DESCEND:
        return DESCENT_VALUE
    wanted = [TRAIN_FINAL, TRAIN_MEAN]
    if "loss" in changed:
        wanted = [*leading_results(VALID), VALID_FINAL, *wanted]
    elif {*GENERALISE} & {*changed}:
        wanted = [VALID_FINAL, *wanted]
    return next((metric for metric in wanted if metric in known), wanted[0])


def _check_version(runs: Sequence[Result]) -> None:
    """Refuse runs of which some have a final training loss and others, which were written before there was one, have none."""
    ended = [run for run in runs if run.summary["status"] == "finished"]
    old = next((run for run in ended if TRAIN_FINAL not in run.summary["metrics"]), None)
    if old is not None and any(TRAIN_FINAL in run.summary["metrics"] for run in ended):
        raise UserError(
            f"these runs cannot be compared by {TRAIN_FINAL}: {old.folder} was written by an earlier version of nnreg, which "
            f"recorded none; compare them apart, or by what all have: --metric {TRAIN_MEAN}"
        )


def companion_metric(metric: str, runs: Sequence[Result], changed: Collection[str]) -> str | None:
    """Return the metric of the other line of an answer: how well networks generalise, beside how well they are trained.

    None where a run measured only one of the two, or where the loss itself was changed: its values mean different things.
    """
    ended = [set(run.summary["metrics"]) for run in runs if run.summary["status"] == "finished"]
    other = VALID_FINAL if judged_words(metric) == TRAINING else TRAIN_FINAL
    is_of_training = task_of(runs[0].summary) != DESCEND and any(metric in known for known in ended)
    return other if is_of_training and "loss" not in changed and all(other in known for known in ended) else None


@dataclass(frozen=True)
class Ruler:
    """How values of a metric are set against each other.

    Attributes:
        scale: losses as ratios, all else as differences.
        floor: loss below which nothing can be told apart.
        least: standard deviation of a distance that is at least assumed: that of rounding, or of counting whole rows.
        higher: whether more is better.
    """

    scale: Scale = "difference"
    floor: float = SMALLEST
    least: float = 0.0
    higher: bool = False

    def placed(self, by_seed: Mapping[int, float]) -> dict[int, float]:
        """Return values where their differences are the distances, by seed; those that are not finite left out."""
        kept = {seed: value for seed, value in by_seed.items() if math.isfinite(value)}
        values = placed(self.scale, list(kept.values()), self.floor)
        return dict(zip(kept, map(float, values), strict=True))

    def value(self, place: float) -> float:
        """Return the value at a place; of a distance of losses their ratio."""
        if self.scale == "difference":
            return place
        return math.exp(min(max(place, -MOST), MOST)) if math.isfinite(place) else place


def ruler_of(metric: str, runs: Iterable[Result]) -> Ruler:
    """Return how the values of a metric of some runs are set against each other."""
    ended = [run for run in runs if run.summary["status"] == "finished"]
    higher = is_higher_better(metric)
    if is_share(metric):
        counts = [row[part] for run in ended if (part := metric.partition("/")[0]) in (row := _rows(run))]
        return Ruler(least=1 / min(counts) / math.sqrt(6) if counts else 0.0, higher=higher)
    if not is_loss(metric) or any(run.summary["metrics"].get(metric, 0.0) < 0 for run in ended):
        return Ruler(higher=higher)
    dtype = "float64" if any(run.config.get("dtype") == "float64" for run in ended) else "float32"
    starts = [run.summary["metrics"][START_LOSS] for run in ended if START_LOSS in run.summary["metrics"]]
    return Ruler("ratio", loss_floor(statistics.median(starts) if starts else 0.0, dtype), loss_resolution(dtype), higher)


def _rows(run: Result) -> Mapping[str, int]:
    rows: Mapping[str, int] = (run.summary["dataset"] or {}).get("rows", {})
    return rows


def judged_words(metric: str) -> str:
    """Return which side of a network a metric shows, to stand before a line of an answer: ``Training``."""
    return {"train": TRAINING, "final": TRAINING, "valid": "Validation", "test": "Test"}.get(
        metric.partition("/")[0], called(metric).capitalize()
    )
