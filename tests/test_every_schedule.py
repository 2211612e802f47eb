"""What every registered schedule must do, whatever its course."""

import dataclasses
import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.training import paced
from nnreg.registry import entries

every_schedule = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("schedule").items()]
)


@st.composite
def updates(draw):
    """Number of an update, and of all updates of its run."""
    steps = draw(st.integers(1, 100_000))
    return draw(st.integers(1, steps)), steps


@every_schedule
@given(update=updates())
def test_the_factor_is_a_number_that_no_learning_rate_is_spoilt_by(entry, update):
    factor = entries.load_class(entry)().factor(*update)
    assert type(factor) is float
    assert math.isfinite(factor)
    assert factor >= 0


@every_schedule
@given(update=updates())
def test_the_learning_rate_of_the_optimizer_is_the_highest(entry, update):
    assert entries.load_class(entry)().factor(*update) <= 1


@every_schedule
@pytest.mark.parametrize("steps", [1, 2, 10, 2000])
def test_the_learning_rate_of_the_optimizer_is_reached(entry, steps):
    schedule = entries.load_class(entry)()
    highest = max(schedule.factor(t, steps) for t in range(1, steps + 1))
    assert highest > 0.5  # a peak may lie between two of very few updates
    assert highest == 1 or steps < 10


@every_schedule
@given(update=updates(), others=st.lists(updates(), max_size=5))
def test_the_factor_depends_on_nothing_that_was_asked_before(entry, update, others):
    schedule = entries.load_class(entry)()
    first = schedule.factor(*update)
    for other in others:
        schedule.factor(*other)
    assert schedule.factor(*update) == first == entries.load_class(entry)().factor(*update)


@every_schedule
def test_it_cannot_be_changed(entry):
    schedule = entries.load_class(entry)()
    assert dataclasses.is_dataclass(schedule)
    for name in inspect.signature(entries.load_class(entry)).parameters:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(schedule, name, 1)


@every_schedule
@given(update=updates())
def test_after_the_run_the_factor_stays_finite(entry, update):
    t, steps = update
    factor = entries.load_class(entry)().factor(steps + t, steps)
    assert math.isfinite(factor)
    assert factor >= 0


@every_schedule
@given(steps=st.integers(2, 300), data=st.data())
def test_any_warm_up_rises_in_a_straight_line_to_where_the_schedule_begins(entry, steps, data):
    warmup = data.draw(st.integers(1, steps - 1))
    schedule = entries.load_class(entry)()
    factor = paced(schedule, steps, warmup)
    start = schedule.factor(1, steps - warmup + 1)
    assert [factor(t) for t in range(1, warmup + 1)] == pytest.approx([start * t / warmup for t in range(1, warmup + 1)])


@pytest.mark.parametrize("name", ["constant", "cosine"])  # every one trains in test_resume.py
def test_it_trains_a_network_from_the_command_line(name, nnreg):
    answer = nnreg(f"schedule={name}", "steps=20", "hidden=[8]", "warmup=4", "dataset=spirals", "validate_every=20")
    assert answer.code == 0
    assert answer.err == ""
    assert name in answer.out or name == "constant"
