"""What runs say, as data: read from their folders, gathered into arms, ranked, compared pair by pair."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnreg.comparison import gathering, pairs, profiles, standings, tables
from nnreg.comparison.answer import answer_lines
from nnreg.comparison.chance import alpha_of_look
from nnreg.comparison.contenders import ARM
from nnreg.comparison.differences import grounds, several
from nnreg.comparison.fairness import fairness_sentences
from nnreg.comparison.gathering import Gathered
from nnreg.comparison.naming import setting_words
from nnreg.comparison.pairs import Matrix
from nnreg.comparison.problems import matrix_over_problems
from nnreg.comparison.profiles import Profile, Sensitivity, sensitivities
from nnreg.comparison.race import matrix_of_race
from nnreg.comparison.standings import Standing, Target, choose_target
from nnreg.comparison.trials import trial_lines
from nnreg.errors import UserError, instead
from nnreg.records.manifest import count_look, read_manifest
from nnreg.records.metrics import called
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
        metric: by which arms are ranked and compared, and their settings chosen, such as ``final/train_loss``.
        target: to be reached, or None.
        standings: how each arm did, best first.
        matrices: who beats whom: of the arms first, then of each axis where several were swept.
        companion: who beats whom by the metric of the other line of the answer, or None.
        sensitivities: over learning rates; none where they were not swept.
        profiles: over datasets; none where they were not swept.
        answers: a line for training and one for validation, where both were measured, each with claims of its own.
        look: number of this look at the runs of their sweep: see ``count_look``.
        axes: two swept settings for the heatmap, or None for the first two.
    """

    gathered: Gathered
    metric: str
    target: Target | None
    standings: Sequence[Standing]
    matrices: Sequence[Matrix]
    companion: Matrix | None
    sensitivities: Sequence[Sensitivity]
    profiles: Sequence[Profile]
    answers: Sequence[str]
    look: int = 1
    axes: tuple[str, str] | None = None

    @property
    def answer(self) -> str:
        """The whole in one line or two."""
        return "\n".join(self.answers)

    @property
    def all_matrices(self) -> Sequence[Matrix]:
        """Who beats whom, by every metric that a line of the answer is about."""
        return [*self.matrices, *([self.companion] if self.companion is not None else [])]

    @property
    def runs(self) -> Results:
        """Every run that is compared, arm by arm: its ``table`` and ``curves`` are for questions of one's own."""
        return Results(run for arm in self.gathered.arms for run in arm.runs)

    def table(self) -> pd.DataFrame:
        """Return one row an arm, best first: its settings, runs, metrics with half their intervals, steps to the target."""
        import pandas as pd  # half a second that a sweep's end does not pay

        return pd.DataFrame(tables.arm_rows(self.standings, self.metric))

    def pairs(self) -> pd.DataFrame:
        """Return one row for every two arms, then for every two values of a setting: distance, interval, p value, winner."""
        import pandas as pd

        return pd.DataFrame(tables.pair_rows(self.all_matrices))

    @property
    def trials(self) -> Sequence[str]:
        """What the best of fewer trials of a random search would have been, a line a technique; none for other sweeps."""
        return trial_lines(self.gathered, self.standings, self.metric)

    @cached_property
    def fairness(self) -> str:
        """Seeds, pairing, configurations tried, smoothing, what was recorded, what was lost: the line below every figure."""
        return " ".join(self.fairness_sentences)

    @property
    def fairness_sentences(self) -> Sequence[str]:
        """The same, a sentence each."""
        return fairness_sentences(self.gathered, [matrix.metric for matrix in self.all_matrices], look=self.look)


def find(
    folders: Sequence[Path | str],
    *,
    metric: str | None = None,
    target: str | None = None,
    axes: tuple[str, str] | None = None,
) -> Findings:
    """Read runs and find what they say; the arguments, and what is raised, are those of ``compare.compare``."""
    gathered = gathering.gather([Path(folder) for folder in folders], metric)
    _check_axes(gathered, axes)
    chosen, goal = gathered.metric, choose_target(gathered, gathered.metric, target)
    found = _by_ground(standings.standings(gathered, goal, chosen), gathered)
    look = max((count_look(folder, gathered.seeds) for folder in gathered.folders if read_manifest(folder)), default=1)
    matrices = _matrices(gathered, found, chosen, alpha_of_look(look))
    other = None
    if gathered.companion is not None and not _chosen_by_another(gathered, gathered.companion):
        beside = standings.standings(gathered, None, gathered.companion)
        other = _of_arms(gathered, beside, gathered.companion, alpha_of_look(look))
    return Findings(
        gathered=gathered,
        metric=chosen,
        target=goal,
        standings=found,
        matrices=matrices,
        companion=other,
        sensitivities=sensitivities(gathered, chosen),
        profiles=profiles.profiles(gathered, chosen),
        answers=answer_lines(gathered, matrices, other),
        look=look,
        axes=axes,
    )


def _matrices(gathered: Gathered, found: Sequence[Standing], metric: str, alpha: float) -> list[Matrix]:
    """Return who beats whom: of the arms, and of each setting where several were swept."""
    swept, barred = several(gathered.axes), _barred(gathered, metric)
    of_arms = _of_arms(gathered, found, metric, alpha)
    if gathered.race is not None:
        return [of_arms]
    made = [_in_order(of_arms, found)]
    for axis in swept if len(swept) > 1 else ():
        if grounds(gathered.axes) and axis not in grounds(gathered.axes):
            made.append(matrix_over_problems(found, metric, axis, alpha, _budgets(gathered, axis), barred))
        else:
            budgets = _budgets(gathered, axis)
            made.append(pairs.matrix(found, metric, axis, paired=gathered.paired, alpha=alpha, budgets=budgets, barred=barred))
    return made


def _of_arms(gathered: Gathered, found: Sequence[Standing], metric: str, alpha: float) -> Matrix:
    """Return which arm beats which by a metric."""
    if gathered.race is not None and gathered.race.metric == metric:
        return matrix_of_race(found, metric, gathered.race)
    barred = _barred(gathered, metric)
    return pairs.matrix(found, metric, paired=gathered.paired, alpha=alpha, budgets=_budgets(gathered), barred=barred)


def _chosen_by_another(gathered: Gathered, metric: str) -> str:
    """Return by what else than a metric settings were chosen, or arms dropped, in words; "" where by nothing else."""
    if gathered.tuning.seeds and gathered.tuning.by != metric:
        return f"settings were chosen by {called(gathered.tuning.by)}"
    if gathered.race is not None and gathered.race.metric != metric:
        return f"arms were dropped by {called(gathered.race.metric)}"
    return ""


def _barred(gathered: Gathered, metric: str) -> str:
    """Return why no arm may be said to beat another by a metric, or ""."""
    return pairs.UNEQUAL if gathered.tuning.is_mixed else _chosen_by_another(gathered, metric)


def _budgets(gathered: Gathered, axis: str = ARM) -> Mapping[str, int]:
    """Return how many configurations were tried for each arm, or value of an axis, by name; nothing where none was tuned."""
    tuning = gathered.tuning
    if not tuning.technique or axis not in (ARM, tuning.technique):
        return {}
    if axis != ARM:
        return {setting_words(axis, name): count for name, count in tuning.budget.items()}
    named = {arm.name: str(arm.settings.get(tuning.technique, "")) for arm in gathered.arms}
    return {name: tuning.budget[technique] for name, technique in named.items() if technique in tuning.budget}


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


def _check_axes(gathered: Gathered, axes: tuple[str, str] | None) -> None:
    swept = several(gathered.axes)
    for axis in axes or ():
        if axis not in swept:
            raise UserError(
                f"'{axis}' was not swept{instead(axis, swept)}" if swept else f"'{axis}' was not swept: nothing was"
            )
    if axes is not None and len(set(axes)) < 2:
        raise UserError(f"axes must be two different settings, such as axes=[optimizer,init], got {axes[0]} twice")
