"""Schedules: each built-in one against torch and closed forms, and what every registered one must do."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts.objective import watched_by
from nnreg.engine.training import paced
from nnreg.registry import entries
from nnreg_std.schedules.constant import Constant
from nnreg_std.schedules.cosine import Cosine
from nnreg_std.schedules.cyclic import Cyclic
from nnreg_std.schedules.exponential import Exponential
from nnreg_std.schedules.inverse_sqrt import InverseSqrt
from nnreg_std.schedules.multi_step import MultiStep
from nnreg_std.schedules.one_cycle import OneCycle
from nnreg_std.schedules.plateau import Plateau
from nnreg_std.schedules.polynomial import Polynomial
from nnreg_std.schedules.step import Step
from nnreg_std.schedules.trapezoid import Trapezoid

# The k-th rate of torch is the one in force during update k, k from 1, with lr=1: our factor(k, steps). See the making script.
TORCH = json.loads(Path(__file__).with_name("oracles").joinpath("schedules.json").read_text(encoding="utf-8"))
STEPS, WARMUP = TORCH["steps"], TORCH["warmup"]

TWINS = {
    "step": Step(7, 0.5),
    "multi_step": MultiStep((5, 20, 21, 90), 0.3),
    "exponential": Exponential(0.93),
    "polynomial": Polynomial(0.9),
    "linear": Polynomial(1.0, 0.2),
    "cosine": Cosine(0.05),
    "cosine with 3 equal cycles": Cosine(0.05, 3),
    "cosine with 4 cycles that double": Cosine(0.0, 4, 2.0),
    "cyclic": Cyclic(0.25, 3),
    "cyclic with half the rise each time": Cyclic(0.1, 5, "triangular2"),
    "cyclic with a rise that is lost": Cyclic(0.0, 2, "exp_range", 0.97),
    "one_cycle": OneCycle(),
    "one_cycle with other factors": OneCycle(0.45, 10.0, 100.0),
    "one_cycle along lines": OneCycle(0.2, anneal="linear"),
}
WARMED = {"cosine after a warm-up": Cosine(0.1), "step after a warm-up": Step(10, 0.5)}


def course(schedule, steps):
    return [schedule.factor(t, steps) for t in range(1, steps + 1)]


def test_every_course_of_torch_has_a_twin():
    assert set(TORCH["rates"]) == {*TWINS, *WARMED}


@pytest.mark.parametrize("name", TWINS)
def test_the_factors_are_the_rates_of_torch(name):
    np.testing.assert_allclose(course(TWINS[name], STEPS), TORCH["rates"][name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", WARMED)
def test_behind_a_warm_up_the_factors_are_the_rates_of_torch(name):
    factor = paced(WARMED[name], STEPS, WARMUP)
    np.testing.assert_allclose([factor(t) for t in range(1, STEPS + 1)], TORCH["rates"][name], rtol=1e-12)


def test_the_control_is_one():
    assert course(Constant(), 4) == [1, 1, 1, 1]


def test_a_staircase_drops_after_equal_stretches():
    assert course(Step(3, 0.5), 8) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_milestones_are_the_last_updates_at_the_old_rate():
    assert course(MultiStep((2, 5), 0.5), 7) == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_without_milestones_nothing_drops_and_beyond_the_run_they_wait_in_vain():
    assert course(MultiStep(()), 5) == course(MultiStep((5, 9)), 5) == [1] * 5


def test_the_default_milestones_are_those_of_the_residual_networks_in_proportion():
    assert [drop / 2000 for drop in MultiStep().milestones] == [32_000 / 64_000, 48_000 / 64_000]


@pytest.mark.parametrize("milestones", [(0, 3), (-1,), (5, 3), (4, 4)])
def test_milestones_that_do_not_rise_are_refused(milestones):
    with pytest.raises(ValueError, match=r"milestones must rise from 1 or more, got \["):
        MultiStep(milestones)


@given(gamma=st.floats(0.9, 1), t=st.integers(1, 500), steps=st.integers(1, 500))
def test_an_exponential_loses_the_same_share_at_every_update(gamma, t, steps):
    ratio = Exponential(gamma).factor(t + 1, steps) / Exponential(gamma).factor(t, steps)
    assert ratio == pytest.approx(gamma, rel=1e-12)


@given(power=st.floats(0.1, 5), end=st.floats(0, 1), steps=st.integers(1, 500))
def test_a_polynomial_starts_full_and_would_end_one_update_after_the_last(power, end, steps):
    slide = Polynomial(power, end)
    assert slide.factor(1, steps) == pytest.approx(1)
    assert slide.factor(steps + 1, steps) == pytest.approx(end)


def test_linear_decay_is_a_straight_line():
    np.testing.assert_allclose(course(Polynomial(), 5), (1, 0.8, 0.6, 0.4, 0.2), rtol=1e-15)


def test_a_cosine_is_halfway_down_in_the_middle():
    assert Cosine(0.2).factor(51, 100) == pytest.approx(0.6)


@given(growth=st.integers(10, 30), cycles=st.integers(2, 4), factor=st.integers(1, 40))
def test_a_restart_that_falls_on_an_update_is_at_full_height(growth, cycles, factor):
    lengths = [10 ** (cycles - 1 - i) * growth**i for i in range(cycles)]  # whole, of cycles that grow by growth / 10
    unit = math.gcd(*lengths)
    starts = [factor * sum(lengths[:i]) // unit + 1 for i in range(cycles)]
    rule = Cosine(cycles=cycles, growth=growth / 10)
    assert [rule.factor(start, factor * sum(lengths) // unit) for start in starts] == [1.0] * cycles


@given(cycles=st.integers(1, 6), growth=st.sampled_from([1.0, 1.5, 2.0, 3.0]), steps=st.integers(1, 300))
def test_a_cosine_starts_again_as_often_as_it_has_cycles(cycles, growth, steps):
    heights = course(Cosine(0.0, cycles, growth), steps)
    restarts = 1 + sum(after > before for before, after in pairwise(heights))
    assert restarts == cycles or steps < 6 * sum(growth**i for i in range(cycles))  # too few updates to see each


def test_every_cycle_is_longer_than_the_one_before_by_the_growth():
    tops = [t for t, height in enumerate(course(Cosine(0.0, 3, 2.0), 70), start=1) if height == 1]
    assert tops == [1, 11, 31]


def test_cycles_that_would_be_shorter_than_any_update_are_refused():
    with pytest.raises(ValueError, match=r"growth=2\.0 over cycles=5000 makes the first cycle too short"):
        Cosine(0.0, 5000, 2.0)


def test_one_cycle_has_its_heights_where_its_parameters_say():
    heights = course(OneCycle(0.25, 10.0, 50.0), 100)
    assert heights[0] == pytest.approx(1 / 10)
    assert heights.index(max(heights)) == 24
    assert max(heights) == 1
    assert heights[-1] == pytest.approx(1 / 500)
    assert heights[:25] == sorted(heights[:25])
    assert heights[24:] == sorted(heights[24:], reverse=True)


def test_one_cycle_along_lines_is_two_straight_lines():
    bends = np.flatnonzero(np.abs(np.diff(course(OneCycle(0.3, anneal="linear"), 50), 2)) > 1e-12)
    assert bends.tolist() == [13]


@pytest.mark.parametrize("pct_start", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_of_a_few_updates_still_has_its_peak(pct_start, steps):
    heights = course(OneCycle(pct_start), steps)
    assert max(heights) == 1 or steps * pct_start % 1 > 0  # a peak between two updates is seen by neither
    assert min(heights) > 0


@given(w=st.integers(1, 300), t=st.integers(1, 2000))
def test_inverse_sqrt_behind_a_warm_up_is_the_course_of_the_transformer(w, t):
    published = min(t**-0.5, t * w**-1.5)  # equation 3 of Vaswani et al., without the width of the model
    factor = paced(InverseSqrt(w), 2001, w)(t)
    assert factor == pytest.approx(published / w**-0.5, rel=1e-12)


def test_inverse_sqrt_falls_to_one_over_root_two_in_a_timescale():
    assert InverseSqrt(300.0).factor(301, 5) == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize(
    ("schedule", "end"),
    [(Polynomial(2.0, 0.1), 0.1), (Cosine(0.2), 0.2), (OneCycle(), 1 / 250_000), (Cosine(0.3, 4, 2.0), 0.3)],
)
def test_past_the_run_a_schedule_that_has_an_end_stays_there(schedule, end):
    assert schedule.factor(101, 100) == pytest.approx(end)
    assert schedule.factor(500, 100) == pytest.approx(end)


# torch's schedule that watches counts validations, ours updates: of the made-up validations one comes every ten updates.
APART = 10
PLATEAUS = {
    "plateau": Plateau(patience=20),
    "plateau that cools down": Plateau(gamma=0.5, patience=10, cooldown=30, threshold=0.1),
    "plateau with an end": Plateau(gamma=0.2, patience=0, end=0.05),
    "plateau of an accuracy": Plateau("valid/accuracy", 0.5, 30, 0.01),
    "plateau upside down": Plateau("valid/loss", 0.5, 20, mode="max"),
}


@pytest.mark.parametrize("name", PLATEAUS)
def test_a_plateau_lowers_the_rate_where_torch_does(name):
    schedule, found = dataclasses.replace(PLATEAUS[name]), []
    for number, value in enumerate(TORCH["watched"], start=1):
        schedule.observe(APART * number, schedule.metric, value)
        found.append(schedule.factor(APART * number + 1, 10_000))
    np.testing.assert_allclose(found, TORCH["plateaus"][name], rtol=1e-12)
    assert set(TORCH["plateaus"]) == set(PLATEAUS)


def test_a_negative_r2_that_gets_worse_is_not_better():
    schedule = Plateau("valid/r2", 0.5, patience=0)
    for step, value in enumerate((-1.0, -1.00005, -0.5), start=1):
        schedule.observe(step, "valid/r2", value)
    assert (schedule.best, schedule.level) == (0.5, 0.5)


def test_a_trapezoid_is_straight_lines_between_its_corners():
    heights = course(Trapezoid(0.1, 0.2, 0.25), 100)
    np.testing.assert_allclose(heights, np.interp(range(1, 101), (0, 10, 81, 101), (0, 1, 1, 0.25)), rtol=1e-12)


@pytest.mark.parametrize(("shape", "height"), [("linear", 0.5), ("cosine", 0.5), ("sqrt", 1 - math.sqrt(0.5))])
def test_the_fall_of_a_trapezoid_has_its_shape(shape, height):
    schedule = Trapezoid(0.0, 0.5, shape=shape)
    assert schedule.factor(151, 200) == pytest.approx(height)
    assert course(schedule, 200)[:101] == [1.0] * 101
    assert course(schedule, 200)[101:] == sorted(course(schedule, 200)[101:], reverse=True)
    assert schedule.factor(201, 200) == pytest.approx(0, abs=1e-15)


def test_a_trapezoid_without_stretches_is_flat_and_what_the_warm_up_takes_the_fall_has_not():
    assert course(Trapezoid(0.0, 0.0), 5) == [1.0] * 5
    assert course(Trapezoid(1.0, 1.0), 4) == [0.25, 0.5, 0.75, 1.0]
    assert course(Trapezoid(0.5, 1.0), 4) == [0.5, 1.0, 1.0, 0.5]


def test_a_cyclic_rate_reaches_both_bounds_in_runs_of_any_length():
    for steps in range(2, 60):
        heights = course(Cyclic(0.25, 4), steps)
        assert (min(heights), max(heights)) == (0.25, 1.0)


# What every registered schedule must do, whatever its course.


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
    assert highest > 0.5 or steps == 1  # a peak may lie between two of very few updates, or after the only one
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
def test_it_cannot_be_changed_unless_it_observes(entry):
    schedule = entries.load_class(entry)()
    assert dataclasses.is_dataclass(schedule)
    if watched_by(schedule):
        return
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
