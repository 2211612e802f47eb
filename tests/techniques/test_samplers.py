"""Samplers beside plain counts: what a batch has, and how often a row comes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Split
from nnreg_std.samplers.curriculum import CHUNK, Curriculum, difficulty
from nnreg_std.samplers.growing import Growing
from tests.engine.drawing import sampler


def drawn(name, y, batch=8, steps=50, x=None, **parameters):
    """Return every batch of a run."""
    made, rng = sampler(name, **parameters), np.random.default_rng(0)
    x = np.zeros((len(y), 1)) if x is None else x
    made.begin(Split(x, np.asarray(y)), batch)
    return [made.rows(t, steps, rng).copy() for t in range(1, steps + 1)]


@given(st.integers(1, 60), st.integers(1, 9))
def test_a_full_batch_has_every_row_in_its_order(rows, batch):
    assert all(np.array_equal(numbers, np.arange(rows)) for numbers in drawn("full", np.zeros(rows, int), batch, 3))
    assert sampler("full").largest(batch, rows) == rows


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 30))
def test_a_balanced_batch_has_every_class_equally_often(y, batch):
    for numbers in drawn("balanced", y, batch, steps=5):
        assert len(numbers) == batch
        counts = [int(np.sum(np.asarray(y)[numbers] == label)) for label in set(y)]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == batch


def test_rows_of_a_class_and_the_classes_that_come_once_more_are_drawn_evenly():
    y = np.repeat([0, 1, 2], [1, 10, 89])
    numbers = np.concatenate(drawn("balanced", y, 4, steps=6000))
    frequencies = np.bincount(numbers, minlength=100) / len(numbers)
    expected = np.repeat([1 / 3, 1 / 30, 1 / 267], [1, 10, 89])
    assert np.abs(frequencies - expected).max() < 5 * math.sqrt(0.25 / len(numbers))


def test_easy_is_what_lies_near_the_centre_of_its_class():
    rng = np.random.default_rng(0)
    x, y = rng.integers(256, size=(2 * CHUNK + 5, 3), dtype=np.uint8), rng.integers(4, size=2 * CHUNK + 5)
    expected = [math.dist(row, x[y == label].mean(axis=0)) for row, label in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_allclose(difficulty(x, y), expected, rtol=1e-12)


def test_a_curriculum_begins_with_the_easiest_rows_and_ends_with_all():
    x = np.random.default_rng(0).permutation(100).astype(float).reshape(-1, 1)
    hard = np.abs(x[:, 0] - x.mean())
    batches = drawn("curriculum", np.zeros(100, int), 50, steps=100, x=x, start=0.2, until=0.5)
    hardest = [hard[numbers].max() for numbers in batches]
    ranks = np.sort(hard)
    for t, most in enumerate(hardest, 1):
        share = min(1.0, 0.2 + 0.8 * (t - 1) / 50)
        assert most <= ranks[math.ceil(share * 100) - 1]
    assert hardest[0] <= ranks[19] < ranks[90] <= max(hardest[51:])


def test_values_are_one_class():
    x = np.arange(9.0).reshape(-1, 1)
    assert set(np.concatenate(drawn("curriculum", x, 20, steps=1, x=x, start=0.3)).tolist()) <= {3, 4, 5}


@pytest.mark.parametrize("start", [1e-9, 1.0])
@pytest.mark.parametrize("until", [1e-9, 1.0])
def test_a_curriculum_may_begin_with_one_row_and_grow_at_once(start, until):
    batches = drawn("curriculum", np.zeros(30, int), 200, steps=3, x=np.arange(30.0).reshape(-1, 1), start=start, until=until)
    assert len(set(batches[0].tolist())) == (30 if start == 1 else 1)
    assert len(set(batches[2].tolist())) > 20 - 10 * (until == 1 and start < 1)


def test_batches_grow_at_the_milestones_of_the_paper():
    sizes = [len(numbers) for numbers in drawn("growing", np.zeros(5000, int), 8, steps=200, factor=5.0)]
    assert sizes == [8] * 60 + [40] * 60 + [200] * 40 + [1000] * 40
    assert Growing(5.0).largest(8, 5000) == 1000


@pytest.mark.parametrize("milestones", [[0.5, 0.3], [0.0], [1.0], [0.3, 0.3], [math.nan]])
def test_milestones_that_do_not_ascend_within_the_run_are_refused(milestones):
    with pytest.raises(ValueError, match=r"milestones must ascend, each in \(0, 1\)"):
        Growing(2.0, milestones)


def test_no_milestones_and_a_factor_of_one_leave_the_batch_as_it_is():
    for made in (Growing(2.0, []), Growing(1.0)):
        assert made.largest(7, 100) == 7


def test_parameters_out_of_range_are_refused():
    for wrong in ({"start": 0.0}, {"start": 1.1}, {"until": 0.0}, {"until": math.nan}):
        with pytest.raises(ValueError, match="must be in"):
            Curriculum(**wrong)


REFUSED = [
    (
        {"sampler": "balanced", "dataset": "diabetes", "loss": "mse"},
        "sampler=balanced takes classes as targets, dataset=diabetes",
    ),
    ({"sampler": "balanced", "network": "autoencoder", "loss": "mse"}, "classes as targets, network=autoencoder has values"),
    ({"dataset": "iris", "batch": 91}, "batch=91 is larger than the 90 training rows of iris: use batch=90 or less"),
    ({"dataset": "iris", "batch": 40, "sampler": "growing"}, "sampler=growing asks for 320 rows in the end with batch=40"),
    ({"sampler": "growing", "sampler.factor": 50}, "no batch is small enough, so let it ask for less"),
]


@pytest.mark.long
@pytest.mark.parametrize(("choices", "told"), REFUSED)
def test_what_a_sampler_cannot_draw_from_is_refused_in_one_line(nnreg, choices, told):
    words = [f"{key}={value}" for key, value in choices.items()]
    answer = nnreg("tracking=off", "steps=2", *words)
    assert answer.code == 2
    assert told in answer.complaint
    assert "\n" not in answer.complaint.strip()
    assert nnreg("-m", "tracking=off", "steps=2", "seed=1,2", *words).code == 2


def test_a_full_batch_may_be_smaller_than_the_setting_which_is_said_not_to_count(nnreg):
    answer = nnreg("tracking=off", "steps=2", "dataset=iris", "sampler=full", "batch=500")
    assert answer.code == 0, answer.err
    assert "all rows in every batch" in answer.out
    assert "batch=500 is not used with sampler=full" in answer.err


@pytest.mark.parametrize("typed", ["sampling=epoch", "+sampling=replacement"])
def test_the_former_setting_is_answered_with_the_word_for_it(nnreg, typed):
    answer = nnreg("tracking=off", typed)
    assert answer.code == 2
    assert "sampler=with_replacement for sampling=replacement, sampler=epoch for sampling=epoch" in answer.complaint
