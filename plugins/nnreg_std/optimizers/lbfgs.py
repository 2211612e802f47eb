"""LBFGS: Newton's direction, with a curvature read off the last few steps, and as far along it as pays.

    q ← g;  newest to oldest:  aᵢ = ρᵢ sᵢᵀq,  q ← q − aᵢyᵢ            ρᵢ = 1 / yᵢᵀsᵢ
    r ← γq;  oldest to newest:  r ← r + sᵢ(aᵢ − ρᵢyᵢᵀr)              γ = sᵀy / yᵀy of the newest
    d = −r
    α by a line search for the strong Wolfe conditions, from 1; in the first step from min(1, 1/‖g‖₁)
    s = αd,  y = ∇L(θ + αd) − g                                      of the same batch
    θ ← θ + ηαd

Source: Nocedal, J. & Wright, S. J. (2006), "Numerical Optimization", Algorithms 7.4 and 7.5; Liu, D. C. & Nocedal, J. (1989),
"On the limited memory BFGS method for large scale optimization", https://doi.org/10.1007/BF01589116

Conventions: with η = 1 on one batch, each step is one iteration of torch's LBFGS(line_search_fn="strong_wolfe"), whose lr is
the first α that is tried; here η is a share of what was found, so that schedules shorten steps. On mini-batches y is taken on
the batch of its step, as Schraudolph, Yu & Günter (2007) have it, where torch subtracts gradients of two batches; still it is
made for large or full batches. A pair with yᵀs ≤ 1e-10 is left out, as in torch; a search that finds nothing forgets all
pairs. Clipping bends gradients that the search takes at their word. Most steps take two gradients: see work/gradients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range
from nnreg_std.optimizers._line_search import LineSearch, Point

LEAST_CURVATURE = 1e-10


@dataclass
class LBFGS(Optimizer):
    """Knows how the slope changed along its last steps, and jumps to where it would vanish.

    Args:
        lr: η, share of the step that the line search found, in (0, 1].
        history: pairs s, y that are remembered, in [1, inf).
        most: gradients of one line search, in [1, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    looks_again = True
    full_batch = True
    scalars = ("pairs",)  # kept since the last time they were forgotten
    scratch = ("before", "direction")
    search: ClassVar = {"lr": (0.1, 1.0)}

    lr: float = 1.0
    history: int = 10
    most: int = 25

    def __post_init__(self) -> None:
        check_range(self, lr="(0, 1]")
        super().__post_init__()
        check_range(self, history="[1, inf)", most="[1, inf)")

    @property
    def state(self) -> tuple[str, ...]:
        """The pairs, the n-th since they were forgotten in place n modulo ``history``."""
        return tuple(f"{name}{place}" for place in range(self.history) for name in "sy")

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a search may look where nothing is finite
    def step(self, t: int, factor: float = 1.0) -> None:
        """Look along the quasi-Newton direction and go where the search leads."""
        theta, g = self.parameters.theta, self.parameters.grad
        before, d = (self.scratch_vectors[name] for name in self.scratch)
        before[...] = theta
        self._point(d, g)
        slope = float(np.dot(g, d))
        if not math.isfinite(slope):
            theta += d  # the run has diverged, and shall be seen to have
        if not slope < 0:
            return
        start = Point(0.0, self.loss_only(), slope, g.copy())
        first = 1.0 if self.pairs else min(1.0, 1 / float(np.abs(g).sum()))
        search = LineSearch(lambda alpha: self._look(alpha, before, d), start, float(np.abs(d).max()), self.most)
        found = search.found(first)
        self._remember(found, start, d)
        np.multiply(d, self.lr * factor * found.alpha, out=theta)
        theta += before  # θ ← θ + ηαd

    def _look(self, alpha: float, before: Array, d: Array) -> Point:
        theta = self.parameters.theta
        np.multiply(d, alpha, out=theta)
        theta += before
        value, gradient = self.reevaluate(), self.parameters.grad
        slope = float(np.dot(gradient, d))
        return Point(alpha, value if math.isfinite(value + slope) else math.inf, slope, gradient.copy())

    def _point(self, d: Array, g: Array) -> None:
        """Write the direction by the two loops."""
        d[...] = g
        kept, weighed = self._pairs(), []
        for s, y in reversed(kept):
            a = float(np.dot(s, d)) / float(np.dot(s, y))
            d -= a * y  # q ← q − aᵢyᵢ
            weighed.append((s, y, a))
        if kept:
            s, y = kept[-1]
            d *= float(np.dot(s, y)) / float(np.dot(y, y))  # r ← γq
        for s, y, a in reversed(weighed):
            d += (a - float(np.dot(y, d)) / float(np.dot(s, y))) * s  # r ← r + sᵢ(aᵢ − ρᵢyᵢᵀr)
        np.negative(d, out=d)

    def _pairs(self) -> list[tuple[Array, Array]]:
        """Return the pairs, oldest first."""
        newest = range(max(0, int(self.pairs) - self.history), int(self.pairs))
        return [(self.state_vectors[f"s{n % self.history}"], self.state_vectors[f"y{n % self.history}"]) for n in newest]

    def _remember(self, found: Point, start: Point, d: Array) -> None:
        if not found.alpha:
            self.pairs: float = 0
            return
        if found.alpha * (found.slope - start.slope) <= LEAST_CURVATURE:  # yᵀs
            return
        place = int(self.pairs) % self.history
        np.multiply(d, found.alpha, out=self.state_vectors[f"s{place}"])  # s = αd
        np.subtract(found.gradient, start.gradient, out=self.state_vectors[f"y{place}"])  # y
        self.pairs += 1
