"""The picture of a search holds what its panel on the page does, and no two of its words lie upon each other."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from nnreg.comparison.compare import compare
from nnreg.comparison.report.search import search_panel
from nnreg.comparison.report.searched import search_page
from tests.comparison.report.shapes import SHAPES
from tests.figures.runs import overlaps, texts

WEIGHTS = {
    "caption": "Importance of the settings: together they explain 71 % of how trials rank, on trials not learned from.",
    "rows": [{"name": "learning rate", "wide": 100.0, "text": "80 %"}, {"name": "weight decay", "wide": 25.0, "text": "20 %"}],
}


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    return search_panel(compare([SHAPES["search"](tmp_path_factory.mktemp("search") / "sweep")]))


def words(figure):
    figure.canvas.draw()
    ticks = [label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    return [*figure.texts, *(text for axes in figure.axes for text in axes.texts), *ticks, figure.axes[0].xaxis.label]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_search_is_drawn_with_all_trials_and_every_word_can_be_read(panel, weights):
    figure = search_page(panel | {"weights": weights}, "One line.").figure
    drawn = words(figure)
    assert overlaps(drawn) == []
    width, height = figure.canvas.get_width_height()
    for word in drawn:
        box = word.get_window_extent()
        assert not word.get_text() or (box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height), word
    dots = [line for line in figure.axes[0].lines if line.get_markersize() < 10]
    assert len(dots) == len(panel["cloud"]["dots"]) == 24
    assert sum(line.get_marker() == "x" for line in dots) == 2
    if weights:
        bars = [patch for patch in figure.axes[-1].patches if isinstance(patch, Rectangle)]
        assert [bar.get_width() for bar in bars] == [100.0, 25.0]
        assert "weight decay" in texts(figure)
