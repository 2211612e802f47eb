"""What every schedule must do, whatever its course."""

from __future__ import annotations

import math
from typing import Any

from nnreg.contracts.objective import scalars_of, watched_by
from nnreg.testing.report import Subject, expect, skip
from nnreg.testing.usage import OBSERVED

LENGTHS = (1, 2, 3, 10, 1000)


def every_factor_is_a_finite_number_never_negative(subject: Subject) -> None:
    """For every step of runs of any length, a run of one step among them; a float, so that float32 stays float32."""
    schedule = subject.make()
    for steps in LENGTHS:
        for t in range(1, steps + 1):
            factor = schedule.factor(t, steps)
            expect(type(factor) in (float, int), f"factor({t}, {steps}) is a {type(factor).__name__}, must be a Python float")
            expect(math.isfinite(factor) and factor >= 0, f"factor({t}, {steps}) is {factor}")


def it_is_a_pure_function(subject: Subject) -> None:
    """Asked in any order, by one instance or several, it answers the same, until it observes something new."""
    schedule = subject.make()
    forwards = [schedule.factor(t, 50) for t in range(1, 51)]
    backwards = [schedule.factor(t, 50) for t in range(50, 0, -1)][::-1]
    afresh = [subject.make().factor(t, 50) for t in range(1, 51)]
    expect(forwards == backwards == afresh, "factor depends on what was asked before; t, steps and what it has observed decide")


def some_step_moves(subject: Subject) -> None:
    """A run in which every factor is zero trains nothing."""
    for steps in LENGTHS:
        factors = (subject.make().factor(t, steps) for t in range(1, steps + 1))
        expect(any(factor > 0 for factor in factors), f"in a run of {steps} steps every factor is 0")


def what_it_has_observed_can_be_saved(subject: Subject) -> None:
    """Its ``scalars`` are all that observations change: an instance that is given them goes on as the one that observed."""
    schedule = subject.make()
    if not watched_by(schedule):
        skip("it observes nothing")
    _observe(schedule, 0, len(OBSERVED) // 2)
    resumed = subject.make()
    for name, value in scalars_of(schedule).items():
        expect(type(value) in (float, int), f"{name} is a {type(value).__name__}; what stands in scalars is a float or an int")
        setattr(resumed, name, value)
    for step in range(len(OBSERVED) // 2, len(OBSERVED)):
        _observe(schedule, step, step + 1)
        _observe(resumed, step, step + 1)
        went_on, again = (each.factor(1 + 100 * step, 100 * len(OBSERVED)) for each in (schedule, resumed))
        expect(went_on == again, f"after a resumption the factor is {again}, without one {went_on}: is all state in scalars?")


def _observe(schedule: Any, first: int, end: int) -> None:
    """Tell a schedule some of the made-up values, every hundred steps."""
    for step in range(first, end):
        for metric in watched_by(schedule):
            returned = schedule.observe(100 * step, metric, OBSERVED[step])
            expect(returned is None, "observe must take note and return None")
