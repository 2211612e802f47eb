"""Pictures of what a network answers: which classes it confuses, its worst mistakes, its first layer, the plane it divides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure

from nnreg.contracts import Array
from nnreg.figures.page import INK, NAME, QUIET, RULE, Page, finish, legible
from nnreg.numerals import fixed, measured, percent
from nnreg.registry.palette import COLOURS, SHAPES

SIGNS = tuple(shape for shape in SHAPES if shape != "X")
"""Of classes, beside their colours; a cross is a wrong answer."""

MOST_CLASSES = 40  # whose table is drawn
WORST = 24  # mistakes that are drawn, of pictures
WORST_ROWS = 12  # of other rows
MOST_COLUMNS = 6  # of a row whose numbers are written
UNITS = 64  # of the first layer
SIDE = 0.92  # of a picture, in inches


@dataclass(frozen=True)
class Answers:
    """What a network says of some rows.

    Attributes:
        label: of the run.
        part: of the dataset that the rows are of, such as ``validation``.
        rows: before their scaling, float array (rows, features).
        columns: names of the features, or none.
        shape: of a row that is a picture, or None.
        truth: class numbers (rows,), or values (rows, outputs) in their unit.
        given: what the network says, likewise.
        shares: probability of each class, (rows, classes), or None where the loss knows none.
        classes: names of the classes; empty where values are answered.
        targets: names of the values, or none.
    """

    label: str
    part: str
    rows: Array
    columns: Sequence[str]
    shape: tuple[int, ...] | None
    truth: npt.NDArray[Any]
    given: npt.NDArray[Any]
    shares: Array | None
    classes: Sequence[str]
    targets: Sequence[str] = ()

    @property
    def what(self) -> str:
        """How many rows of which part."""
        return f"{len(self.rows):,} {self.part} rows"


def confusion_figure(answers: Answers) -> Figure:
    """Draw a table of how often each class was taken for which: a row a true class, right answers on the diagonal."""
    count = len(answers.classes)
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (answers.truth, answers.given), 1)
    right = int(np.trace(matrix))
    side = min(0.52, 5.6 / count)
    names = [_short(name) for name in answers.classes]
    left = 0.75 + 0.085 * max(map(len, names))
    width = max(left + side * count + 0.5, 5.0)
    said = f"{percent(right / len(answers.rows))} of {answers.what} are right. Darker: more of the row's true class."
    page = Page(
        width,
        side * count + 0.55 + 0.075 * max(map(len, names)) * (count > 6),
        f"{answers.label}: which classes are confused?",
        said,
    )
    axes = page.axes(left, 0.1, side * count, side * count)
    totals = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shares = matrix / totals
    axes.imshow(shares, cmap=_paper("Blues"), vmin=0, vmax=1)
    size = min(NAME, 72 * side / (0.8 * max(3, len(f"{matrix.max():,}"))))
    for row, column in zip(*np.nonzero(matrix), strict=True):
        ink = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{matrix[row, column]:,}", ha="center", va="center", fontsize=size, color=ink)
    axes.set_xticks(range(count), names, rotation=90 if count > 6 and max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(count), names)
    finish(axes, "answered", "true class")
    axes.grid(visible=False)
    axes.tick_params(length=0, labelsize=min(8.0, 200 * side / 6))
    return page.figure


def worst_figure(answers: Answers) -> Figure | None:
    """Draw the rows whose true class the network thought least likely; None where it errs nowhere."""
    wrong = np.flatnonzero(answers.truth != answers.given)
    if not wrong.size:
        return None
    trust = (
        np.zeros(len(answers.rows)) if answers.shares is None else answers.shares[np.arange(len(answers.rows)), answers.given]
    )
    order = wrong[np.argsort(-trust[wrong], kind="stable")]
    title = f"{answers.label}: its worst mistakes"
    sure = "" if answers.shares is None else ", those first of which it was surest"
    said = f"{len(wrong):,} of {answers.what} are wrong{sure}."
    if answers.shape is not None:
        return _worst_pictures(answers, order[:WORST], trust, title, f"{said} Answered, then the true class.")
    return _worst_rows(answers, order[:WORST_ROWS], trust, title, said)


def _worst_pictures(answers: Answers, order: npt.NDArray[Any], trust: Array, title: str, said: str) -> Figure:
    across = min(8, len(order))
    down = -(-len(order) // across)
    page = Page(max(0.9 + across * (SIDE + 0.14), 4.6), down * (SIDE + 0.42), title, said)
    for place, row in enumerate(order):
        x, y = 0.4 + place % across * (SIDE + 0.14), place // across * (SIDE + 0.42)
        _draw_picture(page.axes(x, y + 0.3, SIDE, SIDE), answers.rows[row], answers.shape or ())
        sure = f", {percent(float(trust[row]), 0)}" if answers.shares is not None else ""
        page.text(x, y + 0.1, f"{_short(answers.classes[answers.given[row]])}{sure}", fontsize=8, weight="bold")
        page.text(x, y + 0.22, f"is {_short(answers.classes[answers.truth[row]])}", fontsize=7.5, color=QUIET)
    return page.figure


def _worst_rows(answers: Answers, order: npt.NDArray[Any], trust: Array, title: str, said: str) -> Figure:
    """Write rows that are no pictures: the answer, the truth, and those numbers that are furthest from the usual."""
    spread = np.where(np.ptp(answers.rows, axis=0) > 0, answers.rows.std(axis=0), 1)
    odd = (answers.rows - answers.rows.mean(axis=0)) / spread
    page = Page(9.0, 0.3 * len(order) + 0.3, title, f"{said} Least usual in the row: in standard deviations.")
    heads = (("answered", 0.4), ("sure", 1.9), ("true class", 2.6), ("least usual", 4.1))
    for name, x in heads:
        page.text(x, 0.1, name, fontsize=8, color=QUIET)
    for place, row in enumerate(order):
        y = 0.38 + 0.3 * place
        far = np.argsort(-np.abs(odd[row]), kind="stable")[:3]
        names = [answers.columns[at] if answers.columns else f"feature {at}" for at in far]
        told = ", ".join(
            f"{_short(name, 18)} {fixed(float(odd[row][at]), 1, plus=True)}" for name, at in zip(names, far, strict=True)
        )
        sure = percent(float(trust[row]), 0) if answers.shares is not None else ""
        cells = (_short(answers.classes[answers.given[row]]), sure, _short(answers.classes[answers.truth[row]]), told)
        for (_, x), cell in zip(heads, cells, strict=True):
            page.text(x, y, cell, fontsize=8.5)
    return page.figure


def weights_figure(label: str, weights: Array, shape: tuple[int, ...]) -> Figure:
    """Draw the weights of the first layer as pictures, one a unit, each on its own scale around 0.

    Args:
        label: of the run.
        weights: float array (features, units), read.
        shape: of a row, two or three numbers.
    """
    order = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")[:UNITS]
    across, side = 8, 0.82
    down = -(-len(order) // across)
    some = "" if weights.shape[1] <= UNITS else f" The {UNITS} of {weights.shape[1]} units with the largest weights."
    said = f"Blue: a bright pixel speaks for the unit; red: against it; white: 0. Each unit on its own scale.{some}"
    page = Page(0.8 + across * (side + 0.08), down * (side + 0.08) + 0.1, f"{label}: what its first layer looks for", said)
    for place, unit in enumerate(order):
        axes = page.axes(0.4 + place % across * (side + 0.08), 0.05 + place // across * (side + 0.08), side, side)
        picture = weights[:, unit].reshape(shape[:2] if len(shape) == 2 else shape)
        picture = picture.mean(axis=2) if picture.ndim == 3 else picture
        most = float(np.abs(picture).max()) or 1.0
        axes.imshow(picture, cmap="RdBu", vmin=-most, vmax=most, interpolation="nearest")
        _bare(axes)
    return page.figure


def boundary_figure(answers: Answers, ask: Callable[[Array], npt.NDArray[Any]]) -> Figure:
    """Draw the plane as a network of two features divides it, and the rows on it.

    Args:
        answers: of rows with two features.
        ask: returns class numbers, or values (rows, 1), for rows of the plane.
    """
    low, high = answers.rows.min(axis=0), answers.rows.max(axis=0)
    room = 0.08 * np.maximum(high - low, 1e-9)
    sides = [np.linspace(a, b, 240) for a, b in zip(low - room, high + room, strict=True)]
    plane = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    found = ask(plane).reshape(240, 240)
    said = f"{percent(float((answers.truth == answers.given).mean()))} of {answers.what} are right; a wrong one is crossed out."
    page = Page(
        7.2,
        5.4,
        f"{answers.label}: where it draws the line",
        said,
    )
    axes = page.axes(0.8, 0.05, 4.7, 4.7)
    extent = (sides[0][0], sides[0][-1], sides[1][0], sides[1][-1])
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(answers.classes))]
    pale = ListedColormap([tuple(0.24 * part + 0.76 for part in to_rgb(colour)) for colour in colours])
    axes.imshow(
        found,
        origin="lower",
        extent=extent,
        cmap=pale,
        vmin=-0.5,
        vmax=len(colours) - 0.5,
        aspect="auto",
        interpolation="nearest",
    )
    for place, colour in enumerate(colours):
        rows = answers.rows[answers.truth == place]
        drawn: dict[str, Any] = {"color": colour, "marker": SIGNS[place % len(SIGNS)], "label": _short(answers.classes[place])}
        axes.scatter(rows[:, 0], rows[:, 1], s=17, edgecolors="white", linewidths=0.4, **drawn)
    wrong = answers.rows[answers.truth != answers.given]
    axes.scatter(wrong[:, 0], wrong[:, 1], s=42, marker="x", color=INK, linewidths=1.1)
    names = [*answers.columns, "", ""][:2] if answers.columns else ["first feature", "second feature"]
    finish(axes, names[0], names[1])
    axes.grid(visible=False)
    if len(colours) <= 12:
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8.5, title="true class", title_fontsize=8.5
        )
    return page.figure


def fit_figure(answers: Answers) -> Figure:
    """Draw predicted against true values, a panel a column of values, with the line on which they are equal."""
    truth, given = answers.truth.reshape(len(answers.rows), -1), answers.given.reshape(len(answers.rows), -1)
    count = min(truth.shape[1], 4)
    said = f"{answers.what}; on the line both are equal."
    page = Page(0.9 + 4.1 * count, 4.3, f"{answers.label}: predicted and true", said)
    for place in range(count):
        axes = page.axes(0.85 + 4.1 * place, 0.25, 3.2, 3.4)
        x, y = truth[:, place], given[:, place]
        low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
        room = 0.04 * (high - low or 1.0)
        axes.plot((low - room, high + room), (low - room, high + room), color=INK, linewidth=0.8)
        axes.scatter(x, y, s=12, color=COLOURS[0], alpha=0.55, linewidths=0)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(low - room, high + room)
        name = answers.targets[place] if place < len(answers.targets) else ""
        spread = float(np.square(x - x.mean()).sum())
        told = f"R² {measured(1 - float(np.square(x - y).sum()) / spread)}" if spread else ""
        finish(axes, f"true {name}".strip(), f"predicted {name}".strip())
        axes.text(0.03, 0.97, told, transform=axes.transAxes, va="top", fontsize=9, color=legible(COLOURS[0]))
    return page.figure


def answer_figures(answers: Answers, ask: Callable[[Array], npt.NDArray[Any]], weights: Array | None) -> Mapping[str, Figure]:
    """Return the pictures of a network by the names of their files, without an ending.

    Args:
        answers: of rows that it was not trained on, where there are any.
        ask: see ``boundary_figure``.
        weights: of the first layer where each unit sees the whole row, (features, units), or None.
    """
    found: dict[str, Figure | None] = {}
    if answers.classes:
        if len(answers.classes) <= MOST_CLASSES:
            found["confusion"] = confusion_figure(answers)
        found["mistakes"] = worst_figure(answers)
        if answers.rows.shape[1] == 2:
            found["boundary"] = boundary_figure(answers, ask)
    else:
        found["predicted"] = fit_figure(answers)
    if weights is not None and answers.shape is not None and len(answers.shape) in (2, 3):
        found["weights"] = weights_figure(answers.label, weights, answers.shape)
    return {name: figure for name, figure in found.items() if figure is not None}


def _draw_picture(axes: Axes, row: Array, shape: tuple[int, ...]) -> None:
    picture = row.reshape(shape)
    picture = picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    low, high = float(picture.min()), float(picture.max())
    axes.imshow((picture - low) / (high - low or 1.0), cmap="gray_r", interpolation="nearest")
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(RULE)


def _paper(name: str) -> ListedColormap:
    """Return a map of colours that begins with the white of the page."""
    colours = colormaps[name](np.linspace(0, 0.95, 256))
    colours[0] = (1, 1, 1, 1)
    return ListedColormap(colours)


def _short(name: str, most: int = 14) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
