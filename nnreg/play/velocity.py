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

    start, domain, minima = (0.0, 0.0), ((-9.0, 9.0), (-9.0, 9.0)), ()

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


def _turning_states(pristine: Optimizer) -> list[str]:
    """Return the states that begin at zero and turn around with the slopes, as two descents of a bowl show."""
    first: list[dict[str, Array]] = []
    last: list[dict[str, Array]] = []
    for sign in (1.0, -1.0):
        rule, seen = copy.deepcopy(pristine), list[dict[str, Array]]()

        def note(_: int, rule: Optimizer = rule, seen: list[dict[str, Array]] = seen) -> float:
            seen.append(state_vectors(rule))
            return 1.0

        descend(rule, _Bowl(sign, 2 * sign), steps=3, schedule=note)
        first.append(seen[0])
        last.append(state_vectors(rule))
    return [
        name
        for name, vector in last[0].items()
        if np.any(vector) and not np.any(first[0][name]) and np.allclose(vector, -last[1][name], rtol=1e-6)
    ]


def state_vectors(rule: Optimizer) -> dict[str, Array]:
    """Return copies of the state vectors of a rule and of those inside of it, by depth and name: two may have one name."""
    return {f"{n}.{name}": v.copy() for n, each in enumerate(rule.rules()) for name, v in each.state_vectors.items()}
