"""How the compared settings were found: the protocol, the configurations tried per technique, rates at an edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnreg.comparison import rates
from nnreg.records.manifest import GRID, Manifest, Tuned
from nnreg.records.metrics import VALID_FINAL
from nnreg.records.results import Results

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
        by: metric that decided, the lowest.
    """

    protocol: str
    budget: Mapping[str, int]
    technique: str
    at_edge: Sequence[str]
    fresh_seeds: bool
    runs: Results
    parameter: str = "optimizer.lr"
    by: str = VALID_FINAL


def tuning(manifests: Sequence[Manifest], arms: Members, swept: Mapping[str, Sequence[Any]], searched: Results) -> Tuning:
    """Return how the settings were found.

    Args:
        manifests: of the sweeps; none for single runs and for sweeps that are older than manifests.
        arms: settings and runs of each.
        swept: setting to its values.
        searched: runs of the tuning.
    """
    protocol = " and ".join(dict.fromkeys(manifest.protocol for manifest in manifests)) or GRID
    tuned = next((manifest.tuning for manifest in manifests if manifest.tuning is not None), None)
    if tuned is not None:
        edges = _edges(tuned)
        found = (dict(tuned.budget), tuned.technique, edges, tuned.fresh_seeds, searched, tuned.parameter, tuned.by)
        return Tuning(protocol, *found)
    rate = rates.rate_key(swept)
    technique = _technique(rate, swept)
    if protocol != GRID:
        tried = Counter(str(settings.get(technique, "all")) for settings, _ in arms)
        return Tuning(protocol, dict(tried), technique, _grid_edges(arms, rate, technique)[1], False, searched, rate or "")
    budget, edges = _grid_edges(arms, rate, technique)
    return Tuning(protocol, budget, technique if budget else "", edges, False, searched, rate or "")


def _technique(rate: str | None, swept: Mapping[str, Sequence[Any]]) -> str:
    """Return the technique that is tuned: that whose learning rate was swept, else the first."""
    owner = (rate or "").partition(".")[0]
    return owner if owner else next((key for key in swept if "." not in key), "")


def _edges(tuned: Tuned) -> list[str]:
    """Return the techniques, or combinations, whose chosen value is the first or last of its range."""
    limits = {name: tuned.ranges.get(name, tuned.ranges.get(name.partition(",")[0], ())) for name in tuned.chosen}
    at_edge = {name: rates.is_at_edge(value, limits[name]) for name, value in tuned.chosen.items()}
    whole = {name.partition(",")[0]: True for name in at_edge}
    for name, is_edge in at_edge.items():
        whole[name.partition(",")[0]] &= is_edge
    named = (
        head if whole[head := name.partition(",")[0]] else name.replace(",", " with", 1) for name in at_edge if at_edge[name]
    )
    return list(dict.fromkeys(named))


def _grid_edges(arms: Members, rate: str | None, technique: str) -> tuple[dict[str, int], list[str]]:
    """Return how many learning rates each technique was tried with, and those whose best is the lowest or the highest."""
    budget: dict[str, int] = {}
    edges: list[str] = []
    if rate is None:
        return budget, edges
    for others, tried in rates.by_technique(arms, rate).items():
        name = str(dict(others).get(technique) or next(iter(tried.values()))[0].summary["choices"].get(technique, technique))
        budget[name] = max(budget.get(name, 0), len(tried))
        if rates.is_at_edge(rates.best(tried), tried):
            edges.append(name)
    return (budget, list(dict.fromkeys(edges))) if max(budget.values(), default=0) > 1 else ({}, [])
