"""Held-out parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.datasets._splitting import divided, shuffled, stratified

fractions = st.floats(0, 0.45)


def divide(rows, classes, valid, test, seed=0):
    y = np.arange(rows) % classes
    x = np.arange(rows, dtype=np.float64)[:, None]  # a row is its own number
    return stratified(x, y, valid, test, np.random.default_rng(seed))


@given(st.integers(1, 200), st.integers(1, 7), fractions, fractions, st.integers(0, 99))
def test_every_row_is_in_exactly_one_part(rows, classes, valid, test, seed):
    parts = [part for part in divide(rows, classes, valid, test, seed) if part is not None]
    numbers = np.concatenate([part.x[:, 0] for part in parts])
    assert sorted(numbers) == list(range(rows))
    assert all((part.x[:, 0] % classes == part.y).all() for part in parts)


@given(st.integers(1, 200), st.integers(1, 7), st.floats(0.01, 0.45))
def test_each_class_gives_its_share_to_within_half_a_row(rows, classes, share):
    _, valid, _ = divide(rows, classes, share, 0)
    there = np.bincount(np.arange(rows) % classes, minlength=classes)
    assert (abs(np.bincount(valid.y, minlength=classes) - share * there) <= 0.5).all()


def test_a_share_of_zero_gives_no_part():
    assert divide(10, 2, 0, 0)[1:] == (None, None)


def test_the_first_rows_to_train_on_are_a_fair_sample_of_all():
    """Over many divisions each class has its share of the first ten; 0.015 is three standard errors."""
    first = np.concatenate([divide(300, 3, 0.2, 0.2, seed)[0].y[:10] for seed in range(1000)])
    np.testing.assert_allclose(np.bincount(first) / len(first), 1 / 3, atol=0.015)


def test_the_chances_of_neighbours_to_be_of_one_class_are_those_of_a_shuffle():
    """The first rows came from one class once, whichever it was: a mean over divisions does not see that."""
    first = np.array([divide(300, 3, 0.2, 0.2, seed)[0].y[:10] for seed in range(1000)])
    assert (first[:, 1:] == first[:, :-1]).mean() == pytest.approx(59 / 179, abs=0.015)


def test_values_are_divided_at_random_and_each_row_keeps_its_own():
    x = np.arange(100, dtype=np.float64)[:, None]
    train, valid, test = shuffled(x, 2 * x, 0.25, 0.1, np.random.default_rng(0))
    assert [len(part.x) for part in (train, valid, test)] == [65, 25, 10]
    assert all((part.y == 2 * part.x).all() for part in (train, valid, test))
    assert sorted(np.concatenate([part.x[:, 0] for part in (train, valid, test)])) == list(range(100))
    assert (np.diff(train.x[:, 0]) < 0).any()


@pytest.mark.parametrize(
    ("y", "shares", "lack"),
    [
        ([0, 1], (0.2, 0.2), "valid_fraction=0.2 and test_fraction=0.2 leave none to validate with"),
        ([0, 1, 0, 1, 0, 1], (0.3, 0.05), "leave none to test with"),
        ([0] * 10 + [1] * 2, (0.45, 0.45), "leave a class without any to train on"),
        ([1.0, 2.0], (0.2, 0.0), "2 rows are too few: valid_fraction=0.2 and test_fraction=0 leave none to validate with"),
    ],
)
def test_rows_too_few_for_their_shares_are_refused(y, shares, lack):
    y = np.array(y)
    y = y[:, None] if y.dtype == float else y
    with pytest.raises(ValueError, match=lack):
        divided(np.zeros((len(y), 1)), y, *shares, np.random.default_rng(0))


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match=r"valid_fraction \+ test_fraction must be below 1, got 0.5 \+ 0.5"):
        divide(10, 2, 0.5, 0.5)
