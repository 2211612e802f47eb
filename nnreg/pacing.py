"""The learning rate's factor for every update of a run: the schedule, after the warm-up that may precede any of them."""

from __future__ import annotations

from collections.abc import Callable

from nnreg.contracts import Schedule


def constant(t: int) -> float:
    """Return 1 for every step: the learning rate stays what it is."""
    return 1.0


def paced(schedule: Schedule, steps: int, warmup: int = 0) -> Callable[[int], float]:
    """Return the factor by number of the update, from 1.

    Update t of a warm-up of w has t / w times the factor with which the schedule begins. Update w is therefore both the top of
    the warm-up and the schedule's first, so that a warm-up of 1 is none, and the schedule runs over the updates from there to
    the end. (Goyal et al. (2017), "Accurate, Large Minibatch SGD", section 2.2: gradual warm-up.)

    Args:
        schedule: what follows the warm-up.
        steps: updates of the whole run.
        warmup: updates of the warm-up, fewer than ``steps``; 0 for none.
    """
    top = max(warmup, 1)

    def factor(t: int) -> float:
        return min(t / top, 1.0) * schedule.factor(max(t - top + 1, 1), steps - top + 1)

    return factor
