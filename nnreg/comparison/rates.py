"""Learning rates: which was best for a technique, by validation loss alone, and whether it lies at an edge of those tried."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from nnreg.results import Results

CHOSEN_BY = ("valid/loss_final", "train/loss_final", "descent/value")
"""Metrics that decide, lower is better; the first that was recorded."""

T = TypeVar("T")


def is_rate(key: str) -> bool:
    """Tell whether a setting is a learning rate."""
    return key.rpartition(".")[2] == "lr"


def rate_key(keys: Iterable[str]) -> str | None:
    """Return the first learning rate among some settings, or None."""
    return next((key for key in keys if is_rate(key)), None)


def by_technique(
    members: Sequence[tuple[Mapping[str, Any], T]], rate: str
) -> dict[tuple[tuple[str, Any], ...], dict[float, T]]:
    """Return what belongs to each learning rate, ascending, for each combination of all other settings."""
    groups: dict[tuple[tuple[str, Any], ...], dict[float, T]] = {}
    for settings, member in members:
        others = tuple((key, value) for key, value in settings.items() if key != rate)
        if rate in settings:
            groups.setdefault(others, {})[settings[rate]] = member
    return {others: dict(sorted(found.items())) for others, found in groups.items()}


def best(rates: Mapping[float, Results]) -> float:
    """Return the rate with the lowest mean validation loss over its seeds; one that lost runs only where every rate did."""
    whole = {rate: runs for rate, runs in rates.items() if all(_is_finished(run.summary) for run in runs)} or rates
    return min(whole, key=lambda rate: (score(whole[rate]), rate))


def score(runs: Results) -> float:
    """Return the mean over finished runs of the metric that decides; infinite where none finished."""
    finished = [run.summary["metrics"] for run in runs if _is_finished(run.summary)]
    metric = next((name for name in CHOSEN_BY if any(name in metrics for metrics in finished)), "")
    values = [metrics[metric] for metrics in finished if metric in metrics]
    return float(np.mean(values)) if values else math.inf


def is_at_edge(rate: float, rates: Iterable[float]) -> bool:
    """Tell whether a rate is the lowest or the highest of several."""
    tried = list(rates)
    return len(tried) > 1 and rate in (min(tried), max(tried))


def _is_finished(summary: Mapping[str, Any]) -> bool:
    return bool(summary["status"] == "finished")
