from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Schedule
from nnreg.engine.history import TRAIN_LOSS
from nnreg.engine.training import paced
from nnreg.records.folder import read_history
from nnreg_std.schedules.constant import Constant
from nnreg_std.schedules.polynomial import Polynomial


class Asked(Schedule):
    """Writes down what it is asked."""

    def __init__(self):
        self.questions = []

    def factor(self, t, steps):
        self.questions.append((t, steps))
        return 0.5


@given(steps=st.integers(1, 50))
def test_without_a_warm_up_the_schedule_is_asked_for_each_update_of_the_run(steps):
    schedule = Asked()
    factor = paced(schedule, steps)
    assert [factor(t) for t in range(1, steps + 1)] == [0.5] * steps
    assert schedule.questions == [(t, steps) for t in range(1, steps + 1)]


def test_a_warm_up_rises_in_equal_parts_and_begins_above_zero():
    factor = paced(Constant(), 10, 4)
    assert [factor(t) for t in range(1, 7)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_warm_up_of_one_update_is_none():
    none, one = paced(Polynomial(), 20), paced(Polynomial(), 20, 1)
    assert [none(t) for t in range(1, 21)] == [one(t) for t in range(1, 21)]


@given(steps=st.integers(2, 60), data=st.data())
def test_the_schedule_runs_from_its_first_update_to_its_last_over_what_the_warm_up_leaves(steps, data):
    warmup = data.draw(st.integers(1, steps - 1))
    schedule = Asked()
    factor = paced(schedule, steps, warmup)
    for t in range(1, steps + 1):
        factor(t)
    left = steps - warmup + 1  # the last update of the warm-up is the schedule's first
    assert schedule.questions == [(1, left)] * (warmup - 1) + [(t, left) for t in range(1, left + 1)]


@given(steps=st.integers(2, 100), data=st.data())
def test_the_course_has_one_top_and_no_jump(steps, data):
    warmup = data.draw(st.integers(1, steps - 1))
    factor = paced(Polynomial(), steps, warmup)
    course = [factor(t) for t in range(1, steps + 1)]
    assert course.index(max(course)) == warmup - 1
    assert max(course) == 1
    largest_step = max(1 / warmup, 1 / (steps - warmup + 1))
    assert all(abs(b - a) <= largest_step + 1e-12 for a, b in pairwise(course))


def test_a_warm_up_reaches_the_learning_rates_of_a_run(nnreg, project):
    def losses(*words):
        assert nnreg(*words, "steps=3", "hidden=[8]", "dataset=spirals", f"hydra.run.dir={len(words)}").code == 0
        return read_history(project / str(len(words))).series(TRAIN_LOSS)[1]

    warm, slow, fast = losses("optimizer.lr=0.1", "warmup=2"), losses("optimizer.lr=0.05"), losses()
    assert warm[1] == slow[1]  # half the rate at the first update
    assert warm[2] != slow[2]
    assert warm[1] != fast[1]


@pytest.mark.parametrize(("steps", "warmup"), [(20, 20), (20, 21), (1, 1)])
def test_a_warm_up_that_leaves_nothing_to_the_schedule_is_refused_in_one_line(nnreg, steps, warmup):
    answer = nnreg(f"steps={steps}", f"warmup={warmup}")
    assert answer.code == 2
    assert answer.complaint.startswith(f"nnreg: warmup={warmup} leaves none of the {steps} steps to the schedule")


def test_a_negative_warm_up_is_refused_in_one_line(nnreg):
    assert nnreg("warmup=-1").complaint == "nnreg: warmup must be in [0, inf), got -1"
