"""Pages are made and become pictures on two cores, the same as on one."""

import os
import sys

import pytest

from nnreg.comparison.report import files
from nnreg.comparison.report.files import draw_pages
from nnreg.figures.page import QUICK, Page, write_png

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="copies of processes are for Linux"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
NAMES = ("a", "none", "b", "c")


def make(name):
    return None if name == "none" else Page(4, 1, f"What is {name}?")


@pytest.mark.parametrize("helps", [False, True])
def test_pictures_are_the_same_whether_a_copy_helps_or_not(helps, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "can_fork", lambda: helps)
    drawn = draw_pages(NAMES, make, lambda name: tmp_path / f"{name}.png")
    assert drawn == ["a", "b", "c"], "in the order of their names, whoever drew them"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png"]
    for name in drawn:
        write_png(make(name).figure, tmp_path / "alone.png", QUICK)
        assert (tmp_path / "alone.png").read_bytes() == (tmp_path / f"{name}.png").read_bytes()


def test_each_page_is_drawn_by_one_of_the_two(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "can_fork", lambda: True)
    names = [f"page {number}" for number in range(40)]

    def place(name):
        with (tmp_path / "places").open("a") as taken:
            taken.write(f"{name}\n")
        return tmp_path / f"{name}.png"

    draw_pages(names, lambda _: Page(1, 1, ""), place)
    assert sorted((tmp_path / "places").read_text().splitlines()) == sorted(names)


def test_where_a_copy_dies_all_is_drawn_here(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "can_fork", lambda: True)
    here = os.getpid()

    def make_or_die(name):
        if os.getpid() != here:
            os._exit(1)
        return make(name)

    assert draw_pages(NAMES, make_or_die, lambda name: tmp_path / f"{name}.png") == ["a", "b", "c"]
    assert len(list(tmp_path.iterdir())) == 3


def test_what_cannot_be_drawn_says_why_whoever_draws(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "can_fork", lambda: True)
    with pytest.raises(ZeroDivisionError):
        draw_pages(NAMES, lambda _: 1 / 0, lambda name: tmp_path / f"{name}.png")
