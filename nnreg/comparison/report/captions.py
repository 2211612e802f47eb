"""Questions and words around the pictures of a comparison."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nnreg.comparison.chance import failure_interval
from nnreg.comparison.contenders import ARM
from nnreg.comparison.differences import grounds, is_ground, several
from nnreg.comparison.naming import axis_word, status_words
from nnreg.comparison.searches import drawn_settings
from nnreg.comparison.standings import Measured, Standing
from nnreg.numerals import percent, whole
from nnreg.records.metrics import SECONDS, axis_label, called, format_value
from nnreg.settings import DESCEND, task_of

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings
    from nnreg.comparison.pairs import Matrix


def asked(comparison: Findings) -> str:
    """Return what was swept, in words: ``optimizer``, ``combination of optimizer and init``."""
    if drawn_settings(comparison.gathered, comparison.standings):
        return "trial"
    axes = [axis_word(axis) for axis in several(comparison.gathered.axes) if not is_ground(axis)]
    if not axes:
        return "run"
    return f"combination of {', '.join(axes[:-1])} and {axes[-1]}" if len(axes) > 1 else axes[0]


def fastest(comparison: Findings) -> str:
    """Return the question that curves answer."""
    if len(comparison.gathered.arms) < 2:
        return "How does it go?"
    descends = task_of(comparison.gathered.arms[0].runs[0].summary) == DESCEND
    return f"Which {asked(comparison)} {'descends' if descends else 'learns'} fastest?"


def ahead_question(comparison: Findings) -> str:
    """Return the question that the leader's distances answer."""
    return "How far is the leader ahead?" if len(comparison.gathered.arms) > 2 else "How far are they apart?"


def rate_words(comparison: Findings) -> str:
    """Return what a picture of learning rates shows."""
    searched = comparison.gathered.tuning.runs
    seeds = f"{len(searched.seeds)} seed{'s' if len(searched.seeds) > 1 else ''}"
    whose = f"Runs of the tuning ({seeds}), which are not compared. " if len(searched) else ""
    means = "" if len(searched) and len(searched.seeds) < 2 else "Mean over seeds with its 95 % interval. "
    tuning = comparison.gathered.tuning
    by = f" by {called(tuning.by if len(searched) else comparison.metric)}"
    return f"{whose}{means}Ring: best rate of each{by}, in black where it is the last one tried; cross: runs were lost there."


def averaged(comparison: Findings, matrix: Matrix) -> str:
    """Return over what the values of an axis are averaged before they are compared, to follow what is compared."""
    others = [axis_word(axis) for axis in several(comparison.gathered.axes) if axis != matrix.of]
    return f", averaged over every {' and '.join(others)} at each seed" if matrix.of != ARM and others else ""


def is_split(comparison: Findings) -> bool:
    """Tell whether several datasets or surfaces were swept, or parameters of one: numbers on one say nothing of the others."""
    return bool(grounds(comparison.gathered.axes))


def ground_word(comparison: Findings) -> str:
    """Return what techniques were let loose on: ``dataset`` or ``surface``."""
    return next(iter(grounds(comparison.gathered.axes)), "dataset").partition(".")[0]


def goes_with(pair: tuple[str, str]) -> str:
    """Return the question that a heatmap answers."""
    if is_ground(pair[0]):
        return f"Which {axis_word(pair[1])} is best on which {axis_word(pair[0])}?"
    return f"Which {axis_word(pair[0])} goes with which {axis_word(pair[1])}?"


def framed(pair: tuple[str, str]) -> str:
    """Return what the frame in a heatmap means."""
    return f"Colours and frames are within each {axis_word(pair[0])}." if is_ground(pair[0]) else "Framed: the best."


def lost_words(standing: Standing) -> str:
    """Return which runs of an arm were lost: ``2 of 5 diverged``."""
    total = len(standing.arm.runs)
    return ", ".join(
        f"{count} of {total} {word.removeprefix('was ')}" for word, count in status_words(standing.endings).items() if count
    )


def lost_interval(standing: Standing) -> str:
    """Return the exact 95 % interval of the share of seeds at which an arm is lost, ``5 to 85 %``; "" where none was."""
    if not standing.lost or len(standing.arm.runs) == 1:
        return ""
    low, high = failure_interval(standing.lost, len(standing.arm.runs))
    return f"{percent(low, 0).removesuffix(' %')} to {percent(high, 0)}"


def quantity(comparison: Findings) -> str:
    """Return the metric compared by, in words with its unit."""
    return axis_label(comparison.metric, comparison.gathered.arms[0].runs[0].summary["choices"])


def reached_words(standing: Standing) -> str:
    """Return how many runs of an arm reached the target."""
    return f"{standing.reached} of {len(standing.arm.runs)} reached it"


def target_words(comparison: Findings) -> str:
    """Return the target in words: ``validation accuracy of 95.0% (chosen)``."""
    goal = comparison.target
    assert goal is not None
    return f"{called(goal.metric)} of {format_value(goal.metric, goal.value)} ({goal.rule})"


def to_target(metric: str, found: Measured) -> str:
    """Return median and range of what it took to reach the target, those that did not reach it last."""
    if not found.by_seed:
        return "not reached"

    def word(value: float) -> str:
        told = format_value(metric, value) if metric == SECONDS else whole(value)
        return told if math.isfinite(value) else "not reached"

    return word(found.mean) if found.low == found.high else f"{word(found.mean)} ({word(found.low)} to {word(found.high)})"


RANKS = "Which ranks best over the datasets?"


def against(matrix: Matrix) -> str:
    """Return what a cell of a win matrix holds: losses are compared as ratios, of differences + is better."""
    if any(each.ruler.scale == "ratio" for each in matrix.differences):
        return "row divided by column"
    higher = all(each.ruler.higher for each in matrix.differences)
    return "row minus column" if higher else "column minus row"
