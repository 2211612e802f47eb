"""Up to which learning rate a rule is stable on a bowl: from its own update, where that is linear.

On a quadratic of curvature λ, plain descent, momentum and their kin are linear maps of position and state: θ, v ↦ A(θ, v). They
come to rest if and only if no eigenvalue of A is larger than 1 in size, which is what gives lr < 2/λ for plain descent and
lr < 2(1 + β)/λ for the heavy ball. A is read off the plugin's own update, so a rule that nobody has written about has its
boundary too; a rule that is not linear, such as Adam, has none here.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnreg.contracts import Optimizer, Shape
from nnreg.engine.descent import Values
from nnreg.engine.network import Parameters
from nnreg.errors import UserError
from nnreg.play.knobs import knobs_of, made_technique, turned

LOOKED_AT = 12
"""Steps of which the map must be the same: one that changes with t is no fixed map."""


def largest_stable_rate(name: str, values: Mapping[str, Any], curvature: float | None) -> float | None:
    """Return the learning rate below which a rule comes to rest on a bowl, to four digits; None where it is no linear map.

    Args:
        name: of the rule, such as ``momentum``.
        values: of its knobs.
        curvature: of the bowl, λ above 0; None where it has no single one.
    """
    key = next((knob.key for knob in knobs_of("optimizer", name) if knob.label == "lr"), None)
    if curvature is None or curvature <= 0 or key is None:
        return None
    try:
        prototype = made_technique("optimizer", name, values)
        if not is_linear(copy.deepcopy(prototype), curvature):
            return None
        return _boundary(lambda rate: spectral_radius(turned(prototype, key, rate), curvature), curvature)
    except (UserError, TypeError, ValueError):  # it cannot be made otherwise than it is
        return None


def _boundary(radius: Callable[[float], float], curvature: float) -> float | None:
    low, high = 1e-3 / curvature, 100.0 / curvature
    if not radius(low) < 1 < radius(high):
        return None
    while high / low > 1 + 1e-6:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if radius(middle) < 1 else (low, middle)
    return float(f"{math.sqrt(low * high):.4g}")


def spectral_radius(rule: Optimizer, curvature: float) -> float:
    """Return the size of the largest eigenvalue of a rule's update on λθ²/2, which must be linear.

    Args:
        rule: that drives nothing yet; afterwards it drives this bowl.
        curvature: λ.
    """
    matrix = OneUpdate(rule, curvature).matrix()
    return float(np.abs(np.linalg.eigvals(matrix)).max()) if np.isfinite(matrix).all() else math.inf


def is_linear(rule: Optimizer, curvature: float) -> bool:
    """Tell whether a rule's update on λθ²/2 is one linear map of position and state, whatever the number of the update.

    Args:
        rule: that drives nothing yet; afterwards it drives this bowl.
        curvature: λ.
    """
    if any(each.looks_again or each.scalars for each in rule.rules()):
        return False
    update = OneUpdate(rule, curvature)
    matrix = update.matrix()
    trials = 3.7 * np.random.default_rng(0).standard_normal((LOOKED_AT, len(matrix)))
    return bool(np.isfinite(matrix).all()) and all(
        np.allclose(update.of(trial, t), matrix @ trial, rtol=1e-9, atol=1e-12) for t, trial in enumerate(trials, start=1)
    )


class OneUpdate:
    """The update of a rule on λθ²/2 as a function of position and state.

    Args:
        rule: that drives nothing yet.
        curvature: λ.
    """

    def __init__(self, rule: Optimizer, curvature: float) -> None:
        self._rule, self._curvature = rule, curvature
        self._parameters = Parameters([Shape("W1", (1, 1), decays=True)], np.float64)
        rule.bind(self._parameters)
        states = (vector for each in rule.rules() for vector in each.state_vectors.values())
        self._vectors = [self._parameters.theta, *states]

    @np.errstate(all="ignore")
    def of(self, point: Values, t: int) -> Values:
        """Return position and states after update ``t``, from those before it."""
        for vector, value in zip(self._vectors, point, strict=True):
            vector[...] = value
        self._parameters.grad[...] = self._curvature * self._parameters.theta
        self._rule.step(t)
        return np.array([float(vector[0]) for vector in self._vectors])

    def matrix(self) -> Values:
        """Return what the first update makes of each unit, as columns."""
        return np.stack([self.of(unit, 1) for unit in np.eye(len(self._vectors))], axis=1)
