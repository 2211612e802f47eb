"""A surface in three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nnreg.engine.descent import measure
from nnreg.errors import UserError
from nnreg.figures.groups import ended
from nnreg.figures.page import INK, Page
from nnreg.figures.spec import Common, read_words
from nnreg.figures.surfaces import ground
from nnreg.records.results import Results

EVERY = 6  # points of the grid between two lines of the mesh


@dataclass
class Surface3D(Common):
    """What a picture of a surface may be told.

    Args:
        elevation: of the eye, in degrees.
        azimuth: of the eye, in degrees.
        log: whether height is the logarithm of f above its minimum.
    """

    elevation: float = 32.0
    azimuth: float = -60.0
    log: bool = False


def surface_3d(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw the surface of the first run, as ``Surface3D`` says."""
    words, run = read_words(Surface3D, spec), ended(results)[0]
    found = ground(run)
    if len(found.surface.start) != 2:
        raise UserError(f"surface_3d needs a surface of two dimensions, {found.name} has {len(found.surface.start)}")
    terrain = measure(found.name, found.surface)
    z = np.log10(np.maximum(terrain.z - terrain.lowest, 1e-3)) if words.log else terrain.z
    height = "log₁₀ of f above its minimum, at least -3" if words.log else "f(x, y)"
    page = Page(
        7.4, 4.9, title, words.subtitle, f"{found.name.replace('_', ' ').capitalize()}; height: {height}. {words.note}".strip()
    )
    axes: Any = page.axes(0.3, -0.35, 6.8, 5.4, projection="3d")
    mesh = {"rstride": EVERY, "cstride": EVERY, "linewidth": 0.25, "edgecolor": "#ffffff70", "antialiased": True}
    axes.plot_surface(*np.meshgrid(terrain.x, terrain.y), z, cmap="cividis", **mesh)
    axes.view_init(words.elevation, words.azimuth)
    axes.set_box_aspect((1, 1, 0.6), zoom=0.95)
    for setter, label in ((axes.set_xlabel, "x"), (axes.set_ylabel, "y"), (axes.set_zlabel, "log f" if words.log else "f")):
        setter(label, fontsize=9.5, color=INK)
    axes.tick_params(labelsize=7.5, labelcolor=INK)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("#ffffff")
        axis._axinfo["grid"].update(color="#e4e4e4", linewidth=0.6)
    return page.figure
