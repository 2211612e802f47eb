"""Which state of a rule is its velocity: told by what it does, as a plugin may call it anything."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np

from nnreg.contracts import Array, Optimizer, Surface
from nnreg.engine.descent import Values, descend


def moving_state(pristine: Optimizer, states: Sequence[Mapping[str, Array]], steps: Values) -> tuple[str, Values | None]:
    """Return the state by which a rule moves, its velocity, in the direction in which it moves; ``("", None)`` if it has none.

    It is told from others by what it does, as a plugin may call it anything: it turns around where the slopes do (a sum of
    squares does not), begins at zero (an average of positions does not), and points along the steps, or against them. Of
    several, that of the innermost rule counts, and of its states the first.

    Args:
        pristine: the rule, driving nothing.
        states: by depth and name, before each update.
        steps: from update to update, (updates, n).
    """
    turning = _turning_states(pristine) if len(states) > 1 else []
    for name in sorted(turning, key=lambda name: -int(name.partition(".")[0])):
        course = np.array([state[name] for state in states], dtype=np.float64).reshape(len(states), -1)
        if course.shape != steps.shape or not np.isfinite(course).all() or not np.any(course):
            continue
        towards, own = float(np.sum(course[1:] * steps[:-1])), name.rpartition(".")[2]  # what an update leaves of it
        return (own, course) if towards > 0 else (f"−{own}", -course)
    return "", None


class _Bowl(Surface):
    """A bowl around a point, on which a descent from the origin is mirrored where the point is."""

    start, domain, minima = (0.0, 0.0), ((-99.0, 99.0), (-99.0, 99.0)), ()

    def __init__(self, *centre: float) -> None:
        self._centre = np.array(centre)

    def value(self, points: Array) -> Array:
        """Return the height."""
        height: Array = 0.5 * np.sum((points - self._centre) ** 2, axis=-1)
        return height

    def gradient(self, points: Array) -> Array:
        """Return the slopes."""
        slopes: Array = points - self._centre
        return slopes


ALIKE = 0.9
"""Cosine of two states that count as one."""


def _turning_states(pristine: Optimizer) -> list[str]:
    """Return the states that begin at zero, turn around with the slopes, and do not care where the origin is."""
    before, after = _after_three_steps(pristine, (0.0, 0.0), (1.0, 2.0))
    mirrored = _after_three_steps(pristine, (0.0, 0.0), (-1.0, -2.0))[1]
    moved = _after_three_steps(pristine, (30.0, -40.0), (31.0, -38.0))[1]
    return [
        name
        for name, vector in after.items()
        if np.any(vector)
        and not np.any(before[name])
        and np.allclose(vector, -mirrored[name], rtol=1e-6)
        and _cosine(vector, moved[name]) > ALIKE
    ]


def _after_three_steps(
    pristine: Optimizer, start: tuple[float, float], centre: tuple[float, float]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the states of a rule before and after a short descent of a bowl."""
    rule, seen = copy.deepcopy(pristine), list[dict[str, Array]]()

    def note(_: int) -> float:
        seen.append(state_vectors(rule))
        return 1.0

    descend(rule, _Bowl(*centre), steps=3, start=start, schedule=note)
    return seen[0], state_vectors(rule)


@np.errstate(all="ignore")
def _cosine(one: Array, other: Array) -> float:
    return float(np.dot(one.ravel(), other.ravel()) / (np.linalg.norm(one) * np.linalg.norm(other)))


def state_vectors(rule: Optimizer) -> dict[str, Array]:
    """Return copies of the state vectors of a rule and of those inside of it, by depth and name: two may have one name."""
    return {f"{n}.{name}": v.copy() for n, each in enumerate(rule.rules()) for name, v in each.state_vectors.items()}
