"""Which points of a curve go to the tracking store: about 300 a metric, as its charts show no more and every point costs time.

The complete curve is in the run folder. Pure: knows records and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from nnreg.engine.history import History, Record

POINTS = 300


class Thinner:
    """Chooses points while a run goes on, then completes them when its true length is known.

    While it runs, the steps are cut into ``points`` equal parts and the first record of each part is taken: an unbiased
    sample of a noisy curve. ``rest`` adds the last point, both extremes and, for a run that ended early, points in between.

    Args:
        steps: how many steps the run is planned to take.
        points: most points of one metric, the last and the extremes come on top.
    """

    def __init__(self, steps: int, points: int = POINTS) -> None:
        self._span = max(1, steps + 1)
        self._points = points
        self._part: dict[str, int] = {}
        self._taken: dict[str, set[tuple[int, float]]] = {}

    def take(self, records: Iterable[Record]) -> list[Record]:
        """Return those of the new records that are wanted now, in order; values that are not finite never are."""
        chosen = []
        for record in records:
            step, metric, value = record
            part = min(step * self._points // self._span, self._points - 1)
            if part > self._part.get(metric, -1) and math.isfinite(value):
                self._part[metric] = part
                self._taken.setdefault(metric, set()).add((step, value))
                chosen.append(record)
        return chosen

    def rest(self, history: History) -> list[Record]:
        """Return what is still missing of a run that has ended, by metric and in order of step."""
        return [record for metric in history.metrics for record in self._rest_of(metric, history)]

    def _rest_of(self, metric: str, history: History) -> list[Record]:
        steps, values = history.series(metric)
        finite = np.isfinite(values)
        steps, values = steps[finite], values[finite]
        if not values.size:
            return []
        taken = self._taken.setdefault(metric, set())
        if values.size <= self._points:
            wanted = set(range(values.size))
        else:
            wanted = {0, values.size - 1, int(values.argmin()), int(values.argmax())}
            missing = max(0, self._points - len(taken) - 1)
            wanted |= set(np.linspace(0, values.size - 1, missing).astype(int).tolist())
        missed = {(int(steps[i]), float(values[i])) for i in wanted} - taken
        taken |= missed
        return [Record(step, metric, value) for step, value in sorted(missed)]
