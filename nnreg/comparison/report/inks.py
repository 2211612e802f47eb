"""The colours of a page on white and on dark paper: a technique keeps its hue, and is seen on both."""

from __future__ import annotations

from collections.abc import Iterable

from nnreg.registry.palette import CONTRAST, DARK_GROUND, contrast, on_dark

WHITE = "#ffffff"
OF_TEXT = 4.5
"""Contrast of letters with the paper (WCAG 2.2, 1.4.3)."""
STEPS = 50


def seen_on(colour: str, paper: str, least: float) -> str:
    """Return a colour as near as can be to one that has at least some contrast with a paper."""
    towards = "#000000" if paper == WHITE else WHITE
    for step in range(STEPS + 1):
        found = _mixed(colour, towards, step / STEPS)
        if contrast(found, paper) >= least:
            return found
    return towards


def letters_on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour: one of them has a contrast of 4.5 with any."""
    return max(("#000000", WHITE), key=lambda letters: contrast(letters, colour))


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = ((int(colour[place : place + 2], 16), int(other[place : place + 2], 16)) for place in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * one + share * two):02x}" for one, two in pairs)


def ink(colour: str, *, of_text: bool = False) -> str:
    """Return a colour as a page names it, for a mark or for letters."""
    return f"var(--{'t' if of_text else 'c'}{colour.lstrip('#').lower()})"


def ink_styles(colours: Iterable[str]) -> str:
    """Return the style sheet that gives some colours their values on white and on dark paper."""
    kept = sorted({colour.lower() for colour in colours})

    light = "".join(_values(colour, colour, WHITE) for colour in kept)
    dark = "".join(_values(colour, on_dark(colour), DARK_GROUND) for colour in kept)
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _values(name: str, colour: str, paper: str) -> str:
    mark, text = (seen_on(colour, paper, least) for least in (CONTRAST, OF_TEXT))
    return f"--c{name[1:]}:{mark};--t{name[1:]}:{text};"
