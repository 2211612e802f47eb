"""Where a parameter is searched: the range that its technique declares, and the values that are tried in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnreg.errors import UserError
from nnreg.registry import entries

DIGITS = 4  # of a value that is tried, so that it can be read and typed


class Range(NamedTuple):
    """Lowest and highest value to try, and where they are from, in words."""

    low: float
    high: float
    told: str


def range_of(
    kind: str, technique: str, node: Mapping[str, Any], parameter: str, given: tuple[float, float] | None
) -> Range | None:
    """Return where a technique's parameter is searched, or None for a technique that has no such parameter.

    Args:
        kind: of the technique.
        technique: its name.
        node: its configuration; its value of the parameter is the middle of the range of one that declares none.
        parameter: to be tuned.
        given: by the user, which wins.

    Raises:
        UserError: no range is known.
    """
    if parameter not in node:
        return None
    declared = declared_by(kind, technique).get(parameter)
    if given is not None:
        return Range(*given, f"{given[0]:g} to {given[1]:g} as given")
    if declared is not None:
        return Range(float(declared[0]), float(declared[1]), f"{declared[0]:g} to {declared[1]:g} as it declares")
    middle = node[parameter]
    if isinstance(middle, bool) or not isinstance(middle, int | float) or not 0 < middle < math.inf:
        raise UserError(f"{kind}={technique} declares no range for {parameter}: give one by protocol.range=[low,high]")
    low, high = (float(f"{middle * factor:.{DIGITS}g}") for factor in (0.1, 10))
    return Range(low, high, f"{low:g} to {high:g}, two decades around {middle:g} as it declares none")


def declared_by(kind: str, technique: str) -> Mapping[str, tuple[float, float]]:
    """Return the ranges that a technique declares, by parameter."""
    entry = entries.techniques(kind).get(technique)
    declared = getattr(entries.load_class(entry), "search", {}) if entry else {}
    return declared if isinstance(declared, Mapping) else {}


def log_grid(low: float, high: float, count: int) -> list[float]:
    """Return values evenly spread on a log scale, ascending, both ends exact; the middle where there is one value.

    Args:
        low: above 0.
        high: above low.
        count: how many, 1 or more; fewer are returned where they cannot be told apart by four digits.
    """
    if count == 1:
        return [float(f"{math.sqrt(low) * math.sqrt(high):.{DIGITS}g}")]
    inner = [float(f"{value:.{DIGITS}g}") for value in np.geomspace(low, high, count)[1:-1]]
    return sorted({low, high, *(value for value in inner if low < value < high)})
