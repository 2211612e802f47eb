"""Which curves stand together: all in one overlay, or a panel for every combination of the other settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from nnreg.comparison.axes import is_ground, name, words
from nnreg.comparison.cells import leading
from nnreg.comparison.contenders import Ground, at_best_rates, ground_of
from nnreg.comparison.gathering import Arm
from nnreg.comparison.phrases import value_word
from nnreg.comparison.rates import is_rate
from nnreg.figures.curves import Facet
from nnreg.figures.groups import ARM, Group, groups, known
from nnreg.records.metrics import called
from nnreg.records.results import Results

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings

MOST_TOGETHER = 4  # curves in one overlay of several settings
MOST_FACETS, MOST_CURVES = 12, 14


def facets(comparison: Findings) -> tuple[list[Facet], str]:
    """Return the panels of curves, and what a subtitle says where not all are shown."""
    gathered = comparison.gathered
    shown = at_best_rates(comparison.standings)
    names, tuned = {each.arm.name for each in shown}, len(shown) < len(comparison.standings)
    arms = [arm for arm in gathered.arms if has_result(arm) and arm.name in names]
    axes = [axis for axis in leading(gathered.axes) if not (tuned and is_rate(axis))]
    across = [axis for axis in axes if not is_ground(axis)]
    said = "each at its best learning rate" if tuned else ""
    is_crowd = len(arms) > MOST_TOGETHER and len(axes) > 1
    if across and (is_crowd or len(across) < len(axes)):
        rest = [axis for axis in axes if axis != across[0]]
        found = _faceted(arms, across[0], rest, gathered.axes)
        if found and len(found) <= MOST_FACETS and max(len(facet.groups) for facet in found) <= MOST_CURVES:
            return found, said
    found, left_out = _best([each.arm for each in shown if has_result(each.arm)], called(comparison.metric))
    return found, ", ".join(filter(None, (left_out, said)))


def _best(arms: Sequence[Arm], metric: str) -> tuple[list[Facet], str]:
    """Return a panel of the best of some arms, best first, or one for each dataset that they are on, and what is left out."""
    on: dict[Ground, list[Arm]] = {}
    for arm in arms:
        on.setdefault(ground_of(arm), []).append(arm)
    most = max(map(len, on.values()))
    found = [
        Facet(name(dict(ground)), [Group(_apart(arm), arm.name, arm.colour, ended(arm)) for arm in own[:MOST_CURVES]])
        for ground, own in list(on.items())[:MOST_FACETS]
    ]
    parts = [f"the {MOST_CURVES} best of {most} by {metric}{' on each' if len(on) > 1 else ''}"] if most > MOST_CURVES else []
    parts += [f"the first {MOST_FACETS} of {len(on)} panels"] if len(on) > MOST_FACETS else []
    return found, ", ".join(parts)


def _apart(arm: Arm) -> str:
    """Return what an arm is called among those on the same dataset."""
    return name({key: value for key, value in arm.settings.items() if not is_ground(key)} if ground_of(arm) else {}) or arm.name


def _faceted(arms: Sequence[Arm], by: str, rest: Sequence[str], axes: Mapping[str, Sequence[Any]]) -> list[Facet]:
    """Return a panel for every combination of the other settings; a value of ``by`` has one colour in all of them."""
    colours = colours_of(arms, by)
    found = []
    for values in product(*(axes[axis] for axis in rest)):
        own = [arm for arm in arms if all(arm.settings.get(axis) == value for axis, value in zip(rest, values, strict=True))]
        curves = [
            Group(value_word(arm.settings.get(by)), arm.settings.get(by), colours[arm.settings.get(by)], ended(arm))
            for arm in own
        ]
        heading = ", ".join(words(axis, value) for axis, value in zip(rest, values, strict=True))
        found += [Facet(heading, curves)] if curves else []
    return found


def colours_of(arms: Sequence[Arm], axis: str) -> dict[Any, str]:
    """Return one colour for each value of a setting, also of one that is in no configuration: a study's arm, a user's YAML."""
    runs = [(run, arm.settings.get(axis)) for arm in arms for run in arm.runs]
    if all(axis in known(run) for run, _ in runs):
        return {group.value: group.colour for group in groups(Results(run for run, _ in runs), axis)}
    values = {str(value): value for _, value in runs}
    named = Results(dataclasses.replace(run, arm=str(value)) for run, value in runs)
    return {values[group.label]: group.colour for group in groups(named, ARM)}


def has_result(arm: Arm) -> bool:
    """Tell whether a run of an arm ended as a result."""
    return any(run.summary["status"] in ("finished", "diverged") for run in arm.runs)


def ended(arm: Arm) -> Results:
    """Return the runs of an arm that ended as a result, finished or diverged."""
    return Results(run for run in arm.runs if run.summary["status"] in ("finished", "diverged"))
