"""The figures of a comparison, each a page that asks a question and says below how it came about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from nnreg.comparison.certainty import is_certain
from nnreg.comparison.fairness import fairness_line
from nnreg.comparison.naming import setting_words, value_word
from nnreg.comparison.report import charts
from nnreg.comparison.report.captions import (
    RANKS,
    ahead_question,
    asked,
    fastest,
    is_split,
    lost_words,
    quantity,
    reached_words,
    target_words,
)
from nnreg.comparison.report.charts import ended, facets
from nnreg.comparison.report.forest import forests
from nnreg.comparison.report.plots import Column, Row, ahead, profile, rates, rows, wins
from nnreg.comparison.report.search import search_panel
from nnreg.comparison.report.searched import search_page
from nnreg.comparison.report.views import MOST_NAMES, heat_views, profile_view, rates_view, strokes, wins_views
from nnreg.comparison.standings import WAYS, Measured
from nnreg.engine.history import VALID_LOSS
from nnreg.figures.curves import Facet, overlays, window_for
from nnreg.figures.groups import Group
from nnreg.figures.heatmap import Cell, Table, coloured
from nnreg.figures.page import Page
from nnreg.figures.surfaces import Picture, is_planar, picture
from nnreg.numerals import measured
from nnreg.records.metrics import SECONDS, VALID, drawn_metrics, is_higher_better, leading_metrics
from nnreg.records.results import Results
from nnreg.settings import DESCEND, task_of

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


def compared_task(comparison: Findings) -> str:
    """Return what the runs do."""
    return task_of(comparison.gathered.arms[0].runs[0].config)


def line(comparison: Findings, metrics: Sequence[str], window: int = 1) -> str:
    """Return the fairness line of a figure."""
    return fairness_line(comparison.gathered, metrics, window)


def _curves(comparison: Findings) -> Page | None:
    metric = next(iter(drawn_metrics(compared_task(comparison))), "")
    return _overlay(comparison, metric, fastest(comparison))


def _validation(comparison: Findings) -> Page | None:
    seen = charts.metrics_of(comparison.gathered.arms)
    metric = next((name for name in (*leading_metrics(VALID), VALID_LOSS) if name in seen), "")
    return _overlay(comparison, metric, "How well does it do on data it was not trained on?")


def _overlay(comparison: Findings, metric: str, title: str) -> Page | None:
    if metric not in charts.metrics_of(comparison.gathered.arms):
        return None
    found, left_out = facets(comparison)
    found = [
        Facet(facet.heading, kept) for facet in found if (kept := [each for each in facet.groups if _recorded(each, metric)])
    ]
    if not found:
        return None
    window = window_for(metric)
    words = [left_out, _common(comparison)]
    return overlays(
        found,
        metric,
        title,
        ", ".join(word for word in words if word),
        line(comparison, [metric], window),
        window=window,
        alike=not is_split(comparison),
    )


def _recorded(group: Group, metric: str) -> bool:
    return any(run.history.finite(metric).size > 1 for run in group.runs)


def _common(comparison: Findings) -> str:
    """Return what all arms have in common, for a subtitle."""
    choices = [run.summary["choices"] for arm in comparison.gathered.arms for run in arm.runs]
    wanted = ("dataset", "optimizer", "init", "activation", "surface")
    same = [kind for kind in wanted if len({choice.get(kind) for choice in choices}) == 1]
    return ", ".join(value_word(choices[0][kind]) for kind in same if choices[0].get(kind) not in (None, "none"))


def _standings(comparison: Findings) -> Page | None:
    metric = comparison.metric
    if not metric or len(comparison.standings) < 2:
        return None
    blank = Measured({}, math.nan, None)
    made = [
        Row(each.arm.name, stroke.colour, [each.metrics.get(metric, blank)], lost_words(each))
        for each, stroke in zip(comparison.standings, strokes(comparison), strict=True)
    ]
    means = "Large dots: mean over seeds, bars: its 95 % interval, small dots: single runs."
    subtitle = means if len(comparison.gathered.seeds) > 1 else "One run for each."
    subtitle += f" {'Higher' if is_higher_better(metric) else 'Lower'} is better."
    column = Column(metric, quantity(comparison))
    return rows(made, [column], f"Which {asked(comparison)} ends best?", subtitle, line(comparison, [metric]))


def _ahead(comparison: Findings) -> Page | None:
    """Return how far the leader is ahead; on several datasets that of the first setting over all of them, else none."""
    view = next((view for view in wins_views(comparison) if view.chosen), None)
    found = forests(comparison, view.matrix) if view is not None else []
    if view is None or len(found) != 1:
        return None
    colours = [stroke.colour for stroke in strokes(comparison)]
    return ahead(found[0], view, colours, ahead_question(comparison), line(comparison, [comparison.metric]))


def _wins(comparison: Findings) -> Page | None:
    view = next((view for view in wins_views(comparison) if view.chosen), None)
    if view is None or len(view.matrix.names) > MOST_NAMES or not any(each.winner for each in view.matrix.differences):
        return None  # hundreds of dots, or grey all over
    return wins(view, line(comparison, [comparison.metric]))


def _heatmap(comparison: Findings) -> Page | None:
    view = next(iter(heat_views(comparison)), None)
    if view is None:
        return None
    cells = [[Cell(cell.mean, "\n".join(filter(None, (cell.text, cell.lost)))) for cell in row] for row in view.cells]
    table, said = Table(view.axes, view.rows, view.columns, cells), line(comparison, [comparison.metric])
    return coloured(table, view.question, view.about, said, lowest=view.lowest, log=None, by_row=view.by_row)


def _target(comparison: Findings) -> Page | None:
    goal = comparison.target
    if goal is None or len(comparison.standings) < 2:
        return None
    made = [
        Row(each.arm.name, stroke.colour, list(each.ways_to_target.values()), reached_words(each))
        for each, stroke in zip(comparison.standings, strokes(comparison), strict=True)
    ]
    ways = comparison.standings[0].ways_to_target
    columns = [Column(way, "seconds of training" if way == SECONDS else WAYS[way], is_to_target=True) for way in ways]
    subtitle = f"Target: {target_words(comparison)}. Large dots: median over the seeds, those that did not reach it last."
    return rows(made, columns, "Which one gets there first?", subtitle, line(comparison, [goal.metric]))


def _sensitivity(comparison: Findings) -> Page | None:
    view = rates_view(comparison)
    return rates(view, line(comparison, [view.metric])) if view is not None else None


def _profile(comparison: Findings) -> Page | None:
    view = profile_view(comparison)
    return profile(view, line(comparison, [comparison.metric])) if view is not None else None


def _ranks(comparison: Findings) -> Page | None:
    """Return the critical-difference picture of three values of a setting, or more, over datasets."""
    matrix = next((each for each in comparison.matrices if each.ranks), None)
    if matrix is None:
        return None
    colours = {
        setting_words(matrix.of, arm.settings[matrix.of]): arm.colour
        for arm in comparison.gathered.arms
        if matrix.of in arm.settings
    }
    half = matrix.critical / 2
    made = [
        Row(name, colours[name], [Measured({0: rank}, rank, half, rank - half, rank + half)])
        for name, rank in sorted(matrix.ranks.items(), key=lambda item: item[1])
    ]
    column = Column("rank", f"mean rank over {matrix.problems} datasets (1 is the best)")
    apart = f"critical difference {measured(matrix.critical)} (Nemenyi, 5 %)"
    about = f"Two whose bars overlap cannot be told apart by their ranks: {apart}."
    return rows(made, [column], RANKS, about, line(comparison, [comparison.metric]))


def _search(comparison: Findings) -> Page | None:
    """Return the trials of a search, as a scatter and over all of their settings, and which settings mattered."""
    panel = search_panel(comparison)
    return search_page(panel, line(comparison, [comparison.metric])) if panel is not None else None


def _paths(comparison: Findings) -> Page | None:
    if compared_task(comparison) != DESCEND:
        return None
    picture = paths_picture(comparison)
    return picture.page if picture is not None else None


MOST_RACING = 14


def paths_picture(comparison: Findings, *, racing: bool = False) -> Picture | None:
    """Return the paths of descents, one an arm; None where none was on a surface of two dimensions.

    Args:
        comparison: of descents.
        racing: whether all paths on one surface lie in one picture, unless they are too many.
    """
    runs = Results(run for arm in comparison.gathered.arms for run in list(ended(arm))[:1] if is_planar(run))
    if not len(runs):
        return None
    surfaces, rules = list(runs.by("surface")), list(runs.by("optimizer"))
    where = value_word(surfaces[0]) if len(surfaces) == 1 else "each surface"
    is_one = len(comparison.gathered.seeds) < 2 or is_certain(comparison.gathered.arms)
    title = f"How do they descend {where}?" if len(rules) > 1 else f"How does {rules[0]} descend {where}?"
    spec = {} if is_one else {"note": "Of several seeds the first is shown"}
    together = racing and len(surfaces) == 1 and len(runs) <= MOST_RACING
    return picture(runs, spec | {"layout": "overlay"} if together else spec, title)


MAKERS: Mapping[str, Callable[[Findings], Page | None]] = {
    "search": _search,
    "curves": _curves,
    "paths": _paths,
    "standings": _standings,
    "ahead": _ahead,
    "wins": _wins,
    "sensitivity": _sensitivity,
    "profile": _profile,
    "ranks": _ranks,
    "heatmap": _heatmap,
    "target": _target,
    "validation": _validation,
}
"""Name of a page to what makes it, or None where the runs have none; the most telling first."""
