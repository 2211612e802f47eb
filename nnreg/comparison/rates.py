"""How settings were found: which learning rate was best, whether it lies at an edge, how many were tried for a technique."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nnreg.comparison.chance import SMALLEST, loss_floor, placed
from nnreg.comparison.differences import is_ground
from nnreg.engine.history import START_LOSS
from nnreg.records.manifest import GRID, RACE, STUDY, Manifest, Tuned
from nnreg.records.metrics import VALID, VALID_FINAL, is_higher_better, is_loss, leading_results
from nnreg.records.results import Results

Summary = Mapping[str, Any]
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


def deciding(runs: Iterable[Summary], metrics: Sequence[str]) -> str:
    """Return the first of some metrics that a finished run has, by the summaries of all; the first where none has any."""
    known = {name for run in runs if _is_finished(run) for name in run["metrics"]}
    return next((metric for metric in metrics if metric in known), metrics[0])


def best_of(tried: Mapping[float, Sequence[Summary]], by: str) -> float:
    """Return the best of several values, from the summaries of the runs at each.

    It is that with the best mean of the metric that decides, of losses the geometric one; of equals that with the highest
    validation accuracy, then the lowest. A value that lost runs is taken only where every one did; that with the smallest share
    of them is, then, by the mean over its others.
    """
    return min(tried, key=lambda value: (*_rank(tried[value], by), value))


def best_rate(rates: Mapping[float, Results], by: str) -> float:
    """Return the best of several rates, as ``best_of`` does, from the runs at each."""
    return best_of({rate: [run.summary for run in runs] for rate, runs in rates.items()}, by)


def take_part(members: Sequence[tuple[Mapping[str, Any], Results]], by: str) -> list[bool]:
    """Tell of some arms, each given by its settings and runs, whether it takes part in a comparison of techniques.

    Where learning rates were swept and there are several techniques, each takes part at its best rate alone. With one technique
    its rates are the rivals, and all take part.
    """
    rate = rate_key(key for settings, _ in members for key in settings)
    numbered = [(settings, number) for number, (settings, _) in enumerate(members)]
    groups = by_technique(numbered, rate) if rate is not None else {}
    if len({tuple(pair for pair in others if not is_ground(pair[0])) for others in groups}) < 2:
        return [True] * len(members)
    kept = {tried[best_rate({value: members[number][1] for value, number in tried.items()}, by)] for tried in groups.values()}
    return [rate not in settings or number in kept for settings, number in numbered]


def is_at_edge(rate: float, rates: Iterable[float]) -> bool:
    """Tell whether a rate is the lowest or the highest of several."""
    tried = list(rates)
    return len(tried) > 1 and rate in (min(tried), max(tried))


def _rank(runs: Sequence[Summary], by: str) -> tuple[float, float, float]:
    """Return share of lost runs, mean over the others of the metric that decides, and their mean accuracy or R², negative."""
    ended = [run["metrics"] for run in runs if _is_finished(run) and math.isfinite(run["metrics"].get(by, math.nan))]
    if not ended:
        return 1.0, math.inf, 0.0
    values = [metrics[by] for metrics in ended]
    starts = [metrics[START_LOSS] for metrics in ended if START_LOSS in metrics]
    floor = loss_floor(statistics.median(starts)) if starts else SMALLEST  # a single loss of 0 is no infinitely good one
    places = placed("ratio" if is_loss(by) and min(values) >= 0 else "difference", values, floor)
    mean = math.fsum(places.tolist()) / len(ended) * (-1 if is_higher_better(by) else 1)
    ties = leading_results(VALID)
    quality = math.fsum(metrics[name] for metrics in ended for name in ties if name in metrics) / len(ended)
    return (len(runs) - len(ended)) / len(runs), mean, -quality


def _is_finished(summary: Summary) -> bool:
    return bool(summary.get("status") == "finished")


Members = Sequence[tuple[Mapping[str, Any], Results]]


@dataclass(frozen=True)
class Tuning:
    """How the compared settings were found.

    Attributes:
        protocol: ``grid``, ``tune_then_seeds``, ``random_search`` or the sweeper's name.
        budget: configurations tried per technique (value of ``technique``), such as {"sgd": 9, "adam": 9}.
        technique: setting whose values were given a budget each, such as ``optimizer``; "" where nothing was tuned.
        at_edge: techniques whose best learning rate is the lowest or highest that was tried.
        fresh_seeds: whether the compared runs have other seeds than those that the choice was made on.
        runs: of the tuning itself, for the sensitivity curve; not compared.
        parameter: what was tuned.
        by: metric that decided.
        seeds: that a value was chosen on, at most; 0 where the compared runs themselves decide.
        is_mixed: whether sweeps are compared that gave one technique different budgets.
    """

    protocol: str
    budget: Mapping[str, int]
    technique: str
    at_edge: Sequence[str]
    fresh_seeds: bool
    runs: Results
    parameter: str = "optimizer.lr"
    by: str = VALID_FINAL
    seeds: int = 0
    is_mixed: bool = False


def read_tuning(
    manifests: Mapping[Path, Manifest], arms: Members, swept: Mapping[str, Sequence[Any]], searched: Results, metric: str
) -> Tuning:
    """Return how the settings were found.

    Args:
        manifests: of the sweeps, by folder; none for single runs and for sweeps that are older than manifests.
        arms: settings and runs of each.
        swept: setting to its values.
        searched: runs of the tuning.
        metric: that runs are judged by.
    """
    # a study and a race search nothing
    protocols = (GRID if manifest.protocol in (STUDY, RACE) else manifest.protocol for manifest in manifests.values())
    protocol = " and ".join(dict.fromkeys(protocols)) or GRID
    tuned = {folder: manifest.tuning for folder, manifest in manifests.items() if manifest.tuning is not None}
    if tuned:
        return _tuned(protocol, tuned, arms, searched)
    rate = rate_key(swept)
    technique = _technique(rate, swept)
    if protocol != GRID:
        tried = Counter(str(settings.get(technique, "all")) for settings, _ in arms)
        edges = _grid_edges(arms, rate, technique, metric)[1]
        return Tuning(protocol, dict(tried), technique, edges, False, searched, rate or "", metric)
    budget, edges = _grid_edges(arms, rate, technique, metric)
    return Tuning(protocol, budget, technique if budget else "", edges, False, searched, rate or "", metric)


def _tuned(protocol: str, tuned: Mapping[Path, Tuned], arms: Members, searched: Results) -> Tuning:
    """Return what all sweeps that tuned something did together; a run that lies in none of them had one configuration."""
    first = next(iter(tuned.values()))
    budgets: dict[str, set[int]] = {}
    for settings, runs in arms:
        for run in runs:
            name = str((run.config.get(first.technique) or {}).get("name"))
            shown = str(settings.get(first.technique, name))
            budgets.setdefault(shown, set()).add(_budget_of(tuned.get(run.folder.parent), name, shown))
    return Tuning(
        protocol,
        {name: max(counts) for name, counts in budgets.items()},
        first.technique,
        list(dict.fromkeys(edge for each in tuned.values() for edge in _edges(each))),
        all(each.fresh_seeds for each in tuned.values()),
        searched,
        first.parameter,
        first.by,
        len(searched.seeds),
        is_mixed=any(len(counts) > 1 for counts in budgets.values()),
    )


def _budget_of(tuned: Tuned | None, name: str, shown: str) -> int:
    """Return how many values a sweep tried for a technique, given as it is called and as it was chosen."""
    if tuned is None:
        return 1
    if len(tuned.budget) == 1:
        return next(iter(tuned.budget.values()))
    return next((tuned.budget[known] for known in (shown, shown.partition(" [")[0], name) if known in tuned.budget), 1)


def _technique(rate: str | None, swept: Mapping[str, Sequence[Any]]) -> str:
    """Return the technique that is tuned: that whose learning rate was swept, else the first."""
    owner = (rate or "").partition(".")[0]
    return owner if owner else next((key for key in swept if "." not in key), "")


def _edges(tuned: Tuned) -> list[str]:
    """Return the techniques, or combinations, whose chosen value is the first or last of its range."""
    limits = {name: tuned.ranges.get(name, tuned.ranges.get(name.partition(",")[0], ())) for name in tuned.chosen}
    at_edge = {name: is_at_edge(value, limits[name]) for name, value in tuned.chosen.items()}
    whole = {name.partition(",")[0]: True for name in at_edge}
    for name, is_edge in at_edge.items():
        whole[name.partition(",")[0]] &= is_edge
    named = (
        head if whole[head := name.partition(",")[0]] else name.replace(",", " with", 1) for name in at_edge if at_edge[name]
    )
    return list(dict.fromkeys(named))


def _grid_edges(arms: Members, rate: str | None, technique: str, metric: str) -> tuple[dict[str, int], list[str]]:
    """Return how many learning rates each technique was tried with, and those whose best is the lowest or the highest."""
    budget: dict[str, int] = {}
    edges: list[str] = []
    if rate is None:
        return budget, edges
    for others, tried in by_technique(arms, rate).items():
        name = str(dict(others).get(technique) or next(iter(tried.values()))[0].summary["choices"].get(technique, technique))
        budget[name] = max(budget.get(name, 0), len(tried))
        if is_at_edge(best_rate(tried, metric), tried):
            edges.append(name)
    return (budget, list(dict.fromkeys(edges))) if max(budget.values(), default=0) > 1 else ({}, [])
