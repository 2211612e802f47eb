"""The numbers of a run that have schedules of their own: built, found in the techniques, and held to their ranges."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnreg.contracts import Layer
from nnreg.engine.pace import Varied, recorded_steps
from nnreg.engine.training import paced
from nnreg.errors import UserError, one_line
from nnreg.numerals import as_typed
from nnreg.registry import entries
from nnreg.registry.building import build_entry
from nnreg.registry.probing import probe
from nnreg.registry.varied import KIND, VARY, owner_of, varied_places


def varied_numbers(
    config: DictConfig, built: Mapping[str, Any], steps: int, layers: Sequence[Layer] = ()
) -> tuple[Varied, ...]:
    """Return the numbers of a run that vary.

    Args:
        config: of the run.
        built: its techniques by place.
        steps: updates of the whole run.
        layers: of its network, in which copies of a prototype work.

    Raises:
        UserError: a number cannot vary, leaves its range on the way, or a schedule cannot be made.
    """
    found = []
    for place, node in varied_places(config):
        entry = entries.find_technique(KIND, str(node["name"]))
        owner, name = owner_of(place, built), place.rpartition(".")[2]
        schedule = build_entry(entry, OmegaConf.select(config, f"{VARY}.{place}"), f"{VARY}.{place}")
        probe(entry, schedule)
        number = Varied(place, (owner, *_copies(owner, layers)), float(getattr(owner, name)), schedule)
        _check_range(number, owner, steps)
        found.append(number)
    return tuple(found)


def _check_range(number: Varied, owner: Any, steps: int) -> None:
    """Refuse a course that leaves the range of its number, by the technique's own words."""
    factor, trial = paced(number.schedule, steps), copy.copy(owner)
    factors = [factor(step + 1) for step in (*recorded_steps(steps), steps - 1)]
    for value in {number.base * min(factors), number.base * max(factors)}:
        number._replace(owners=(trial,)).set_to(value)
        try:
            getattr(trial, "__post_init__", lambda: None)()
        except ValueError as error:
            raise UserError(f"{VARY}.{number.place} leads to {as_typed(value)}: {one_line(error)}") from error


def _copies(owner: Any, layers: Sequence[Layer]) -> list[object]:
    """Return the copies of a layer's prototype among layers and what they are made of."""
    found, seen, left = list[object](), set[int](), list[object](layers) if isinstance(owner, Layer) else []
    while left:
        layer = left.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if type(layer) is type(owner):
            found.append(layer)
        for value in vars(layer).values():
            parts = value if isinstance(value, list | tuple) else (value,)
            left += [part for part in parts if isinstance(part, Layer)]
    return found
