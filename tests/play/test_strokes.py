"""A drawing becomes a row such as networks are trained on."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from nnreg.errors import UserError
from nnreg.play.strokes import INK, row_of


def arc(x, y, wide, tall, begin, end):
    turns = np.linspace(begin * math.pi, end * math.pi, 30)
    return [[x + wide * math.cos(turn), y + tall * math.sin(turn)] for turn in turns]


DRAWINGS = {
    0: [arc(0.5, 0.5, 0.2, 0.35, 0, 2)],
    1: [[[0.4, 0.25], [0.52, 0.1], [0.52, 0.9]]],
    2: [[*arc(0.5, 0.3, 0.2, 0.2, -1, 0.1), [0.3, 0.9], [0.72, 0.9]]],
    3: [[*arc(0.45, 0.3, 0.2, 0.2, -0.8, 0.5), *arc(0.45, 0.7, 0.22, 0.2, -0.5, 0.8)]],
    4: [[[0.55, 0.1], [0.25, 0.6], [0.75, 0.6]], [[0.6, 0.35], [0.6, 0.95]]],
    5: [[[0.7, 0.1], [0.35, 0.1], [0.33, 0.45], *arc(0.47, 0.65, 0.22, 0.24, -0.5, 0.8)]],
    6: [[[0.6, 0.1], [0.38, 0.45], *arc(0.5, 0.7, 0.17, 0.2, 1, -1)]],
    7: [[[0.3, 0.15], [0.7, 0.15], [0.45, 0.9]]],
    8: [[*arc(0.5, 0.3, 0.16, 0.18, 0.5, 2.5), *arc(0.5, 0.7, 0.19, 0.22, -0.5, 1.5)]],
    9: [[*arc(0.5, 0.3, 0.18, 0.2, 0, -2), [0.66, 0.4], [0.55, 0.9]]],
}


def test_drawn_digits_are_those_of_the_dataset_to_a_reader_that_knows_it():
    x, y = load_digits(return_X_y=True)
    reader = KNeighborsClassifier(5).fit(x, y)
    said = reader.predict([16 * row_of(strokes, (8, 8)) for strokes in DRAWINGS.values()])
    assert np.count_nonzero(said == list(DRAWINGS)) >= 9, said


@pytest.mark.parametrize("digit", DRAWINGS)
def test_a_drawing_fills_the_height_in_the_middle_with_the_ink_of_a_digit(digit):
    pixels = row_of(DRAWINGS[digit], (8, 8)).reshape(8, 8)
    assert pixels.mean() == pytest.approx(INK, abs=0.02)
    assert pixels[0].any()
    assert pixels[-1].any()
    left, right = np.flatnonzero(pixels.any(axis=0))[[0, -1]]
    assert abs(left - (7 - right)) <= 1
    assert set(np.unique(16 * pixels)) <= set(range(17))


def test_where_and_how_large_it_was_drawn_does_not_matter():
    whole = row_of(DRAWINGS[3], (8, 8))
    moved = [[[0.05 + x / 3, 0.6 + y / 3] for x, y in stroke] for stroke in DRAWINGS[3]]
    assert np.abs(row_of(moved, (8, 8)) - whole).max() <= 2 / 16


def test_a_dot_is_a_dot_and_other_shapes_get_their_pixels():
    assert row_of([[[0.2, 0.2]]], (8, 8)).reshape(8, 8)[3:5, 3:5].all()
    assert row_of(DRAWINGS[0], (28, 28)).shape == (784,)


@pytest.mark.parametrize(
    "strokes",
    [None, [], [[]], "0", [[0.5]], [[[0.5]]], [[[0.5, math.nan]]], [[[0.5, "a"]]], [[[0.5, 40.0]]], [[[0.5, True]]],
     [[[0.1, 0.1]] * 6000]],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(strokes):
    with pytest.raises(UserError, match=r"nothing is drawn|strokes must be"):
        row_of(strokes, (8, 8))
