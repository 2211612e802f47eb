"""What runs say, as data: read from their folders, gathered into arms, ranked, compared pair by pair."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnreg.comparison import gathering, pairs, profiles, standings, tables
from nnreg.comparison.answer import answer_sentence, fairness_line
from nnreg.comparison.differences import grounds, several
from nnreg.comparison.gathering import Gathered
from nnreg.comparison.pairs import ARM, Matrix
from nnreg.comparison.profiles import Profile, Sensitivity, sensitivities
from nnreg.comparison.standings import Standing, Target, choose_target, default_metric
from nnreg.errors import UserError, instead
from nnreg.records.results import Results

if TYPE_CHECKING:
    import pandas as pd


FOLDER = "comparison"
"""Where the comparison of a sweep is written, in its folder."""


@dataclass(frozen=True)
class Findings:
    """What a sweep, or any set of runs, says.

    Attributes:
        gathered: the runs.
        metric: by which arms are ranked and compared, such as ``train/loss_final``.
        target: to be reached, or None.
        standings: how each arm did, best first.
        matrices: who beats whom: of the arms first, then of each axis where several were swept.
        sensitivities: over learning rates; none where they were not swept.
        profiles: over datasets; none where they were not swept.
        answer: the whole in one or two sentences.
        axes: two swept settings for the heatmap, or None for the first two.
    """

    gathered: Gathered
    metric: str
    target: Target | None
    standings: Sequence[Standing]
    matrices: Sequence[Matrix]
    sensitivities: Sequence[Sensitivity]
    profiles: Sequence[Profile]
    answer: str
    axes: tuple[str, str] | None = None

    @property
    def runs(self) -> Results:
        """Every run that is compared, arm by arm: its ``table`` and ``curves`` are for questions of one's own."""
        return Results(run for arm in self.gathered.arms for run in arm.runs)

    def table(self) -> pd.DataFrame:
        """Return one row an arm, best first: its settings, runs, metrics with half their intervals, steps to the target."""
        import pandas as pd  # half a second that a sweep's end does not pay

        return pd.DataFrame(tables.arm_rows(self.standings, self.metric))

    def pairs(self) -> pd.DataFrame:
        """Return one row for every two arms, then for every two values of a setting: difference, half width, winner."""
        import pandas as pd

        return pd.DataFrame(tables.pair_rows(self.matrices))

    @cached_property
    def fairness(self) -> str:
        """Seeds, pairing, configurations tried, smoothing, what was recorded, what was lost: the line below every figure."""
        return fairness_line(self.gathered, [self.metric])


def find(
    folders: Sequence[Path | str],
    *,
    metric: str | None = None,
    target: str | None = None,
    axes: tuple[str, str] | None = None,
) -> Findings:
    """Read runs and find what they say; the arguments, and what is raised, are those of ``compare.compare``."""
    gathered = gathering.gather([Path(folder) for folder in folders])
    _check_axes(gathered, axes)
    chosen = _metric(gathered, metric)
    goal = choose_target(gathered, target)
    found = _by_ground(standings.standings(gathered, goal, chosen), gathered)
    swept = several(gathered.axes)
    of = [ARM, *(swept if len(swept) > 1 else [])]
    matrices = [_in_order(pairs.matrix(found, chosen, each, paired=gathered.paired), found) for each in of]
    return Findings(
        gathered=gathered,
        metric=chosen,
        target=goal,
        standings=found,
        matrices=matrices,
        sensitivities=sensitivities(gathered, chosen),
        profiles=profiles.profiles(gathered, chosen),
        answer=answer_sentence(gathered, matrices[0]),
        axes=axes,
    )


def _by_ground(found: Sequence[Standing], gathered: Gathered) -> Sequence[Standing]:
    """Return standings with those of one dataset, or surface, together: numbers on another mean something else."""
    places = {axis: {value: place for place, value in enumerate(gathered.axes[axis])} for axis in grounds(gathered.axes)}
    return sorted(
        found, key=lambda standing: [place.get(standing.arm.settings.get(axis), len(place)) for axis, place in places.items()]
    )


def _in_order(matrix: Matrix, found: Sequence[Standing]) -> Matrix:
    """Return a matrix of arms with its names in the order of their standings."""
    names = [standing.arm.name for standing in found if standing.arm.name in matrix.names]
    return dataclasses.replace(matrix, names=names) if matrix.of == ARM else matrix


def _metric(gathered: Gathered, wanted: str | None) -> str:
    """Return the metric to compare by; ``valid/accuracy`` stands for its final value."""
    if wanted is None:
        return default_metric(gathered)
    known = {name for arm in gathered.arms for run in arm.runs for name in run.summary["metrics"]}
    return f"{wanted}_final" if wanted not in known and f"{wanted}_final" in known else wanted


def _check_axes(gathered: Gathered, axes: tuple[str, str] | None) -> None:
    swept = several(gathered.axes)
    for axis in axes or ():
        if axis not in swept:
            raise UserError(
                f"'{axis}' was not swept{instead(axis, swept)}" if swept else f"'{axis}' was not swept: nothing was"
            )
    if axes is not None and len(set(axes)) < 2:
        raise UserError(f"axes must be two different settings, such as axes=[optimizer,init], got {axes[0]} twice")
