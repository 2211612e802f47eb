"""The picture of ``peers.py``: how long a step takes beside others, at a glance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contenders import FAST, LIMIT, OWN, SCAN, SOURCE, TORCH

if TYPE_CHECKING:
    from peers import Competition

LINE, LEFT, ABOVE, BELOW, WIDTH = 0.28, 2.0, 0.55, 0.35, 5.7  # inches: of a row, before rows, above a panel, below it, of it
TICKS = (0.5, 0.7, 1, 1.5, 2, 3, 5, 8, 12)


class Peer(NamedTuple):
    """A mark of the picture.

    Attributes:
        label: in the legend.
        names: of the contenders, the fastest of which it stands for.
        marker: matplotlib's.
        colour: of the mark.
    """

    label: str
    names: tuple[str, ...]
    marker: str
    colour: str


PEERS = (
    Peer("products alone", (LIMIT,), "|", "#777777"),
    Peer("nnreg by NumPy alone", (OWN,), "o", "#2b6cb0"),
    Peer("JAX, scan of 100", (SCAN,), "s", "#c05621"),
    Peer("torch, its best", TORCH, "^", "#2f855a"),
    Peer("scikit-learn", ("scikit-learn",), "D", "#97266d"),
    Peer("the textbook's way", (SOURCE,), "X", "#222222"),
)


def ratios(competition: Competition) -> dict[str, float]:
    """Return how many times nnreg[fast]'s step that of each peer takes, by its label; of those that trained."""
    times = {peer.label: competition.least(*peer.names) / competition.least(FAST) for peer in PEERS}
    return {label: time for label, time in times.items() if not math.isnan(time)}


def save_picture(competitions: Sequence[Competition], about: str, path: Path) -> None:
    """Draw and write the picture: a panel for each number of threads, a row for each network and optimizer."""
    from matplotlib.lines import Line2D

    from nnreg.figures.page import INK, NAME, QUIET, Page, save_figure  # here: the processes that train need no matplotlib

    panels = [[*each] for _, each in groupby(competitions, key=lambda each: each.threads)]
    height = sum(ABOVE + LINE * len(each) + BELOW for each in panels)
    subtitle = f"Times what a step takes by {FAST}, the line at 1: who is right of it is slower. Same weights, same batches."
    page = Page(LEFT + WIDTH + 0.5, height, "How long does a step take, beside others?", subtitle, about)
    found = {(one.column, one.threads): ratios(one) for one in competitions}
    known = [peer for peer in PEERS if any(peer.label in each for each in found.values())]
    values = [ratio for each in found.values() for ratio in each.values()]
    top = 0.0
    for number, each in enumerate(panels):
        axes = page.axes(LEFT, top + ABOVE, WIDTH, LINE * len(each))
        axes.set_xscale("log")
        axes.set_xlim(min([0.5, *values]) / 1.1, max([3.0, *values]) * 1.1)
        axes.set_xticks([tick for tick in TICKS if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]])
        axes.set_xticklabels([f"{tick:g}" for tick in axes.get_xticks()], fontsize=NAME, color=QUIET)
        axes.set_xticks([], minor=True)
        axes.set_ylim(len(each) - 0.4, -0.6)
        words = [f"{one.column}, {one.least(FAST):,.0f} µs" for one in each]
        axes.set_yticks(range(len(each)), words, fontsize=NAME, color=INK)
        axes.tick_params(length=0)
        axes.grid(axis="x", color="#eeeeee")
        axes.axvline(1, color=INK, linewidth=1)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_title(each[0].cores, fontsize=NAME, color=QUIET, loc="left")
        for row, one in enumerate(each):
            for peer in known:
                if (ratio := found[one.column, one.threads].get(peer.label)) is not None:
                    axes.plot(ratio, row, peer.marker, color=peer.colour, markersize=10 if peer.marker == "|" else 6.5)
        top += ABOVE + LINE * len(each) + BELOW
        if number == 0:
            handles = [Line2D([], [], linestyle="", marker=peer.marker, color=peer.colour, label=peer.label) for peer in known]
            legend = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "fontsize": 8, "frameon": False}
            axes.legend(handles=handles, ncols=3, handletextpad=0.2, columnspacing=1.0, borderaxespad=0.1, **legend)
    save_figure(page.figure, path)
