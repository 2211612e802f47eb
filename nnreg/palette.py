"""One colour for one technique, everywhere: figures, tables and the MLflow page. Told apart by colour-blind readers too."""

from __future__ import annotations

import colorsys

from nnreg import registry

# Okabe & Ito (2008), "Color universal design", black and yellow left out (text and paper), then Tol's "muted" for more.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9",
    "#332288", "#117733", "#882255", "#999933", "#44AA99", "#AA4499", "#661100", "#6699CC",
)  # fmt: skip
UNKNOWN = "#777777"
LIGHTEST = 0.45
SHADES = 8


def colour(kind: str, name: str) -> str:
    """Return the ``#rrggbb`` of a technique: built-in ones first, so that installing a plugin leaves theirs alone."""
    order = _order(kind)
    return COLOURS[order.index(name) % len(COLOURS)] if name in order else UNKNOWN


def shaded(optimizer: str, init: str) -> str:
    """Return the colour of a run: the optimizer's hue, lighter or darker by its init."""
    inits = _order("init")
    position = inits.index(init) % SHADES / SHADES if init in inits else 0.0
    red, green, blue = (int(colour("optimizer", optimizer)[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    lighter = light + (1 - light) * LIGHTEST * position
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lighter, saturation))


def _order(kind: str) -> list[str]:
    entries = registry.entries(kind)
    return sorted(entries, key=lambda name: (entries[name].distribution != "nnreg", name))
