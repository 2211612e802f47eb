"""The pace of a run: what a schedule observes and when, which rates are recorded, and what is saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from nnreg.engine.history import RATE, TRAIN_LOSS, VALID_LOSS, Record
from nnreg.engine.pace import Pace, is_recorded, recorded_steps
from nnreg_std.schedules.constant import Constant
from nnreg_std.schedules.multi_step import MultiStep
from nnreg_std.schedules.plateau import Plateau
from nnreg_std.schedules.polynomial import Polynomial


@dataclass
class Listener:
    """Halves its factor with everything it hears."""

    level: float = 1.0
    heard: list = field(default_factory=list)
    watches = ("valid/loss",)
    scalars = ("level",)

    def observe(self, step, metric, value):
        self.heard.append((step, metric, value))
        self.level /= 2

    def factor(self, t, steps):
        return self.level


def losses(steps, every=2):
    """Yield what a training does."""
    for step in range(steps):
        yield Record(step, TRAIN_LOSS, 1.0)
        if (step + 1) % every == 0:
            yield Record(step + 1, VALID_LOSS, 0.5)


def rates(pace, steps):
    return [record for record in pace.watch(losses(steps)) if record.metric == RATE]


def test_a_constant_rate_is_not_recorded_and_the_records_are_passed_on_untouched():
    records = losses(5)
    assert Pace(Constant(), 5, 0, 0.1).watch(records) is records


def test_the_rate_of_an_update_stands_at_the_step_of_the_loss_before_it():
    assert rates(Pace(Polynomial(), 4, 0, 0.1), 4) == [
        Record(step, RATE, pytest.approx(0.1 * (1 - step / 4))) for step in range(4)
    ]


def test_a_warm_up_alone_is_recorded():
    assert [record.value for record in rates(Pace(Constant(), 4, 2, 1.0), 4)] == [0.5, 1, 1, 1]


def test_a_schedule_whose_drop_comes_after_the_run_is_recorded_as_the_run_may_go_on():
    assert len(rates(Pace(MultiStep((100,)), 10, 0, 1.0), 10)) == 10


def test_rates_of_long_runs_are_thinned_the_same_in_runs_of_any_length():
    seen = [step for step in range(5000) if is_recorded(step)]
    assert seen[:257] == list(range(257))
    assert all(list(recorded_steps(steps)) == [step for step in seen if step < steps] for steps in (1, 2, 256, 300, 512, 5000))
    assert set(np.diff(seen[257:384])) == {2}
    assert set(np.diff([step for step in seen if step >= 2048 and step < 4096])) == {16}


def test_a_schedule_is_told_what_it_watches_before_the_next_update():
    schedule = Listener()
    found = rates(Pace(schedule, 6, 0, 1.0), 6)
    assert schedule.heard == [(2, VALID_LOSS, 0.5), (4, VALID_LOSS, 0.5), (6, VALID_LOSS, 0.5)]
    assert [record.value for record in found] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_nothing_is_observed_during_a_warm_up_and_steps_are_counted_from_its_end():
    schedule = Listener()
    list(Pace(schedule, 8, 5, 1.0).watch(losses(8)))
    assert [step for step, *_ in schedule.heard] == [0, 2, 4]  # after 4, 6 and 8 updates; its first is the warm-up's fifth


def test_what_is_not_finite_is_not_told():
    schedule = Listener()
    Pace(schedule, 8, 0, 1.0).observe(Record(2, VALID_LOSS, math.nan))
    assert schedule.heard == []


def test_a_plateau_that_was_saved_goes_on_where_it_was():
    first, then = (Pace(Plateau(patience=2), 100, 0, 1.0) for _ in range(2))
    for step in range(0, 20, 2):
        first.observe(Record(step, VALID_LOSS, 1.0))
    then.load(first.save())
    assert then.save() == first.save()
    assert first.factor(21) == then.factor(21) < 1


def test_a_state_of_another_schedule_is_refused():
    with pytest.raises(ValueError, match="it has the schedule's nothing, not best, since, level"):
        Pace(Plateau(), 10, 0, 1.0).load({})
    with pytest.raises(ValueError, match="it has the schedule's best, not nothing"):
        Pace(Constant(), 10, 0, 1.0).load({"best": np.array(1.0)})


def test_a_schedule_need_not_inherit_its_contract():
    pace = Pace(SimpleNamespace(factor=lambda t, steps: 1 / t), 4, 0, 1.0)
    assert [record.value for record in rates(pace, 4)] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert not pace.is_watching
    assert pace.save() == {}
