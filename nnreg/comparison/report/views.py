"""What the charts of a comparison show, made once from its findings; the page's script and matplotlib draw the same of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nnreg.comparison.contenders import ARM
from nnreg.comparison.differences import is_ground, several
from nnreg.comparison.gathering import Arm
from nnreg.comparison.naming import axis_word, settings_name, value_word
from nnreg.comparison.pairs import Matrix
from nnreg.comparison.profiles import Profile, Sensitivity
from nnreg.comparison.rates import is_rate
from nnreg.comparison.report.captions import (
    against,
    asked,
    averaged,
    framed,
    goes_with,
    ground_word,
    is_split,
    quantity,
    rate_words,
)
from nnreg.comparison.tables import Cells, TableCell, cell_table, cell_tables, leading, oriented
from nnreg.figures.groups import groups, known
from nnreg.figures.page import is_steep
from nnreg.records.metrics import called, is_higher_better, with_half
from nnreg.records.results import Results

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2")
MOST_NAMES = 14  # of arms; of more, the matrix of their first setting is the chosen one

Coloured = TypeVar("Coloured", Sensitivity, Profile)


class Stroke(NamedTuple):
    """How an arm is drawn.

    Attributes:
        colour: hexadecimal.
        dash: pixels drawn and left out in turn, "" for a line that is whole.
        marker: as matplotlib names it; "" for none.
    """

    colour: str
    dash: str
    marker: str


def strokes(comparison: Findings) -> list[Stroke]:
    """Return how each arm is drawn, best first.

    Colour and marker tell the first swept setting, dashes the second, where there are enough of both; else each arm has its
    own colour and marker.
    """
    axes, arms = leading(comparison.gathered.axes), [each.arm for each in comparison.standings]
    values = list(comparison.gathered.axes[axes[1]]) if len(axes) == 2 else []
    if not 1 < len(values) <= len(DASHES):
        return [Stroke(arm.colour, "", arm.marker) for arm in arms]
    looks = looks_of(comparison.gathered.arms, axes[0])
    if len({colour for colour, _ in looks.values()}) < len(looks):
        return [Stroke(arm.colour, "", arm.marker) for arm in arms]
    places = [(arm, values.index(arm.settings[axes[1]]) if arm.settings.get(axes[1]) in values else 0) for arm in arms]
    found = [(looks.get(arm.settings.get(axes[0]), (arm.colour, arm.marker)), place) for arm, place in places]
    return [Stroke(colour, DASHES[place], marker) for (colour, marker), place in found]


def looks_of(arms: Sequence[Arm], axis: str) -> dict[Any, tuple[str, str]]:
    """Return colour and marker of each value of a setting, also of one in no configuration: a study's arm, a user's YAML."""
    runs = [(run, arm.settings.get(axis)) for arm in arms for run in arm.runs]
    if all(axis in known(run) for run, _ in runs):
        return {group.value: (group.colour, group.marker) for group in groups(Results(run for run, _ in runs), axis)}
    values = {str(value): value for _, value in runs}
    named = Results(dataclasses.replace(run, arm=str(value)) for run, value in runs)
    return {values[group.label]: (group.colour, group.marker) for group in groups(named, ARM)}


def _technique_coloured(comparison: Findings, found: Sequence[Coloured]) -> list[Coloured]:
    """Return curves of techniques, whatever their rate or dataset, drawn as their arms are in the other charts."""
    looks: dict[str, tuple[str, str]] = {}
    for each, stroke in zip(comparison.standings, strokes(comparison), strict=True):
        for name in technique_names(each.arm.settings):
            looks.setdefault(name, (stroke.colour, stroke.marker))
    own = [looks.get(each.name, (each.colour, each.marker)) for each in found]
    return [dataclasses.replace(each, colour=colour, marker=marker) for each, (colour, marker) in zip(found, own, strict=True)]


def technique_names(settings: Mapping[str, Any]) -> list[str]:
    """Return what an arm's technique is called without its rate, without its dataset, and without both."""
    without = (is_rate, is_ground, lambda key: is_rate(key) or is_ground(key))
    return [settings_name({key: value for key, value in settings.items() if not left_out(key)}) for left_out in without]


@dataclass(frozen=True)
class RatesView:
    """A metric over learning rates.

    Attributes:
        question: that it answers.
        about: what is shown.
        metric: on the vertical axis.
        label: of that axis.
        curves: one a technique.
        log: whether the vertical axis is logarithmic.
    """

    question: str
    about: str
    metric: str
    label: str
    curves: Sequence[Sensitivity]
    log: bool


def rates_view(comparison: Findings) -> RatesView | None:
    """Return the view over learning rates; None where there is nothing to draw."""
    found = _drawable(comparison)
    if not found:
        return None
    means = [value.mean for each in found for value in each.values if math.isfinite(value.mean)]
    return RatesView(
        "How much does it depend on the learning rate?",
        rate_words(comparison),
        comparison.metric,
        quantity(comparison),
        found,
        log=bool(means) and is_steep(min(means), max(means)),
    )


def _drawable(comparison: Findings) -> list[Sensitivity]:
    """Return the curves over learning rates that can be drawn on a logarithmic axis: a rate below 0 failed anyway."""
    made = []
    for each in _technique_coloured(comparison, comparison.sensitivities):
        kept = [place for place, rate in enumerate(each.rates) if rate > 0]
        if len(kept) > 1 and each.best in kept:
            parts: dict[str, Any] = {
                name: [getattr(each, name)[place] for place in kept] for name in ("rates", "values", "diverged")
            }
            made.append(dataclasses.replace(each, **parts, best=kept.index(each.best)))
    return made


@dataclass(frozen=True)
class ProfileView:
    """Performance profiles.

    Attributes:
        question: that they answer.
        about: what is shown, in a line.
        defined: the same for who has never seen one.
        across: label of the horizontal axis.
        label: of the vertical one.
        curves: one a technique.
    """

    question: str
    about: str
    defined: str
    across: str
    label: str
    curves: Sequence[Profile]


def profile_view(comparison: Findings) -> ProfileView | None:
    """Return the view over datasets; None where there is one only."""
    if not comparison.profiles:
        return None
    ground, better = ground_word(comparison), "igher and further left is better."
    share = f"on which share of the problems, a {ground} and a seed each, it comes within a factor of the best"
    return ProfileView(
        f"Which {asked(comparison)} is good on every {ground}?",
        f"Performance profile of {called(comparison.metric)}: h{better}",
        f"Performance profile: {share}. H{better}",
        "factor from the best on a problem",
        f"share of the {comparison.profiles[0].problems} problems (%)",
        _technique_coloured(comparison, comparison.profiles),
    )


@dataclass(frozen=True)
class WinsView:
    """A win matrix.

    Attributes:
        question: that it answers.
        label: of whom it is.
        matrix: the differences.
        quantity: compared, in words.
        averaged: over what, to follow what is compared.
        against: what a cell holds, in words.
        chosen: whether it is the one to be drawn where there is room for one.
    """

    question: str
    label: str
    matrix: Matrix
    quantity: str
    averaged: str
    against: str
    chosen: bool

    @property
    def about(self) -> str:
        """What the cells hold, and what holds of them, in sentences."""
        return f"{self.against[:1].upper()}{self.against[1:]} in {self.quantity}{self.averaged}. {self.correction}"

    @property
    def correction(self) -> str:
        """What holds the intervals together, as a sentence."""
        return f"{self.matrix.correction[:1].upper()}{self.matrix.correction[1:]}."


def wins_views(comparison: Findings) -> list[WinsView]:
    """Return the win matrices, that of the arms first.

    Chosen is that of the arms; of the first setting where they are too many, or on several datasets.
    """
    drawn = [matrix for matrix in comparison.matrices if len(matrix.names) > 1 and matrix.differences]
    is_many = bool(drawn) and len(drawn[0].names) > MOST_NAMES
    chosen = 1 if len(drawn) > 1 and (is_many or is_split(comparison)) else 0
    return [_wins(comparison, matrix, chosen=place == chosen) for place, matrix in enumerate(drawn)]


def _wins(comparison: Findings, matrix: Matrix, *, chosen: bool) -> WinsView:
    what, label = (
        (asked(comparison), "every arm") if matrix.of == ARM else (axis_word(matrix.of), f"each {axis_word(matrix.of)}")
    )
    over = averaged(comparison, matrix)
    return WinsView(f"Which {what} beats which?", label, matrix, quantity(comparison), over, against(matrix), chosen)


@dataclass(frozen=True)
class HeatCell:
    """A mean, NaN for none, its words, how many runs are in no mean, in words, and the places of its arms in the standings."""

    mean: float
    text: str
    lost: str
    arms: Sequence[int] = ()


@dataclass(frozen=True)
class HeatView:
    """A coloured table over two settings.

    Attributes:
        question: that it answers.
        about: what is shown.
        axes: what the settings of rows and columns are called.
        rows: values of the first.
        columns: of the second.
        cells: row by row.
        lowest: whether the lowest value is the best.
        by_row: whether each row has colours, and a best, of its own.
    """

    question: str
    about: str
    axes: tuple[str, str]
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[HeatCell]]
    lowest: bool
    by_row: bool


def heat_views(comparison: Findings) -> list[HeatView]:
    """Return a coloured table for every two swept settings, the one asked for first."""
    if not comparison.metric:
        return []
    axes, wanted = comparison.gathered.axes, comparison.axes
    found = cell_tables(comparison.standings, axes, comparison.metric)
    if wanted is not None:
        rest = [table for table in found if {table.rows, table.columns} != set(wanted)]
        found = [cell_table(comparison.standings, axes, oriented(wanted), comparison.metric), *rest]
    return [_heat(comparison, table) for table in found if _differs(table)]


def _differs(table: Cells) -> bool:
    """Tell whether a table has two values at least: one colour all over tells nothing."""
    return len({cell.measured.mean for row in table.cells for cell in row if cell and math.isfinite(cell.measured.mean)}) > 1


def _heat(comparison: Findings, table: Cells) -> HeatView:
    pair = (table.rows, table.columns)
    others = [axis_word(axis) for axis in several(comparison.gathered.axes) if axis not in pair]
    mean = f"; mean over every {' and '.join(others)}" if others else ""
    about = f"{quantity(comparison)}: mean over seeds ± half its 95 % interval{mean}. {framed(pair)}"
    return HeatView(
        goes_with(pair),
        about[:1].upper() + about[1:],
        (axis_word(table.rows), axis_word(table.columns)),
        [value_word(value) for value in table.row_values],
        [value_word(value) for value in table.column_values],
        [
            [
                _heat_cell(cell, comparison.metric, _places(comparison, {pair[0]: down, pair[1]: across}))
                for across, cell in zip(table.column_values, row, strict=True)
            ]
            for down, row in zip(table.row_values, table.cells, strict=True)
        ],
        lowest=not is_higher_better(comparison.metric),
        by_row=is_ground(table.rows),
    )


def _places(comparison: Findings, settings: Mapping[str, Any]) -> list[int]:
    """Return the places of the arms that have some settings."""
    arms = enumerate(each.arm for each in comparison.standings)
    return [place for place, arm in arms if all(arm.settings.get(key) == value for key, value in settings.items())]


def _heat_cell(cell: TableCell | None, metric: str, arms: Sequence[int]) -> HeatCell:
    if cell is None:
        return HeatCell(math.nan, "", "")
    text = with_half(metric, cell.measured.mean, cell.measured.half)
    return HeatCell(cell.measured.mean, text, f"{cell.lost} of {cell.runs} lost" if cell.lost else "", arms)
