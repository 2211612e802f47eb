"""Arms compared over several datasets, none of which counts more for having larger losses."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nnreg.comparison.chance import ALPHA, FEWEST, Typical, holm
from nnreg.comparison.contenders import Contender, Ground, at_best_rates, cells_of, ground_of, how_lost, loses_more, places_of
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.comparison.naming import setting_words
from nnreg.comparison.pairs import FORBIDDEN, UNEQUAL, Difference, Matrix
from nnreg.comparison.standings import Standing
from nnreg.numerals import chosen
from nnreg.records.statistics import LEVEL, Values


@dataclass(frozen=True)
class OverProblems:
    """Several arms over several problems.

    Attributes:
        typicals: of every two arms, by their numbers: the mean over problems of the first's distance above the second.
        ps: of every two, by Holm over Student.
        wilcoxon: likewise, by Holm over Wilcoxon's exact test; None where so few problems could never decide.
        ranks: mean rank of each arm, 1 the best.
        friedman: p value of no difference in ranks between three arms or more; None of two.
        critical: mean ranks that are less apart cannot be told apart (Nemenyi); NaN of two.
    """

    typicals: Mapping[tuple[int, int], Typical]
    ps: Mapping[tuple[int, int], float]
    wilcoxon: Mapping[tuple[int, int], float] | None
    ranks: Sequence[float]
    friedman: float | None
    critical: float


def over_problems(means: Values, least: float = 0.0) -> OverProblems | None:
    """Compare arms over problems, none of which counts more for having larger losses; None of fewer than three.

    Args:
        means: of each arm on each problem, as ``placed``, averaged over seeds that all arms share there, (problems, arms)
            float64, finite, less is better, read.
        least: standard deviation of a distance that is at least assumed.
    """
    from scipy import stats  # most of a second that only this question pays

    problems, arms = means.shape
    if problems < FEWEST:
        return None
    pairs = list(itertools.combinations(range(arms), 2))
    typicals = {pair: _student(means[:, pair[0]] - means[:, pair[1]], least) for pair in pairs}
    wilcoxon = None
    if 2.0 ** (1 - problems) <= ALPHA / len(pairs):
        apart = [means[:, a] - means[:, b] for a, b in pairs]
        exact = [stats.wilcoxon(each, method="exact").pvalue if each.any() else 1.0 for each in apart]
        wilcoxon = dict(zip(pairs, holm(exact).tolist(), strict=True))
    ranked = stats.rankdata(means, axis=1)
    friedman = float(stats.friedmanchisquare(*means.T).pvalue) if arms > 2 and np.ptp(ranked) else (1.0 if arms > 2 else None)
    quantile = float(stats.studentized_range.ppf(1 - ALPHA, arms, np.inf)) / math.sqrt(2) if arms > 2 else math.nan
    return OverProblems(
        typicals=typicals,
        ps=dict(zip(pairs, holm([each.p for each in typicals.values()]).tolist(), strict=True)),
        wilcoxon=wilcoxon,
        ranks=ranked.mean(axis=0).tolist(),
        friedman=friedman,
        critical=quantile * math.sqrt(arms * (arms + 1) / (6 * problems)),
    )


def _student(apart: Values, least: float) -> Typical:
    """Return Student's mean of any number of problems: they are not draws of which some are bad."""
    spread = 0.0 if np.ptp(apart) == 0.0 else float(apart.std(ddof=1))
    return Typical(float(apart.mean()), max(spread, least) / math.sqrt(apart.size), apart.size - 1, apart.size)


class Improvement(NamedTuple):
    """The probability that one arm is lower than another at a seed of these problems, and its 95 % interval."""

    share: float
    low: float
    high: float


def improvement_chance(apart: Sequence[Values], draws: int = 4000) -> Improvement:
    """Return how probable it is that the first is lower, averaged over problems, ties counted half.

    The interval is that of resampled seeds, the same draws each time: it says nothing of other problems.

    Args:
        apart: for each problem, the distances of the first above the second at shared seeds, (seeds,) float64, finite, read.
        draws: resamplings.
    """
    rng, shares = np.random.default_rng(0), np.zeros(draws)
    wins = [(distances < 0) + 0.5 * (distances == 0) for distances in apart]
    for won in wins:
        shares += won[rng.integers(won.size, size=(draws, won.size))].mean(axis=1) / len(wins)
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Improvement(float(np.mean([won.mean() for won in wins])), float(low), float(high))


def matrix_over_problems(
    found: Sequence[Standing],
    metric: str,
    of: str,
    alpha: float = ALPHA,
    budgets: Mapping[str, int] | None = None,
    barred: str = "",
) -> Matrix:
    """Compare the values of an axis over all datasets, or surfaces: by their mean distances on each, at seeds of its own.

    Args:
        found: how the arms did.
        metric: compared.
        of: an axis, which is no dataset and no surface.
        alpha: probability of a wrong win among all of them.
        budgets: see ``matrix``.
        barred: likewise.
    """
    ruler = ruler_of(metric, [run for standing in found for run in standing.arm.runs])
    cells = cells_of(at_best_rates(found, metric), of)
    values = [setting_words(of, value) for value in cells]
    grounds = dict.fromkeys(ground_of(arm.arm) for each in cells.values() for arms in each.values() for arm in arms)
    table = [[_place(each, ground, metric, ruler) for each in cells.values()] for ground in grounds]
    known = np.array([row for row in table if np.isfinite(row).all()], dtype=np.float64).reshape(-1, len(values))
    problems, sign = len(known), -1 if ruler.higher else 1
    over = over_problems(sign * known, ruler.least) if len(values) > 1 else None
    order = np.argsort(sign * known.mean(axis=0), kind="stable").tolist() if problems else list(range(len(values)))
    rivals = [_rival(name, each, budgets or {}) for name, each in zip(values, cells.values(), strict=True)]
    judged = [_difference(rivals, pair, known, over, ruler, alpha, barred) for pair in itertools.combinations(order, 2)]
    beaten = {each.b if each.winner == each.a else each.a for each in judged if each.winner}
    names = [values[place] for place in order]
    return Matrix(
        metric,
        of,
        names,
        judged,
        _said(over, problems, len(judged), alpha),
        [name for name in names if name not in beaten] if over is not None else [],
        alpha,
        problems,
        dict(zip(values, over.ranks, strict=True)) if over is not None and len(values) > 2 else {},
        over.critical if over is not None else math.nan,
    )


def _rival(name: str, cells: Mapping[tuple[Any, ...], Sequence[Standing]], budgets: Mapping[str, int]) -> Contender:
    """Return a value of the axis with all of its runs."""
    endings: Counter[str] = Counter()
    for arm in itertools.chain.from_iterable(cells.values()):
        endings.update(arm.endings)
    return Contender(name, {}, endings, budget=budgets.get(name))


def _difference(
    rivals: Sequence[Contender],
    pair: tuple[int, int],
    known: Values,
    over: OverProblems | None,
    ruler: Ruler,
    alpha: float,
    barred: str,
) -> Difference:
    a, b = (rivals[place] for place in pair)
    apart = known[:, pair[0]] - known[:, pair[1]]
    center = float(apart.mean()) if len(known) else math.nan
    barred = barred or (UNEQUAL if a.budget != b.budget else "")
    same = bool(apart.size) and not apart.any()
    made = Difference(a.name, b.name, center, None, ruler, len(known), paired=True, barred=barred, same=same)
    if over is None:
        return made
    key = (min(pair), max(pair))
    made = dataclasses.replace(made, typical=dataclasses.replace(over.typicals[key], center=center), p=over.ps[key])
    if made.p > alpha or barred:
        return made
    better, other = (a, b) if (center > 0) == ruler.higher else (b, a)
    if loses_more(better, other):
        return dataclasses.replace(made, lost=f"{how_lost(better)}: {better.name} {FORBIDDEN} {other.name}")
    return dataclasses.replace(made, winner=better.name)


def _said(over: OverProblems | None, problems: int, count: int, alpha: float) -> str:
    if over is None:
        return f"{problems} datasets carry no interval: {FEWEST} or more do"
    how = f"mean over {problems} datasets with Student's 95 % interval over them, each dataset one draw"
    if count == 1:
        return f"{how}; a win holds with an error of at most {chosen(alpha * 100)} %"
    return f"{how}; the wins hold for all {count} comparisons together with an error of at most {chosen(alpha * 100)} % (Holm)"


def _place(cells: Mapping[tuple[Any, ...], Sequence[Standing]], ground: Ground, metric: str, ruler: Ruler) -> float:
    """Return the mean place on a ground of the arms of a value, over seeds and what it was combined with; NaN for none."""
    arms = [arm for members in cells.values() for arm in members if ground_of(arm.arm) == ground]
    places = [float(np.mean(list(own.values()))) if (own := places_of(arm, metric, ruler)) else math.nan for arm in arms]
    return float(np.mean(places)) if places else math.nan
