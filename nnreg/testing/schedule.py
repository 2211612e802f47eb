"""What every schedule must do, whatever its course."""

from __future__ import annotations

import math

from nnreg.testing.report import Subject, expect

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
    """Asked in any order, by one instance or several, it answers the same: a resumed run goes on where it was."""
    schedule = subject.make()
    forwards = [schedule.factor(t, 50) for t in range(1, 51)]
    backwards = [schedule.factor(t, 50) for t in range(50, 0, -1)][::-1]
    afresh = [subject.make().factor(t, 50) for t in range(1, 51)]
    expect(forwards == backwards == afresh, "factor depends on what was asked before; it must depend on t and steps alone")


def some_step_moves(subject: Subject) -> None:
    """A run in which every factor is zero trains nothing."""
    for steps in LENGTHS:
        factors = (subject.make().factor(t, steps) for t in range(1, steps + 1))
        expect(any(factor > 0 for factor in factors), f"in a run of {steps} steps every factor is 0")
