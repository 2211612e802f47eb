"""Plateau: the learning rate is lowered where a metric has not got better for a while.

    better(v) = v < best − threshold · |best|
    level ← max(γ · level, end)     where nothing was better for more than ``patience`` updates
    η(t) = η · level

Source: Bengio, Y. (2012), "Practical Recommendations for Gradient-Based Training of Deep Architectures", section 3.1.1 (the
learning rate is lowered when the training criterion stops improving). https://arxiv.org/abs/1206.5533

Conventions: as torch's ReduceLROnPlateau with its relative threshold, where ``patience`` and ``cooldown`` count validations;
here both count updates, as the setting ``patience`` does, so that they do not depend on ``validate_every``. The threshold is a
share of |best|, so that it asks for more also of a negative R². After a drop and its cooldown the count begins anew; what is
best stays. During a warm-up nothing is observed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from nnreg.contracts import Schedule, check_choices, check_range


@dataclass
class Plateau(Schedule):
    """Takes smaller steps once the large ones lead nowhere.

    Args:
        metric: what is watched, such as valid/loss, valid/accuracy or train/loss; value in a descent.
        gamma: γ, what the learning rate is multiplied with at a drop, in (0, 1).
        patience: updates without anything better after which it drops, in [0, inf).
        threshold: share of the best value by which a better one is better, in [0, 1].
        cooldown: updates after a drop that do not count, in [0, inf).
        end: share of the learning rate below which it does not drop, in [0, 1].
        mode: "min" where less is better, "max" where more is, "auto": more of an accuracy or an R², less of all else.

    Raises:
        ValueError: a number is out of its range, or there is no such mode.
    """

    scalars: ClassVar = ("best", "since", "level")

    metric: str = "valid/loss"
    gamma: float = 0.1
    patience: int = 200
    threshold: float = 1e-4
    cooldown: int = 0
    end: float = 0.0
    mode: Literal["auto", "min", "max"] = "auto"

    def __post_init__(self) -> None:
        check_range(self, gamma="(0, 1)", patience="[0, inf)", threshold="[0, 1]", cooldown="[0, inf)", end="[0, 1]")
        check_choices(self)
        self.best, self.since, self.level = math.inf, 0, 1.0

    @property
    def watches(self) -> tuple[str, ...]:
        """What it is told of."""
        return (self.metric,)

    def observe(self, step: int, metric: str, value: float) -> None:
        """Remember the best, and drop where it is too long ago."""
        is_max = self.mode == "max" or (self.mode == "auto" and metric.endswith(("accuracy", "r2")))
        v = -value if is_max else value
        if self.best == math.inf or v < self.best - self.threshold * abs(self.best):  # better(v)
            self.best, self.since = v, max(step, self.since)
        elif step - self.since > self.patience:
            self.level = max(self.gamma * self.level, self.end)  # level ← max(γ · level, end)
            self.since = step + self.cooldown

    def factor(self, t: int, steps: int) -> float:
        """Return the level, which only observations change."""
        return self.level  # η(t) = η · level
