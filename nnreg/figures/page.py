"""The page of a figure: its style, how a notebook shows it, and how it becomes a small file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import Formatter, LogFormatter, ScalarFormatter
from PIL import Image

from nnreg.numerals import chosen, ticks
from nnreg.registry import palette

INK, QUIET, RULE = "#222222", "#777777", "#dddddd"
DPI = 110
INCH = 72.0  # points
MARGIN = 0.4  # inches left and right of the words
TITLE, SUBTITLE, FOOTER, NAME = 13.0, 9.5, 7.5, 9.0  # sizes of letters, in points
UNHINTED = 20  # times the size, letters are as wide as they are on paper
LEADING = 1.3  # height of a line over the size of its letters
APART = 0.22  # between two markers of a curve, in diagonals of its axes
LARGER = {
    "*": 1.7,
    "X": 1.15,
    "P": 1.15,
    "^": 1.1,
    "v": 1.1,
    "<": 1.1,
    ">": 1.1,
    "p": 1.1,
    "h": 1.1,
}  # to look as large as a dot
BESIDE = 0.13  # inches, of a marker before the name of its curve
STEEP = 20.0  # highest over lowest from which on an axis, or colours, follow the logarithm where nobody says


def is_steep(low: float, high: float) -> bool:
    """Tell whether what lies between two values is seen better on a logarithmic scale."""
    return bool(0 < STEEP * low < high)


class Name(NamedTuple):
    """A word beside the end of a curve, at a height in data coordinates, behind the curve's marker where it has one."""

    text: str
    height: float
    colour: str
    marker: str = ""


class Page:
    """A figure with its words: above the content a question, below it what was done.

    Args:
        width: of the page, in inches.
        height: of the content, in inches; the words come on top.
        title: the question that the figure answers.
        subtitle: what is shown.
        footer: seeds, smoothing, what is recorded when.

    Attributes:
        figure: what is drawn on.
        width: of the page, in inches.
    """

    def __init__(self, width: float, height: float, title: str, subtitle: str = "", footer: str = "") -> None:
        room = width - 2 * MARGIN
        blocks = [(wrapped(text, size, room, weight), size, weight) for text, size, weight in (
            (title, TITLE, "bold"), (subtitle, SUBTITLE, "normal"), (footer, FOOTER, "normal"),
        )]  # fmt: skip
        above, below = sum(map(_height, blocks[:2])) + 0.32, _height(blocks[2]) + 0.2
        self.width, self._height, self._above = width, above + height + below, above
        self.figure = ShownFigure(figsize=(width, self._height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        top = 0.16
        for (lines, size, weight), colour in zip(blocks, (INK, QUIET, QUIET), strict=True):
            if size == FOOTER:
                top = self._height - below + 0.1
            x, y = MARGIN / width, 1 - top / self._height
            words = "\n".join(lines)
            self.figure.text(x, y, words, fontsize=size, weight=weight, color=colour, va="top", linespacing=1.2)
            top += _height((lines, size, weight)) + 0.04

    def box(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Return a box of the content, given in inches from its upper left corner, as matplotlib wants it."""
        return left / self.width, 1 - (self._above + top + height) / self._height, width / self.width, height / self._height

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Add axes to the content; all in inches, from its upper left corner."""
        axes: Axes = self.figure.add_axes(self.box(left, top, width, height), **options)
        return axes

    def text(self, left: float, top: float, words: str, **options: Any) -> Text:
        """Write in the content, centred on a height; inches from its upper left corner."""
        x, y, _, _ = self.box(left, top, 0, 0)
        style: dict[str, Any] = {"fontsize": NAME, "color": INK, "va": "center"}
        return self.figure.text(x, y, words, **style | options)

    def sign(self, left: float, top: float, marker: str, colour: str) -> None:
        """Draw a marker before what is written there, if there is one."""
        x, y, _, _ = self.box(left + 0.45 * BESIDE, top, 0, 0)
        if marker:
            style: dict[str, Any] = {"color": colour, "markeredgewidth": 0, "linestyle": ""} | shaped(marker, 5)
            self.figure.add_artist(Line2D([x], [y], transform=self.figure.transFigure, **style))


class PlainFormatter(Formatter):
    """Writes the ticks of a linear axis as numbers are written everywhere."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the words for one tick, as it stands among the others."""
        return ticks([*self.locs, x])[-1]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the words for all ticks."""
        return ticks([float(value) for value in values])


class PlainLogFormatter(LogFormatter):
    """Writes 0.4 where matplotlib has 4 × 10⁻¹, which is so wide that it pushes the name of the axis off the page."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the words for a tick, none where there is no room for any."""
        return chosen(x) if super().__call__(x, pos) else ""


@cache
def width_of(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide a line of text is, in inches."""
    font = get_font(_file(weight))
    font.set_size(UNHINTED * size, INCH)
    font.set_text(text)
    return float(font.get_width_height()[0]) / 64 / INCH / UNHINTED  # FreeType counts in 64ths


@cache
def _file(weight: str) -> str:
    return findfont(FontProperties(weight=weight))


def wrapped(text: str, size: float, room: float, weight: str = "normal") -> list[str]:
    """Return a text as lines that fit into ``room`` inches; a longer word has a line to itself."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size, weight) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def finish(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Give axes their labels and take away what is not needed."""
    axes.set_xlabel(xlabel, fontsize=9, color=INK)
    axes.set_ylabel(ylabel, fontsize=9, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(which="both", labelsize=8, color="#999999", labelcolor=INK)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        if type(axis.get_major_formatter()) is ScalarFormatter:
            axis.set_major_formatter(PlainFormatter())
    axes.set_title("", y=1.0)  # or each drawing measures all ticks to find a place for the title that there is not


def legible(colour: str) -> tuple[float, ...]:
    """Return a colour mixed with ink, for letters on white."""
    return tuple(0.7 * part + 0.3 * ink for part, ink in zip(to_rgb(colour), to_rgb(INK), strict=True))


def name_ends(axes: Axes, names: Sequence[Name], size: float = NAME) -> None:
    """Write names beside the right end of their curves, moved apart where they would overlap, each tied to its end.

    Args:
        axes: with their final limits.
        names: heights in data coordinates; beyond the limits a name stands at the edge, with an arrow.
        size: of the letters, in points.
    """
    transform = axes.transData + axes.transAxes.inverted()
    ends = [float(transform.transform((0.0, name.height))[1]) if np.isfinite(name.height) else 1.1 for name in names]
    height = axes.get_window_extent().height / axes.figure.dpi * INCH
    order = sorted(range(len(names)), key=ends.__getitem__)
    gap, indent = LEADING * size / height, 0.14 / (axes.get_window_extent().width / axes.figure.dpi)
    places = spread([_inside(ends[index]) for index in order], gap)
    where = axes.transAxes
    tied = {index for index, place in zip(order, places, strict=True) if abs(place - _inside(ends[index])) > 0.3 * gap}
    indent *= 1.0 if tied else 0.45
    sign = (BESIDE if any(name.marker for name in names) else 0.0) / (axes.get_window_extent().width / axes.figure.dpi)
    for index, place in zip(order, places, strict=True):
        text, _, colour, marker = names[index]
        arrow = " ↑" if ends[index] > 1.001 else " ↓" if ends[index] < -0.001 else ""
        arrow = arrow if np.isfinite(names[index].height) else ""
        if index in tied:  # not where it would be level, and read as a minus sign
            line = (1 + 0.05 * indent, 1 + 0.8 * indent), (_inside(ends[index]), place)
            axes.plot(*line, color=colour, linewidth=0.7, clip_on=False, transform=where)
        if marker:
            style: dict[str, Any] = {"color": colour, "linestyle": "", "markeredgewidth": 0} | shaped(marker, 4.6)
            axes.plot([1 + indent + 0.45 * sign], [place], clip_on=False, transform=where, **style)
        axes.text(1 + indent + sign, place, text + arrow, transform=where, color=legible(colour), fontsize=size, va="center")


def shaped(marker: str, size: float) -> dict[str, Any]:
    """Return how a marker is drawn as large as a dot of some size, in points, looks; "" is a dot."""
    return {"marker": marker or "o", "markersize": size * LARGER.get(marker, 1.0)}


def marks(marker: str) -> dict[str, Any]:
    """Return how a curve shows its marker: at some of its points, which are not those at which its neighbours show theirs."""
    if not marker:
        return {}
    first = APART * (0.2 + 0.37 * palette.SHAPES.index(marker) % 0.8)
    return {**shaped(marker, 4.8), "markevery": (first, APART), "markeredgecolor": "white", "markeredgewidth": 0.5}


def _inside(height: float) -> float:
    return min(max(height, 0.0), 1.0)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return the heights nearest to the given ones, in [0, 1], that are at least ``gap`` apart, or evenly if none fit.

    Args:
        heights: in [0, 1], ascending.
        gap: wanted between neighbours.
    """
    gap = min(gap, 1 / max(len(heights) - 1, 1))
    groups: list[list[float]] = []
    for rank, height in enumerate(heights):  # least squares under an order: neighbours in the way of each other share a mean
        groups.append([height - rank * gap])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    room = max(1 - (len(heights) - 1) * gap, 0.0)
    lowered = [min(max(float(np.mean(group)), 0.0), room) for group in groups for _ in group]
    return [height + rank * gap for rank, height in enumerate(lowered)]


def _height(block: tuple[list[str], float, str]) -> float:
    lines, size, _ = block
    return len(lines) * size * LEADING / INCH


class ShownFigure(Figure):
    """A matplotlib figure that knows its picture."""

    def _repr_png_(self) -> bytes:
        """Return the picture as a small PNG; where pyplot's inline backend is active, that one is asked instead."""
        from nnreg.figures import save

        with TemporaryDirectory() as folder:
            path = Path(folder) / "figure.png"
            save(self, path)
            return path.read_bytes()


SMALLEST, QUICK = 9, 6
"""Levels of compression: the second takes a seventh of the time and 3 to 12 % more room."""


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as ``.svg`` or, at most 256 colours and compressed, as ``.png``; the same figure gives the same bytes."""
    if path.suffix == ".svg":
        with mpl.rc_context({"svg.hashsalt": "nnreg"}):
            figure.savefig(path, metadata={"Date": None, "Creator": None})
        return
    write_png(figure, path)


def write_png(figure: Figure, path: Path, level: int = SMALLEST) -> None:
    """Write a figure as ``.png`` in at most 256 colours, compressed at a level of 1 to 9."""
    figure.canvas.draw()
    in_few_colours(image_of(figure), 256).save(path, compress_level=level, dpi=(DPI, DPI))


def image_of(figure: Figure) -> Image.Image:
    """Return what is seen of a figure as it was last drawn."""
    canvas: Any = figure.canvas
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def in_few_colours(image: Image.Image, count: int) -> Image.Image:
    """Return an image in at most so many colours, which cover all that are there, so that no thin line loses its hue.

    The one pass of k-means that follows moves each to the middle of what it stands for: pale areas get their own hue back.
    """
    one_pass = image.width * image.height  # pixels that may still change their colour when it ends
    return image.quantize(count, method=Image.Quantize.MAXCOVERAGE, kmeans=one_pass, dither=Image.Dither.NONE)
