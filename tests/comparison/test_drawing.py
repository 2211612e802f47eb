"""Pages become pictures on two cores, the same as on one."""

import sys

import pytest

from nnreg.comparison import drawing
from nnreg.figures.style import Page

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies of processes are for Linux")


@pytest.fixture
def pages():
    return {name: Page(4, 1, f"What is {name}?") for name in ("a", "b", "c")}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_pictures_are_the_same_whether_a_copy_helps_or_not(pages, tmp_path, monkeypatch):
    found = {}
    for helps in (False, True):
        folder = tmp_path / str(helps)
        folder.mkdir()
        monkeypatch.setattr(drawing, "can_copy", lambda helps=helps: helps)
        pixels = drawing.draw(pages, {name: folder / f"{name}.png" for name in pages})
        found[helps] = [pixel.tolist() for pixel in pixels], {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found[True] == found[False]
    assert sorted(found[True][1]) == ["a.png", "b.png", "c.png"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_what_a_copy_could_not_draw_is_drawn_here(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "can_copy", lambda: True)
    monkeypatch.setattr(drawing, "_send", lambda pipe, *_: pipe.close())
    assert len(drawing.draw(pages, {name: tmp_path / f"{name}.png" for name in pages})) == 3
    assert len(list(tmp_path.iterdir())) == 3
