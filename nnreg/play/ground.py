"""The ground of a descent as a page draws it: heights of a surface, packed small."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnreg.engine.descent import Terrain, Values, measure
from nnreg.play.answers import lowest_of
from nnreg.play.knobs import made_technique
from nnreg.play.packing import packed

FULL = 65535


def shown_ground(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a page needs of a surface: domain, minima, and the heights of its map where there is one."""
    name, values = str(asked.get("name")), asked.get("values") or {}
    surface = made_technique("surface", name, values if isinstance(values, dict) else {})
    about = {
        "name": name,
        "dimensions": len(surface.start),
        "start": [float(each) for each in surface.start],
        "domain": [[float(end) for end in interval] for interval in surface.domain],
        "minima": [[float(each) for each in minimum] for minimum in surface.minima],
        "lowest": lowest_of(surface),
        "largest_curvature": surface.largest_curvature,
    }
    return about | (_heights(measure(name, surface)) if len(surface.start) == 2 else {})


def _heights(terrain: Terrain) -> dict[str, Any]:
    """Return the heights of a map as text: their logarithm above the lowest point, in 65,536 steps.

    Contours are evenly spaced in it. Rows go from the lowest y to the highest; what is not finite is as high as can be.
    """
    levels = terrain.levels
    above = np.where(np.isfinite(terrain.z), terrain.z - terrain.lowest, np.inf)
    finite = above[np.isfinite(above)]
    greatest = float(finite.max(initial=0.0)) or 1.0
    least = float(levels[0] - terrain.lowest) if len(levels) else greatest / 2
    return {
        "count": [len(terrain.x), len(terrain.y)],
        "least": least,
        "greatest": greatest,
        "levels": len(levels),
        "heights": packed(_shares(above, least, greatest).astype("<u2")),
    }


@np.errstate(divide="ignore")
def _shares(above: Values, least: float, greatest: float) -> Values:
    shares = np.log(np.maximum(above, least) / least) / np.log(max(greatest / least, 1 + 1e-9))
    steps: Values = np.round(np.clip(shares, 0, 1) * FULL)
    return steps
