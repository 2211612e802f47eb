"""The pictures of comparisons of odd shapes: no two words overlap, none is cut, every number is written in the one way."""

from __future__ import annotations

import pytest

from nnreg.comparison.compare import compare
from nnreg.comparison.report.pictures import MAKERS
from tests.comparison.report.shapes import SHAPES
from tests.figures.runs import overlaps
from tests.figures.words import cut, foreign, seen

SHOWN = {"plain": 5, "one arm": 2, "search": 4, "rates": 5, "datasets": 5, "surface": 1}
"""Pictures that a shape has at least."""


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_no_words_of_a_picture_overlap_or_are_cut(tmp_path, shape):
    found = compare([SHAPES[shape](tmp_path / "sweep")])
    made = {name: page.figure for name, maker in MAKERS.items() if (page := maker(found)) is not None}
    assert len(made) >= SHOWN.get(shape, 1)
    for name, figure in made.items():
        words = seen(figure)
        assert overlaps(words) == [], name
        assert foreign(words) == [], name
        assert cut(figure, words) == [], name
