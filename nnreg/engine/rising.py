"""One rising sweep of the learning rate, and the rate that its losses suggest.

The rate grows geometrically from update to update, all else being an ordinary training:

    η(t) = low · (high / low)^((t − 1) / (steps − 1))

Where the rate is too small nothing happens, then the loss falls, then it explodes, which ends the sweep: a mean of the last
losses above four times the lowest and half above the first. The rate that is suggested is that at which the loss falls fastest
along the logarithm of the rate, by centred means of the batches' losses: of eleven, and of five on either side for the slope. A
running average, as it is common, lags behind the rate by half a decade where so many updates make seven.

Source: Smith, L. N. (2017), "Cyclical Learning Rates for Training Neural Networks", section 3.3 (the LR range test),
https://arxiv.org/abs/1506.01186; Gugger, S. (2018), "How Do You Find A Good Learning Rate" (geometric growth, the end, the
steepest place), https://sgugger.github.io/how-do-you-find-a-good-learning-rate.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nnreg.engine.history import TRAIN_LOSS, Record

SIDE = 5  # losses on either side of one in a mean, and of a slope
EXPLODED, ABOVE = 4.0, 1.5  # times the lowest mean of the last losses, and the loss before the first update
FEWEST = 20  # losses that anything can be read from
FALL = 0.02  # of the loss before a fall, which is none if it is less
NOISE = 2.5  # times the noise of single batches: more than the lowest of many means lies below the others by chance
BEGUN = 0.1  # of a fall, which has begun then

Values = npt.NDArray[np.float64]


class Rising(NamedTuple):
    """What a sweep has measured.

    Attributes:
        rates: learning rates, (n,) ascending.
        losses: of the batch before each update, (n,), all finite.
        has_exploded: whether the sweep ended before its highest rate.
    """

    rates: Values
    losses: Values
    has_exploded: bool

    @property
    def smoothed(self) -> Values:
        """Centred means of the losses, (n,): of eleven, of fewer at either end."""
        places = range(len(self.losses))
        sides = [min(SIDE, i, len(self.losses) - 1 - i) for i in places]
        return np.array([self.losses[i - side : i + side + 1].mean() for i, side in zip(places, sides, strict=True)])


class Suggestion(NamedTuple):
    """What a sweep suggests.

    Attributes:
        rate: at which the loss falls fastest, to two digits.
        falls_from: rate at which a tenth of the fall is done.
        lowest: rate at which the smoothed loss is lowest.
        drop: the smoothed loss before the fall and at its end.
    """

    rate: float
    falls_from: float
    lowest: float
    drop: tuple[float, float]


def rising_rates(low: float, high: float, steps: int) -> Values:
    """Return the rates of a sweep, (steps,): from ``low`` to ``high`` in equal ratios."""
    return np.geomspace(low, high, steps)


def measure_rising(records: Iterable[Record], rates: Values) -> Rising:
    """Read the losses of a training at rising rates, and end it where they explode.

    Args:
        records: of the training; no further one is asked for after an explosion.
        rates: of its updates, in order.
    """
    losses, lowest, has_exploded = list[float](), math.inf, False
    for record in records:
        if record.metric != TRAIN_LOSS:
            continue
        has_exploded = not math.isfinite(record.value)
        if not has_exploded:
            losses.append(record.value)
        if len(losses) >= SIDE:
            last = sum(losses[-SIDE:]) / SIDE
            lowest = min(lowest, losses[0], last)
            has_exploded = has_exploded or last > max(EXPLODED * lowest, ABOVE * losses[0])
        if has_exploded:
            break
    return Rising(rates[: len(losses)], np.array(losses), has_exploded)


def suggest_rate(found: Rising) -> Suggestion | None:
    """Return what a sweep suggests, or None where the loss did not fall by more than noise, or there is too little to see."""
    if len(found.losses) < FEWEST:
        return None
    smoothed = found.smoothed
    lowest = SIDE + int(np.argmin(smoothed[SIDE:-SIDE]))  # at either end a mean is of few
    before = float(smoothed[SIDE : lowest + 1].max())
    drop = before - float(smoothed[lowest])
    noise = float(np.median(np.abs(np.diff(found.losses))))  # of normal noise this is its standard deviation, less 5 %
    if not drop > max(FALL * abs(before), NOISE * noise):
        return None
    ahead, behind = (np.clip(np.arange(lowest + 1) + side, 0, len(smoothed) - 1) for side in (SIDE, -SIDE))
    steepest = SIDE + int(np.argmin(((smoothed[ahead] - smoothed[behind]) / (ahead - behind))[SIDE:]))
    begun = int(np.flatnonzero(smoothed[: lowest + 1] > before - BEGUN * drop)[-1])
    return Suggestion(
        rate=float(f"{found.rates[steepest]:.2g}"),
        falls_from=float(found.rates[begun]),
        lowest=float(found.rates[lowest]),
        drop=(before, float(smoothed[lowest])),
    )
