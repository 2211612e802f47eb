"""What every technique owes its repetition: equal seeds, equal results, and hands off what others share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from nnreg.testing.outcome import expect, expect_equal
from nnreg.testing.subject import Subject
from nnreg.testing.usage import use


def the_global_generators_are_left_alone(subject: Subject) -> None:
    """Neither NumPy's global generator nor Python's is drawn from or seeded."""
    before = _global_state()
    use(subject)
    expect(
        _global_state() == before,
        "it draws from a global random generator; only the numpy.random.Generator that is passed in may be used",
    )


def equal_seeds_give_equal_results(subject: Subject) -> None:
    """Used twice from equal seeds, it computes the same to the last bit, whatever a global generator does meanwhile."""
    first = use(subject)
    before = np.random.get_state()  # noqa: NPY002 - it is disturbed on purpose, and restored
    try:
        np.random.random()  # noqa: NPY002
        second = use(subject)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    for one, other in zip(first, second, strict=True):
        expect_equal(other, one, "used a second time with the same seed it gave other numbers")


def _global_state() -> Any:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - looked at, not drawn from
    return name, np.asarray(keys).tobytes(), tuple(rest), random.getstate()
