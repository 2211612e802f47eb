"""The words that a reader sees on a figure, and which of them have a number that is not written in the one way."""

from __future__ import annotations

import re

from matplotlib.text import Text

FOREIGN = re.compile(r"\de[+]|\de-?0\d|(?<![\d.,])\d{4,}|(?<![\d.,])0\d|10[⁻⁰¹²³⁴-⁹]|\$|-\d+\.\d|\d%")
"""1e+06, 1e-05, 1234, 007, 10⁻³, mathematics, a hyphen for a minus, a percentage without its blank."""


def seen(figure):
    """Return the words that are drawn on a figure: what is written, names of axes, and the ticks within their ends."""
    figure.canvas.draw()
    words = list(figure.texts)
    for axes in figure.axes:
        words += [*axes.texts, *(title for title in axes.findobj(Text) if title.get_text() in titles(axes))]
        if axes.axison:
            words += [axes.xaxis.label, axes.yaxis.label]
            words += [*ticks_of(axes.xaxis, axes.get_xlim()), *ticks_of(axes.yaxis, axes.get_ylim())]
    return [each for each in dict.fromkeys(words) if each.get_visible() and each.get_text().strip()]


def cut(figure, words):
    """Return the words that the edges of a figure cut."""
    width, height = figure.canvas.get_width_height()
    boxes = [(word.get_text(), word.get_window_extent()) for word in words]
    return [text for text, box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]


def titles(axes):
    return {axes.get_title(where) for where in ("left", "center", "right")} - {""}


def ticks_of(axis, ends):
    """Return the labels of ticks between the ends of an axis; matplotlib keeps others that it does not draw."""
    low, high = sorted(ends)
    room = 1e-9 * (high - low)
    found = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    drawn = [tick for tick in found if low - room <= tick.get_loc() <= high + room]
    return [label for tick in drawn for label in (tick.label1, tick.label2)]


def foreign(words):
    return [text for each in words if FOREIGN.search(text := each.get_text())]
