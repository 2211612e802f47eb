"""One colour for one technique, everywhere: figures, tables and the MLflow page. Told apart by colour-blind readers too."""

from __future__ import annotations

import colorsys
import math
import zlib

from nnreg.registry.entries import techniques
from nnreg.registry.nested import split_name

# Okabe & Ito (2008), "Color universal design", black and yellow left out (text and paper), then Tol's "muted" for more.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
    "#332288", "#117733", "#882255", "#999933", "#44AA99", "#AA4499", "#661100", "#6699CC",
)  # fmt: skip
UNKNOWN = "#777777"
DARKER = (0.0, 0.4, 0.65)  # of the way to black: where there are more techniques than colours, each serves once more, darker
LIGHTEST = 0.65  # of the way to white
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples, modulo 1, keep neighbours apart however many there are


def colour(kind: str, name: str) -> str:
    """Return the ``#rrggbb`` of a technique, whatever stands inside of it; two names of one technique share it."""
    place = _place(kind, name)
    if place is None:
        return UNKNOWN
    turn, place = divmod(place, len(COLOURS))
    return _mixture(COLOURS[place], "#000000", DARKER[turn % len(DARKER)])


def shaded(optimizer: str, init: str) -> str:
    """Return the colour of a run: the optimizer's, mixed with white by its init; the first init leaves it as it is."""
    white = LIGHTEST * ((_place("init", init) or 0) * GOLDEN % 1)
    return _mixture(colour("optimizer", optimizer), "#ffffff", white)


def mixed(text: str) -> str:
    """Return a colour for whatever else tells a run from others: always the same for a text."""
    share = zlib.crc32(text.encode()) / 2**32
    red, green, blue = colorsys.hls_to_rgb(share, 0.35 + 0.2 * (share * 97 % 1), 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))


def _mixture(colour: str, other: str, share: float) -> str:
    if not share:
        return colour
    parts = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * one + share * two):02x}" for one, two in parts)


def _place(kind: str, name: str) -> int | None:
    """Return a technique's place in its kind, built-in ones first, so that installing a plugin leaves their colours alone."""
    entries = techniques(kind)
    order = sorted(entries, key=lambda other: (entries[other].distribution != "nnreg", other))
    targets = list(dict.fromkeys(entries[other].target for other in order))
    name = split_name(name.partition(" [")[0])[0]  # a comparison tells one's code apart so
    return targets.index(entries[name].target) if name in entries else None
