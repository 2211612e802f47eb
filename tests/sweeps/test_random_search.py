"""Trials are drawn alike by alike seeds, from where they should be, and more trials begin with fewer."""

from __future__ import annotations

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nnreg.errors import UserError
from nnreg.sweeps.axes import Axis
from nnreg.sweeps.random_search import draw_trials


def axes(*words):
    return [Axis(override) for override in OverridesParser.create().parse_overrides(list(words))]


def values(trials, position=0):
    return [trial[position].partition("=")[2] for trial in trials]


LR, RULES = "optimizer.lr=tag(log,interval(1e-4,1))", "optimizer=sgd,adam,lion"


@given(st.integers(0, 99), st.integers(1, 12), st.integers(0, 12))
def test_the_same_seed_draws_the_same_trials_and_more_begin_with_fewer(seed, trials, more):
    few, many = (list(draw_trials(axes(LR, RULES), count, seed)) for count in (trials, trials + more))
    assert many[:trials] == few
    assert list(draw_trials(axes(LR, RULES), trials, seed + 1)) != few


def test_another_axis_leaves_the_draws_of_the_others_as_they_are():
    alone, both = list(draw_trials(axes(LR), 9, 0)), list(draw_trials(axes(RULES, LR, "steps=5"), 9, 0))
    assert values(alone) == values(both, 1)
    assert values(both, 2) == ["5"] * 9


def test_a_log_range_is_drawn_from_evenly_on_a_log_scale():
    drawn = [math.log10(float(value)) for value in values(draw_trials(axes(LR), 400, 0))]
    assert -4 <= min(drawn) < max(drawn) <= 0
    assert all(80 <= sum(low <= value < low + 1 for value in drawn) <= 120 for low in (-4, -3, -2, -1))


def test_a_plain_range_is_drawn_from_evenly():
    drawn = [float(value) for value in values(draw_trials(axes("init.std=interval(2,6)"), 400, 0))]
    assert 2 <= min(drawn) < max(drawn) <= 6
    assert all(80 <= sum(low <= value < low + 1 for value in drawn) <= 120 for low in (2, 3, 4, 5))


@pytest.mark.parametrize("word", ["batch=int(interval(3,6))", "batch=tag(log,int(interval(3,6)))"])
def test_whole_numbers_are_drawn_with_both_ends(word):
    assert set(values(draw_trials(axes(word, LR), 60, 0))) == {"3", "4", "5", "6"}


def test_no_trial_is_drawn_twice_while_there_are_others():
    assert sorted(values(draw_trials(axes(RULES), 3, 5))) == ["adam", "lion", "sgd"]
    assert len(list(draw_trials(axes(RULES), 5, 5))) == 5


@pytest.mark.long
@given(st.integers(0, 99))
def test_nor_where_nearly_all_of_a_grid_are_drawn(seed):
    grid = axes("batch=range(0,10)", "steps=range(0,10)")
    drawn = list(draw_trials(grid, 101, seed))
    assert len(set(drawn[:100])) == 100
    assert drawn[:99] == list(draw_trials(grid, 99, seed))


@pytest.mark.parametrize("word", ["a=interval(2,1)", "a=tag(log,interval(0,1))"])
def test_a_range_that_is_none_is_refused(word):
    with pytest.raises(UserError, match=r"^a=.*(no smaller|above 0)"):
        list(draw_trials(axes(word), 1, 0))
