"""Several figures on one page: none lies upon another, none is cut, and the line below is said once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnreg.comparison.report.files import GAP, WHITE, cut, overview, packed_tightly
from nnreg.figures.page import Page, pixels_of

sizes = st.lists(st.tuples(st.integers(50, 1500), st.integers(50, 1500)), min_size=1, max_size=8)


@given(sizes=sizes)
def test_pictures_keep_their_distance_and_lie_within_the_page(sizes):
    places, width, height = packed_tightly(sizes)
    boxes = [(*place, place.left + size[0], place.top + size[1]) for place, size in zip(places, sizes, strict=True)]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        for other in boxes[number + 1 :]:
            beside = right + GAP <= other[0] or other[2] + GAP <= left
            above = bottom + GAP <= other[1] or other[3] + GAP <= top
            assert beside or above


@given(sizes=sizes)
def test_a_page_is_no_larger_than_all_pictures_one_below_the_other_or_side_by_side(sizes):
    _, width, height = packed_tightly(sizes)
    assert height <= sum(size[1] + GAP for size in sizes)
    assert width <= sum(size[0] + GAP for size in sizes)


def test_every_pixel_of_every_picture_is_on_the_page():
    shades = [0x112233, 0x445566, 0x778899]
    pictures = [
        np.full((high, wide), shade) for (high, wide), shade in zip([(300, 500), (200, 900), (150, 100)], shades, strict=True)
    ]
    page = overview(pictures, "What?", "The answer.", "Said once.")
    assert [int((page == shade).sum()) for shade in shades] == [picture.size for picture in pictures]


def test_a_figure_is_cut_of_its_line_and_of_blank_at_its_right():
    page = Page(6.0, 2.0, "What?", "", "Said below every figure.")
    pixels = pixels_of(page.figure)
    kept = cut(page, pixels)
    assert kept.shape[0] == pixels.shape[0] - page.below_in_pixels
    assert (pixels[kept.shape[0] :] != WHITE).any()  # the line was there
    assert (kept[:, -1] != WHITE).any()
