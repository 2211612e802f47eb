"""Held-out parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.datasets.splitting import stratified

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


def test_rows_are_shuffled_so_that_the_first_ones_are_of_every_class():
    train, _, _ = divide(300, 3, 0.2, 0.2)
    assert set(train.y[:30]) == {0, 1, 2}
    assert (np.diff(train.x[:, 0]) < 0).any()


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match=r"valid_fraction \+ test_fraction must be below 1, got 0.5 \+ 0.5"):
        divide(10, 2, 0.5, 0.5)
