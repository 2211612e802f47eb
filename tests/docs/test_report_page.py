"""The picture of a report in the README is of the sweep that stands beside it."""

import re

import pytest

from nnreg.comparison.compare import compare
from tests.comparison.sweeps import sweep
from tests.docs.report_page import PICTURE, README, WIDTH, command, taken


def test_the_readme_says_how_to_make_what_its_picture_shows():
    assert command()[:2] == ["-m", "optimizer=sgd,momentum,adagrad,adam"]
    assert re.search(rf"!\[.*\]\(docs/{PICTURE.name}\)", README.read_text(encoding="utf-8"))


@pytest.mark.long
@pytest.mark.extra("browser")
def test_a_picture_is_taken_of_the_answer_and_the_curves(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=adam",): [0.1, 0.11, 0.12], ("optimizer=sgd",): [0.3, 0.35, 0.4]})
    picture = taken(compare([home]).save(tmp_path / "out"))
    assert picture.width == WIDTH
    assert picture.height > 700
    assert len(picture.getcolors(256)) > 20
