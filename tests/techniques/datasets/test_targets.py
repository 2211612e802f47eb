"""Targets as a person has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.datasets._targets import understood, understood_text


@given(st.lists(st.sampled_from(["ß", "a", "B", "10", "9", "b c"]), min_size=12).filter(lambda labels: len(set(labels)) > 1))
def test_text_becomes_class_numbers_in_alphabetical_order(labels):
    y, outputs = understood(np.array(labels), "auto")
    order = sorted(set(labels))
    assert y.tolist() == [order.index(label) for label in labels]
    assert outputs == len(order)
    assert y.dtype == np.int64


def test_numbers_become_class_numbers_by_size_not_by_alphabet():
    y, outputs = understood(np.array([10.0, 9.0, -1.0] * 5), "auto")
    assert y.tolist() == [2, 1, 0] * 5
    assert outputs == 3


@pytest.mark.parametrize("answers", [np.array([True, False] * 5), np.array([b"x", b"y"] * 5), np.array([[0], [1]] * 5)])
def test_truth_values_bytes_and_one_column_are_labels_too(answers):
    assert understood(answers, "auto")[0].tolist() == ([1, 0] if answers.dtype == bool else [0, 1]) * 5


@pytest.mark.parametrize(
    ("answers", "is_classes"),
    [
        (np.arange(20.0).repeat(5), True),
        (np.arange(21.0).repeat(5), False),
        (np.arange(20.0).repeat(4), False),
        (np.array([0.5, 1.0] * 10), False),
        (np.array([[1, 2], [3, 4]] * 10), False),
    ],
    ids=["20 whole numbers", "21 whole numbers", "4 rows a number", "halves", "two columns"],
)
def test_whole_numbers_are_classes_if_few_and_often_met(answers, is_classes):
    y, outputs = understood(answers, "auto")
    assert (y.dtype == np.int64) == is_classes
    assert y.shape == ((len(answers),) if is_classes else (len(answers), outputs))


def test_the_person_has_the_last_word():
    ratings = np.array([1.0, 2, 3] * 5)
    values, columns = understood(ratings, "values")
    np.testing.assert_array_equal(values, ratings[:, None])
    assert columns == 1
    assert understood(np.arange(21.0).repeat(2), "classes")[1] == 21


@pytest.mark.parametrize(
    ("answers", "task", "message"),
    [
        (["a"] * 9, "auto", "the target has one class only, 'a': there is nothing to tell apart"),
        ([3.0] * 9, "auto", "the target has one class only, '3.0'"),
        ([3.5] * 9, "auto", "all targets are the same: there is nothing to learn"),
        (list("abcdefghi"), "auto", "the target has 9 different labels in 9 rows, too many to learn"),
        (["1", "2", "many"], "values", "the target holds text, such as 'many'"),
        ([1.0, np.nan], "auto", "not finite"),
        ([1.0, np.inf], "values", "not finite"),
        (np.eye(3)[[0, 1, 2, 0]], "auto", "looks one-hot coded"),
        (np.eye(3)[[0, 1, 2, 0]], "classes", r"one label a row, got an array \(4, 3\)"),
    ],
)
def test_targets_that_teach_nothing_are_refused(answers, task, message):
    with pytest.raises(ValueError, match=message):
        understood(np.array(answers), task)


def test_the_loss_decides_what_counts_are():
    counts = np.array([0.0, 1, 2] * 10)
    assert understood(counts, "auto", "values")[0].shape == (30, 1)
    assert understood(counts, "auto", "classes")[0].shape == (30,)
    assert understood(counts, "classes", "values")[0].shape == (30,)
    assert understood(np.array(list("abc") * 10), "auto", "values")[1] == 3


def test_cells_are_told_apart_by_every_character():
    for cells, classes in ((["01", "1", "2"], 3), (["1.0", "1", "2"], 3), (["1", "2", "1"], 2)):
        y, outputs, what = understood_text(np.array(cells * 10), np.array(cells * 10, dtype=float), "classes")
        assert (outputs, what) == (classes, f"{classes} classes")
        assert len(np.unique(y)) == classes
