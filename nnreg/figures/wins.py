"""Who beats whom: every row against every column, coloured where the interval of the difference leaves no doubt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from nnreg.figures.page import INK, NAME, QUIET, Page, width_of
from nnreg.records.metrics import signed

if TYPE_CHECKING:
    from nnreg.comparison.pairs import Difference, Matrix

BETTER, WORSE, OPEN = "#a6cbe3", "#f3d19b", "#f0f0f0"
"""Of a row that wins, that loses, that does neither: blue and orange, which colour-blind readers tell apart too."""
MOST_WRITTEN = 8  # names up to which a cell holds the numbers
WIDTH, HEIGHT = 0.98, 0.46  # of a cell with numbers, in inches
SMALL = 0.27  # of one with a sign only


def wins(matrix: Matrix, quantity: str, title: str, line: str) -> Page:
    """Draw a win matrix.

    Args:
        matrix: at least two names.
        quantity: compared, in words, with its unit.
        title: the question.
        line: below the figure: how it came about.
    """
    names, written = matrix.names, len(matrix.names) <= MOST_WRITTEN
    wide, high = (WIDTH, HEIGHT) if written else (SMALL, SMALL)
    left = max(width_of(name, NAME) for name in names) + 0.6
    wide = max(wide, max(width_of(name, NAME) for name in names) + 0.15) if written else wide
    above = 0.3 if written else max(width_of(name, NAME) for name in names) + 0.25
    tally = 1.75
    page = Page(max(left + wide * len(names) + tally, 6.2), above + high * len(names) + 0.42, title,
                f"Row minus column in {quantity}. {matrix.correction[:1].upper()}{matrix.correction[1:]}.", line)  # fmt: skip
    axes = page.axes(left, above, wide * len(names), high * len(names))
    _paint(axes, matrix, written=written)
    axes.set_xticks(range(len(names)), list(names), fontsize=NAME, color=INK, rotation=0 if written else 90)
    axes.set_yticks(range(len(names)), list(names), fontsize=NAME, color=INK)
    axes.xaxis.set_ticks_position("top")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _tally(page, matrix, left + wide * len(names) + 0.15, above, high)
    _key(page, left, above + high * len(names) + 0.22, why_undecided(matrix.differences))
    return page


def _paint(axes: Axes, matrix: Matrix, *, written: bool) -> None:
    count = len(matrix.names)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    place = {name: index for index, name in enumerate(matrix.names)}
    for each in matrix.differences:
        for row, column, sign in ((each.a, each.b, 1), (each.b, each.a, -1)):
            colour = OPEN if not each.winner else BETTER if each.winner == row else WORSE
            x, y = place[column], place[row]
            axes.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=colour, edgecolor="none"))
            text = cell(each, sign, matrix.metric) if written else symbol(each, row)
            style = {"fontsize": 7.5 if written else 8, "color": INK if each.winner else QUIET}
            axes.text(x, y, text, ha="center", va="center", linespacing=1.2, **style)  # type: ignore[arg-type]


def cell(difference: Difference, sign: int, metric: str) -> str:
    """Return what a cell says: the difference and half its interval, or which runs are missing."""
    number, half = signed(metric, sign * difference.mean, difference.half)
    if not number:
        return "runs lost" if difference.lost else "–"
    return f"{number}\n{half or 'no interval'}"


def symbol(difference: Difference, row: str) -> str:
    """Return the sign of a small cell: what the row is."""
    return "·" if not difference.winner else "+" if difference.winner == row else "−"


def _tally(page: Page, matrix: Matrix, left: float, above: float, high: float) -> None:
    """Write how often each row wins, stays open, loses."""
    page.text(left, above - 0.14, "won · open · lost", fontsize=7.5, color=QUIET)
    for index, name in enumerate(matrix.names):
        own = [each for each in matrix.differences if name in (each.a, each.b)]
        won, still = sum(each.winner == name for each in own), sum(not each.winner for each in own)
        page.text(left, above + high * (index + 0.5), f"{won} · {still} · {len(own) - won - still}", color=INK)


def why_undecided(differences: Iterable[Difference]) -> str:
    """Return what a cell without a winner means: all reasons that there are."""
    reasons = dict.fromkeys(sorted(each.undecided for each in differences if each.undecided))
    return ", or ".join(reasons) or "cannot be told apart"


def _key(page: Page, left: float, top: float, undecided: str) -> None:
    for colour, words in ((BETTER, "row is better"), (WORSE, "row is worse"), (OPEN, undecided)):
        x, y, width, height = page.box(left, top - 0.07, 0.2, 0.14)
        page.figure.add_artist(Rectangle((x, y), width, height, facecolor=colour, transform=page.figure.transFigure))
        page.text(left + 0.27, top, words, fontsize=8)
        left += width_of(words, 8) + 0.5
