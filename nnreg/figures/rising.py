"""The picture of a rising sweep of the learning rate: the loss over the rate, and what was suggested."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nnreg.engine.rising import Rising, Suggestion
from nnreg.figures.page import INK, NAME, QUIET, Page, PlainLogFormatter, finish, is_steep, legible
from nnreg.numerals import chosen

ROOM = 0.15  # of the height that the smoothed loss takes, above its first


def rising_figure(found: Rising, suggestion: Suggestion | None, label: str, subtitle: str, colour: str) -> Figure:
    """Return the picture of a sweep.

    Args:
        found: what was measured, of at least one rate.
        suggestion: what it suggests, or None.
        label: of the run, such as ``adam-he on digits``.
        subtitle: what was done.
        colour: of the run.
    """
    footer = "Pale: loss of each step's batch, before its update. Line: centred mean of eleven."
    page = Page(8, 4.4, f"Which learning rate for {label}?", subtitle, footer)
    axes = page.axes(0.75, 0.25, 6.85, 3.6)
    axes.plot(found.rates, found.losses, color=colour, alpha=0.3, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(float(found.rates[0]) / 1.2, float(found.rates[-1]) * (4 if found.has_exploded else 1.2))
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    smoothed = found.smoothed
    axes.plot(found.rates, smoothed, color=colour, linewidth=2)
    low, high = float(smoothed.min()), float(smoothed[: int(np.argmin(smoothed)) + 1].max())
    if is_steep(low, high):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(low / 1.5, high * 1.5)
    else:
        room = ROOM * max(high - low, 0.05 * abs(high), 1e-12)
        axes.set_ylim(low - room, high + 2 * room)
    finish(axes, "learning rate", "loss of the batch")
    if suggestion is not None:
        axes.axvspan(suggestion.falls_from, suggestion.lowest, color=colour, alpha=0.07, linewidth=0)
        for rate, words, ink in (
            (suggestion.rate, f"suggested: {chosen(suggestion.rate)}", INK),
            (suggestion.lowest, f"lowest: {chosen(suggestion.lowest, 2)}", QUIET),
        ):
            height = float(np.interp(np.log(rate), np.log(found.rates), smoothed))
            axes.plot([rate], [height], marker="o", markersize=7 if ink == INK else 5, color=legible(ink), zorder=5)
            note = axes.annotate(words, (rate, height), (-9, -4), textcoords="offset points", fontsize=NAME, color=ink)
            note.set(ha="right", va="top")
    if found.has_exploded:
        axes.axvline(float(found.rates[-1]), color=QUIET, linewidth=0.8, linestyle=(0, (3, 3)))
        where = axes.get_xaxis_transform()
        axes.text(float(found.rates[-1]), 0.98, " explodes", transform=where, fontsize=NAME, color=QUIET, va="top")
    return page.figure
