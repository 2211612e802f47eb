"""A race: who leaves, who is left, who beats whom, and what stands between."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnreg.comparison.judging import Ruler
from nnreg.comparison.race import STAGES, judge_race, race_look

SEEDS = range(20)


def arms(means, seeds=20, spread=0.1, rng=0):
    drawn = np.random.default_rng(rng)
    return {
        name: dict(enumerate(np.exp(mean + spread * drawn.normal(size=seeds)).tolist()))
        for name, mean in zip("abcdefgh", means, strict=False)
    }


def judged(values, **options):
    return judge_race(values, SEEDS, Ruler("ratio", **options))


def test_the_shares_of_the_looks_are_the_whole():
    assert sum(stage.share for stage in STAGES) == pytest.approx(1.0)
    assert [stage.seeds for stage in STAGES] == [3, 5, 8, 12, 20]


def test_a_race_begins_with_three_seeds_each_and_goes_on_where_nothing_is_settled():
    assert judged({"a": {}, "b": {}}).following == 3
    assert judged(arms([0, 0], seeds=3)).following == 5
    assert judged(arms([0, 0], seeds=4)).following == 5
    race = judged(arms([0, 0]))
    assert (race.following, race.left, sorted(race.live)) == (None, {}, ["a", "b"])
    assert race.seeds == {"a": 20, "b": 20}


def test_a_clear_loser_leaves_and_gets_no_more_seeds():
    values = arms([0, 3, 0.01])
    del_after = {seed: loss for seed, loss in values["b"].items() if seed < 3}
    race = judged(values | {"b": del_after})
    assert race.left["b"].seeds == 3
    assert race.left["b"].by in ("a", "c")
    assert race.seeds == {"a": 20, "b": 3, "c": 20}
    assert race.following is None


def test_one_arm_that_is_left_is_the_winner_and_the_race_is_over():
    race = judged(arms([0, 3], seeds=5, spread=0.01))
    assert (race.live, race.following) == (["a"], None)
    assert race.beats == {("a", "b")}


def test_to_beat_takes_more_than_to_drive_out():
    """Of three arms a look at .15 puts one out at p = .0025 and has it beaten at .00125: two p values between the two."""
    better = np.array([[1, 0.002, 0.001], [0.9, 1, 0.5], [0.9, 0.5, 1]])
    out, certain = race_look(better, np.array([True] * 3), 0.15)
    assert out.tolist() == [False, True, True]
    assert np.argwhere(certain).tolist() == [[0, 2]]


def test_who_has_left_drives_nobody_out():
    better = np.array([[1, 1e-6, 1e-6], [1, 1, 1], [1, 1, 1]])
    out, certain = race_look(better, np.array([False, True, True]), 0.15)
    assert not out.any()
    assert not certain.any()


def test_the_interval_against_the_leader_is_students_at_the_looks_share_over_the_arms():
    values = arms([0, 0.02, 0.01], seeds=3)
    race = judged(values)
    leader, other = race.live[0], race.live[1]
    apart = np.log([values[other][seed] / values[leader][seed] for seed in range(3)])
    half = stats.t.ppf(1 - 0.15 * 0.05 / (2 * 3), 2) * stats.sem(apart)
    assert race.intervals[other] == pytest.approx((apart.mean() - half, apart.mean() + half))
    assert leader not in race.intervals


def test_of_shares_more_is_better():
    values = {"a": dict(enumerate([0.91, 0.90, 0.92])), "b": dict(enumerate([0.10, 0.11, 0.10]))}
    race = judge_race(values, SEEDS, Ruler(higher=True))
    assert race.live == ["a"]
    assert race.left["b"].by == "a"
    assert race.intervals["b"][1] < 0, "it is below the leader"


def test_an_arm_with_more_failures_drives_nobody_out():
    values = arms([-5, 0], seeds=5, spread=0.01)
    values["a"][4] = math.nan
    race = judged(values)
    assert race.left == {"b": (3, "a")}, "at three seeds it had none"
    values["a"] |= {1: math.inf, 4: 1e-3}
    race = judged(values)
    assert (race.left, race.following) == ({}, 8)
    assert race.live == ["b", "a"], "that which lost no run stands first"


def test_an_arm_all_of_whose_runs_failed_leaves_unless_all_did():
    dead = dict.fromkeys(range(3), math.nan)
    race = judged(arms([0, 0], seeds=3) | {"b": dead})
    assert (race.live, race.left) == (["a"], {"b": (3, "")})
    race = judged({"a": dead, "b": dead})
    assert (race.left, race.following) == ({}, 5)


def test_identical_arms_stay_together():
    one = arms([0])["a"]
    race = judged({"a": one, "b": one, "c": one}, least=1e-7)
    assert (len(race.live), race.beats) == (3, set())


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=6), st.integers(0, 1000), st.floats(0.01, 100))
def test_a_race_knows_no_units_and_no_order(means, rng, unit):
    values = arms(means, rng=rng)
    race = judged(values)
    scaled = judged({name: {seed: unit * loss for seed, loss in by.items()} for name, by in reversed(values.items())})
    assert race.live
    assert (race.live, race.left, race.beats, race.seeds) == (scaled.live, scaled.left, scaled.beats, scaled.seeds)
