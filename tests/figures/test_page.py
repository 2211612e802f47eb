"""What all figures share: names that keep apart, words that fit, small files that keep their colours."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image

from nnreg.figures import save
from nnreg.figures.page import FOOTER, TITLE, Name, Page, in_few_colours, name_ends, spread, width_of, wrapped
from nnreg.registry.palette import COLOURS
from tests.figures.runs import overlaps, texts

sorted_heights = st.lists(st.floats(0, 1), max_size=12).map(sorted)


@given(sorted_heights, st.floats(0.001, 0.2))
def test_names_keep_their_order_and_distance_and_stay_inside(heights, gap):
    placed = spread(heights, gap)
    wanted = min(gap, 1 / max(len(heights) - 1, 1))
    assert all(upper - lower >= wanted - 1e-9 for lower, upper in pairwise(placed))
    assert all(-1e-9 <= height <= 1 + 1e-9 for height in placed)


@given(sorted_heights, st.floats(0.001, 0.2))
def test_names_that_are_apart_already_stay_where_they_are(heights, gap):
    placed = spread(heights, gap)
    assert spread(placed, gap) == pytest.approx(placed)


@given(st.lists(st.floats(0.2, 0.8), min_size=2, max_size=2).map(sorted), st.floats(0.01, 0.3))
def test_two_names_in_the_way_of_each_other_give_way_by_the_same(heights, gap):
    low, high = spread(heights, gap)
    if heights[1] - heights[0] < gap:
        assert low == pytest.approx(sum(heights) / 2 - gap / 2)
        assert high == pytest.approx(sum(heights) / 2 + gap / 2)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5).map(sorted), st.floats(0.01, 0.2), st.integers(0, 2**32 - 1))
def test_no_other_place_is_nearer_to_where_names_belong(heights, gap, seed):
    rng = np.random.default_rng(seed)
    cost = np.square(np.subtract(spread(heights, gap), heights)).sum()
    gaps = rng.uniform(0, 0.3, (200, len(heights))) + gap
    others = np.cumsum(gaps, axis=1) + rng.uniform(-1, 1, (200, 1))
    valid = others[(others.min(axis=1) >= 0) & (others.max(axis=1) <= 1)]
    assert (np.square(valid - heights).sum(axis=1) >= cost - 1e-9).all()


@pytest.mark.parametrize("heights", [[0.5] * 9, [0.0] * 9, [1.0] * 9, [float("nan")] * 3, [0.2, 0.21, 7.0, -3.0]])
def test_names_beside_curves_never_overlap(heights):
    axes = Page(6, 3, "?").axes(0.7, 0.1, 4, 2.5)
    axes.set_ylim(0, 1)
    name_ends(axes, [Name(f"curve {index}", height, "#0072B2") for index, height in enumerate(heights)])
    assert not overlaps(axes.texts)


def test_a_name_whose_curve_is_beyond_the_picture_says_where():
    axes = Page(6, 3, "?").axes(0.7, 0.1, 4, 2.5)
    axes.set_ylim(0, 1)
    name_ends(axes, [Name("inside", 0.5, "#000000"), Name("over", 2.0, "#000000"), Name("under", -1.0, "#000000")])
    assert [text.get_text() for text in axes.texts] == ["under ↓", "inside", "over ↑"]


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12), max_size=30))
def test_wrapping_keeps_every_word_in_order_and_lines_that_fit(words):
    lines = wrapped(" ".join(words), FOOTER, 2.0)
    assert " ".join(lines).split() == words
    assert all(width_of(line, FOOTER) <= 2.0 for line in lines if " " in line)


def test_a_long_question_is_wrapped_and_nothing_leaves_the_page():
    page = Page(5, 2, "Does this question, which is much too long for one line, fit?" * 2, "what is shown " * 9, "done " * 60)
    page.axes(0.7, 0, 4, 1.5)
    page.figure.canvas.draw()
    width, height = page.figure.bbox.size
    for text in page.figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
        assert box.y1 <= height
    assert not overlaps(page.figure.texts)
    axes = page.figure.axes[0].get_window_extent()
    assert all(text.get_window_extent().y0 >= axes.y1 or text.get_window_extent().y1 <= axes.y0 for text in page.figure.texts)
    assert "fit?" in texts(page.figure)
    assert page.figure.texts[0].get_fontsize() == TITLE


@pytest.fixture
def colourful():
    page = Page(6, 3, "Which colour?")
    axes = page.axes(0.7, 0.1, 5, 2.5)
    for index, colour in enumerate(COLOURS):
        axes.plot([0, 1], [index, index + 1], color=colour, linewidth=2)
    axes.plot([0.5], [3], marker="*", markersize=12, color="#ffd400")  # smaller than anything
    axes.imshow(np.random.default_rng(0).random((8, 8)), extent=(0.6, 1, 0, 5), aspect="auto")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, len(COLOURS))
    return page.figure


def test_a_small_picture_keeps_the_colour_of_every_technique(colourful, tmp_path):
    save(colourful, tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as picture:
        assert picture.mode == "P"
        pixels = np.asarray(picture.convert("RGB"), dtype=int).reshape(-1, 3)
    for colour in (*COLOURS, "#ffd400"):
        away = np.abs(pixels - np.round(np.array(to_rgb(colour)) * 255)).max(axis=1).min()
        assert away <= 12, colour
    assert (pixels == 255).all(axis=1).any()  # paper stays white
    assert (tmp_path / "small.png").stat().st_size < 60_000


@pytest.mark.parametrize("name", ["figure.png", "figure.svg"])
def test_the_same_figure_gives_the_same_bytes(colourful, tmp_path, name):
    contents = []
    for _ in range(2):
        save(colourful, tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_an_image_of_few_colours_keeps_them_to_the_last_bit():
    colours = np.random.default_rng(0).integers(0, 256, (200, 3), dtype=np.uint8)
    pixels = np.resize(colours, (90, 120, 3))
    few = in_few_colours(Image.fromarray(pixels), 256)
    np.testing.assert_array_equal(np.asarray(few.convert("RGB")), pixels)


def test_pale_areas_beside_many_lines_keep_their_hue():
    wide = np.linspace(0, 1, 60)[:, None] * [0, 60, 120] + [20, 60, 100]  # more colours than the picture may have
    lines = np.clip(
        np.concatenate([np.roll(wide, shift, axis=1) for shift in range(3)] * 3) + np.arange(9).repeat(60)[:, None], 0, 255
    )
    areas = np.repeat([[247, 248, 251], [240, 243, 248], [230, 235, 242]], 40_000, axis=0)
    pixels = np.concatenate([areas, np.repeat(lines, 2, axis=0)]).astype(np.uint8)[:, None]
    few = np.asarray(in_few_colours(Image.fromarray(pixels), 256).convert("RGB"), dtype=int)
    away = np.abs(few - pixels).max(axis=-1)
    assert away[: len(areas)].max() <= 2
    assert away.max() <= 14
