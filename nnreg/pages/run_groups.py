"""Runs that differ in nothing but the seed, and by which parameters MLflow's pages put them together. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FIRST = ("optimizer", "init")
_NOT_COMPARED = ("seed", "parameters")
_PALETTE = 29  # colours that MLflow's pages have for groups; nothing but a group's name decides which
_MOST_PERMUTED = 4  # parameters; more have more orders than are worth trying


@dataclass(frozen=True)
class SeenRun:
    """What of a run decides how its experiment is shown.

    Attributes:
        params: by name.
        metrics: names of what was measured.
        sweep_id: of the sweep that it belongs to, or None.
        run_id: of MLflow.
        is_answer: whether it is no run like the others but a comparison of them.
        page: file among its artifacts that shows the answer, or "".
    """

    params: Mapping[str, str]
    metrics: frozenset[str]
    sweep_id: str | None = None
    run_id: str = ""
    is_answer: bool = False
    page: str = ""


def varying_params(runs: Sequence[SeenRun]) -> list[str]:
    """Return the parameters in which runs differ, other than the seed, in alphabetical order."""
    names = sorted(set().union(*(run.params for run in runs)))
    return [name for name in names if name not in _NOT_COMPARED and len({run.params.get(name) for run in runs}) > 1]


def has_several_seeds(runs: Sequence[SeenRun]) -> bool:
    """Tell whether some runs differ in nothing but the seed."""
    varying = varying_params(runs)
    return len(_groups(runs, varying)) < len(_groups(runs, [*varying, "seed"]))


def grouping(runs: Sequence[SeenRun]) -> list[str]:
    """Return the fewest parameters that tell runs apart as well as all of them but the seed, in the order that colours best.

    MLflow's pages draw a group in a colour that follows from its name, and so do some groups in the same: naming the
    parameters in another order, or one more that all runs share, makes other names.
    """
    keys = _fewest(runs) or [_FIRST[0]]
    if len(keys) > _MOST_PERMUTED:
        return keys
    shared = [name for name in ("dataset", "activation", "loss") if name not in keys]
    orders = [list(order) for extra in ([], *([name] for name in shared)) for order in itertools.permutations([*keys, *extra])]
    return max(orders, key=lambda order: len(set(map(colour, names(runs, order)))))  # the first of the best


def names(runs: Sequence[SeenRun], keys: Sequence[str]) -> list[str]:
    """Return how MLflow's pages call the groups of runs among themselves, in the order of the runs."""
    return [
        ",".join(f"param.{key}.{value or 'null'}" for key, value in zip(keys, group, strict=True))
        for group in _groups(runs, keys)
    ]


def colour(name: str) -> int:
    """Return the place in the palette of the pages that a group's name leads to: Fletcher's checksum of its characters."""
    low = high = 0
    for character in name:
        low = (low + ord(character)) % 255
        high = (high + low) % 255
    return (low | high << 8) % _PALETTE


def _fewest(runs: Sequence[SeenRun]) -> list[str]:
    """Leave out what follows from the rest: the learning rate's default from the optimizer."""
    varying = varying_params(runs)
    kept: list[str] = []
    for name in dict.fromkeys((*(name for name in _FIRST if name in varying), *varying)):
        if len(_groups(runs, [*kept, name])) > len(_groups(runs, kept)):
            kept.append(name)
    return kept


def _groups(runs: Sequence[SeenRun], keys: Sequence[str]) -> dict[tuple[str | None, ...], None]:
    """Return the different values of some parameters, as the keys of an ordered set."""
    return dict.fromkeys(tuple(run.params.get(key) for key in keys) for run in runs)
