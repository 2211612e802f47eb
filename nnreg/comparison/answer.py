"""The answer: a line for how well networks are trained, one for how well they generalise, each with claims of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nnreg.comparison.certainty import is_certain
from nnreg.comparison.chance import FEWEST, detectable, seeds_needed, seeds_words
from nnreg.comparison.contenders import ARM
from nnreg.comparison.differences import is_ground
from nnreg.comparison.gathering import Arm, Gathered
from nnreg.comparison.judging import TRAINING, judged_words
from nnreg.comparison.naming import clipped, enumerated, lead, runs_lost, settings_name
from nnreg.comparison.pairs import FORBIDDEN, UNEQUAL, Difference, Matrix
from nnreg.comparison.standings import measure
from nnreg.numerals import chosen
from nnreg.records.metrics import called, format_value, is_higher_better, with_half
from nnreg.settings import DESCEND, task_of

LONGEST = 300  # characters of a line
OPENINGS = ("no ", "none ", "only ", "the best ", "there ", "on ", "of ", "each arm ")
"""Beginnings of a line that are no names."""
MORE_SEEDS = "seed=0,1,2,3,4"


def answer_lines(gathered: Gathered, matrices: Sequence[Matrix], companion: Matrix | None) -> list[str]:
    """Return the answer: a line by the metric that all is judged by, and one by its companion where both were measured.

    Such as ``Training: adam beats sgd in final training loss over 5 seeds: 0.31 times its loss (0.25 to 0.39).``
    """
    own = _line(gathered, matrices[0])
    over = next((matrix for matrix in matrices[1:] if matrix.problems and len(matrix.names) > 1), None)
    if over is not None:
        own += f" {_line(gathered, over)}"
    label = judged_words(gathered.metric)
    if gathered.companion is not None:
        if companion is not None:
            beside = _line(gathered, companion)
        else:
            why, by = (
                ("settings were chosen", gathered.tuning.by)
                if gathered.race is None
                else ("arms were dropped", gathered.race.metric)
            )
            beside = f"not judged, as {why} by {called(by)}."
        lines = {label: own, judged_words(gathered.companion): beside}
        return [f"{word}: {lines[word]}" for word in sorted(lines, key=lambda word: word != TRAINING)]
    return [own[:1].upper() + own[1:] if own.startswith(OPENINGS) else own]


def _line(gathered: Gathered, compared: Matrix) -> str:
    """Return what one matrix says, with as many names as fit."""
    text = ""
    for most in (4, 3, 2, 1, 0):
        text = _answer(gathered, compared, most)
        if len(text) < LONGEST:
            break
    return text


def _answer(gathered: Gathered, compared: Matrix, most: int) -> str:
    """Return what is said with at most so many names in a list."""
    if compared.problems:
        speaker = _Speaker(gathered, compared, most, {})
        said = speaker.all(compared.names, compared.differences, compared.best)
        return f"Over {compared.problems} {_ground(gathered).removeprefix('a ')}s, {said}."
    grounds: dict[str, list[Arm]] = {}
    for arm in _arms(gathered, compared):
        grounds.setdefault(settings_name({key: each for key, each in arm.settings.items() if is_ground(key)}), []).append(arm)
    if len(grounds) < 2 or compared.of != ARM:
        return _Speaker(gathered, compared, most, {}).all(compared.names, compared.differences, compared.best) + "."
    if all(len(arms) == 1 for arms in grounds.values()):
        lost = _Speaker(gathered, compared, most, {}).lost(compared.names)
        return f"each arm is on {_ground(gathered)} of its own: sweep a setting too, such as optimizer=sgd,adam{lost}."
    if most == 0:
        return _count(compared, f"{len(grounds)} {_ground(gathered).removeprefix('a ')}s")
    parts = []
    for ground, arms in grounds.items():
        short = {
            arm.name: settings_name({key: each for key, each in arm.settings.items() if not is_ground(key)}) or arm.name
            for arm in arms
        }
        names = [name for name in compared.names if name in short]
        differences = [each for each in compared.differences if each.a in short and each.b in short]
        best = [name for name in compared.best if name in short]
        parts.append(f"on {ground}, {_Speaker(gathered, compared, most, short).all(names, differences, best)}")
    return f"{'. '.join([parts[0], *(part[0].upper() + part[1:] for part in parts[1:])])}."


def _arms(gathered: Gathered, compared: Matrix) -> list[Arm]:
    return [arm for arm in gathered.arms if compared.of != ARM or arm.name in compared.names]


def _ground(gathered: Gathered) -> str:
    return "a surface" if task_of(gathered.arms[0].runs[0].summary) == DESCEND else "a dataset"


def _count(compared: Matrix, grounds: str) -> str:
    """Return how many of the comparisons on many datasets have a winner; what is left where no list fits."""
    won, total = sum(bool(each.winner) for each in compared.differences), len(compared.differences)
    said = f"of {total} comparisons in {called(compared.metric)}, each on one of {grounds}, "
    reasons = dict.fromkeys(each.undecided for each in compared.differences if each.undecided)
    has = "all have a winner" if won == total else f"{won or 'none'} {'has' if won < 2 else 'have'} a winner"
    open_ones = f" (else: {enumerated(list(reasons), 'or')})" if reasons else ""
    return f"{said}{has}{open_ones}."


def _over(differences: Sequence[Difference], *, same: bool) -> str:
    """Return over how many seeds some differences are: ``over 5 seeds``, ``over 3 to 5 seeds each, unpaired``."""
    measured = [each for each in differences if each.typical is not None]
    low, high = min(each.seeds for each in measured), max(each.seeds for each in measured)
    count = f"over {low}" if low == high else f"over {low} to {high}"
    kinds = {each.paired for each in measured}
    if kinds == {True}:
        return f"{count} seeds" if same else f"{count} common seeds"
    return f"{count} seeds each, {'some ' if True in kinds else ''}unpaired"


class _Speaker:
    """Says what differences mean, with at most so many names in a list."""

    def __init__(self, gathered: Gathered, compared: Matrix, most: int, short: Mapping[str, str]) -> None:
        self.gathered, self.compared, self.metric, self.most, self.short = gathered, compared, compared.metric, most, short
        self.arms = {arm.name: arm for arm in gathered.arms} if compared.of == ARM else {}
        self.what = called(self.metric)

    def all(self, names: Sequence[str], differences: Sequence[Difference], best: Sequence[str]) -> str:
        """Return everything that is to be said of one set of rivals, without a full stop."""
        if not names:
            return "there is nothing to compare"
        if not any(math.isfinite(measure(arm.runs, self.metric).mean) for arm in self._of(names)):
            return f"no run finished, so nothing can be compared{self.lost(names)}"
        if len(names) < 2:
            return self._alone(names[0])
        if any(each.barred for each in differences):
            return self._barred(names, differences) + self.lost(names)
        if any(each.typical is not None for each in differences):
            return self._measured(names, differences, best) + self.lost(names)
        if any(each.winner for each in differences):
            return self._survivors(names, differences) + self.lost(names)
        return self._few_seeds(names) + self.lost(names)

    def name(self, name: str) -> str:
        """Return a name as it stands in a sentence: ``adam (he)``."""
        arm = self.arms.get(name)
        kept = {key: each for key, each in arm.settings.items() if not (self.short and is_ground(key))} if arm else {}
        first, rest = self.short.get(name, name), ""
        if len(kept) > 1 and settings_name(kept) == first:
            head = next(iter(kept))
            first = settings_name({head: kept.pop(head)})
            rest = settings_name(kept)
        whole = f"{first} ({rest})" if rest else first
        return clipped(whole) if self.most < 2 else whole

    def listed(self, names: Sequence[str], joined: str = "and") -> str:
        """Return some names as a list, the rest as a number."""
        shown = [self.name(name) for name in names[: self.most]]
        rest = len(names) - len(shown)
        more = [f"{rest} {'more' if shown else 'others' if rest > 1 else 'other'}"] if rest else []
        return enumerated([*shown, *more], joined)

    def by(self, difference: Difference, name: str, *, brief: bool = False) -> str:
        """Return how far a name is apart from the other: ``by 1.6 ± 0.3 points``, ``0.31 times its loss, 0.25 to 0.39``."""
        number, interval = difference.words(self.metric, 1 if difference.a == name else -1)
        is_ratio = difference.ruler.scale == "ratio"
        said = f"{number} times its loss" if is_ratio else f"by {number.lstrip('+−')}"
        return f"{said}{', ' if is_ratio else ' '}{interval}" if interval and not brief else said

    def _of(self, names: Sequence[str]) -> list[Arm]:
        return [self.arms[name] for name in names if name in self.arms] or list(self.gathered.arms)

    def _alone(self, name: str) -> str:
        found = measure(self._of([name])[0].runs, self.metric)
        size = f"{with_half(self.metric, found.mean, found.half)} over {lead(len(found.by_seed))}"
        alone = "there is nothing to compare it with: sweep a setting, such as optimizer=sgd,adam"
        return f"{self.name(name)} has a {self.what} of {size}; {alone}{self.lost([name])}"

    def _few_seeds(self, names: Sequence[str]) -> str:
        most = "highest" if is_higher_better(self.metric) else "lowest"
        found = measure(self._of(names[:1])[0].runs, self.metric)
        if self.compared.problems:
            return f"nothing is certain: it takes {FEWEST} {_ground(self.gathered).removeprefix('a ')}s or more"
        if is_certain(self._of(names)):
            ended = f"{self.name(names[0])} has the {most} {self.what}, {format_value(self.metric, found.mean)}"
            return f"{ended}; there is no chance in a descent, so there is no interval"
        counts = [len(measure(arm.runs, self.metric).by_seed) for arm in self._of(names)]
        if max(counts) >= FEWEST:
            shared = "in common" if self.gathered.paired else "each"
            return f"no two arms finished {FEWEST} seeds {shared}, so nothing can be compared"
        seeds = lead(max(counts))
        carry = f"{seeds} {'carries' if max(counts) < 2 else 'carry'} no interval: add {MORE_SEEDS}"
        if sum(map(bool, counts)) < 2:
            return f"only {self.name(names[0])} finished; {carry}"
        ran = {count for count in counts if count}  # arms that lost all of theirs are told of behind
        each = f"{seeds} each" if len(ran) < 2 else f"{min(ran)} to {seeds}"
        return f"{self.name(names[0])} had the {most} {self.what} of {each}; {carry}"

    def _survivors(self, names: Sequence[str], differences: Sequence[Difference]) -> str:
        """Say what is known where no interval is: some lost every run, another lost none."""
        leader = names[0]
        beaten = [_other(each, leader) for each in differences if each.winner == leader]
        if not beaten:
            return self._few_seeds(names)
        return f"{self.name(leader)} finished every run and so beats {self.listed(beaten)}"

    def _barred(self, names: Sequence[str], differences: Sequence[Difference]) -> str:
        """Say which is ahead where some, or none, may be said to beat another."""
        why = next(each.barred for each in differences if each.barred)
        most = "highest" if is_higher_better(self.metric) else "lowest"
        head = f"{self.name(names[0])} has the {most} {self.what}, but "
        if why == UNEQUAL:
            budget = self.gathered.tuning.budget
            why = f"{why} ({', '.join(f'{count} for {name}' for name, count in budget.items())})" if budget else why
        if all(each.barred for each in differences):
            return f"{head}none may be said to beat {'another' if len(names) > 2 else 'the other'}: {why}"
        won = [each for each in differences if each.winner]
        claims = [f"{self.name(each.winner)} beats {self.name(_other(each, each.winner))}" for each in won[: self.most]]
        left = [f"{len(won) - len(claims)} more pairs have a winner"] if len(won) > len(claims) else []
        said = f"; {enumerated([*claims, *left])}" if won else ""
        return f"{head}none may be said to beat another across {why}{said}"

    def _measured(self, names: Sequence[str], differences: Sequence[Difference], best: Sequence[str]) -> str:
        leader = names[0] if not best or names[0] in best else best[0]
        measured = [each for each in differences if each.typical is not None]
        over = "" if self.compared.problems else f" {_over(measured, same=self.gathered.paired)}"
        won = sorted((each for each in measured if each.winner == leader), key=lambda each: abs(each.center))
        if len(names) == 2:
            return self._two(names, differences[0], over)
        if len(best) == len(names) and not any(each.winner for each in differences):
            return self._none(names, measured, over)
        if len(best) > 1:
            several = "one of " if len(best) > 2 else ""
            head = f"the best of {len(names)} in {self.what}{over} is {several}{self.listed(best, 'or')}"
        else:
            head = f"{self.name(leader)} is the best of {len(names)} in {self.what}{over}"
        return f"{head}{self._wins(leader, won, names, named=len(best) > 1)}"

    def _none(self, names: Sequence[str], measured: Sequence[Difference], over: str) -> str:
        """Say that none is known to be better than another, or that those that are lost more runs."""
        among = f"none of the {len(names)}"
        ahead = list(dict.fromkeys(_ahead(each) for each in measured if FORBIDDEN in each.lost))
        if ahead:
            is_one = len(ahead) == 1
            lost = f"{self.listed(ahead)}, ahead where {'it' if is_one else 'they'} finished, lost more runs"
            return f"{among} may be said to be better than another in {self.what}{over}: {lost}"
        if len(measured) == len(self.compared.differences) and all(each.same for each in measured):
            return f"{among} differs from another in {self.what}{over}: they are the same at every seed"
        return f"{among} can be told apart in {self.what}{over}{self._shown(measured)}"

    def _two(self, names: Sequence[str], only: Difference, over: str) -> str:
        first, second = (self.name(name) for name in names)
        if only.winner:
            loser = _other(only, only.winner)
            beaten, where = f"{self.name(only.winner)} beats {self.name(loser)}", f"in {self.what}{over}"
            if only.typical is None:
                return f"{beaten} {where}"
            if only.ruler.scale == "difference":
                return f"{beaten} {self.by(only, only.winner)} {where}"
            number, interval = only.words(self.metric, 1 if only.a == only.winner else -1)
            return f"{beaten} {where}: {number} times its loss ({interval})"
        if FORBIDDEN in only.lost:
            ahead = _ahead(only)
            where = f"though it is ahead in {self.what}{over}, those at which both finished"
            return f"{self.name(ahead)} {FORBIDDEN} {self.name(_other(only, ahead))}, {where}: it lost more runs"
        if only.same:
            return f"{enumerated([first, second])} are the same in {self.what}{over}: equal at every seed"
        number, interval = only.words(self.metric, 1 if only.a == names[0] else -1)
        kind = f"ratio {number}, {interval}" if only.ruler.scale == "ratio" else f"difference {number} {interval}"
        said = f"{kind}{self._disagreeing(only)}{self._shown([only], inside=True)}"
        return f"{enumerated([first, second])} cannot be told apart in {self.what}{over} ({said})"

    def _disagreeing(self, only: Difference) -> str:
        """Say why there is no winner where the plain interval is all on one side."""
        low, high = only.typical.interval() if only.typical is not None else (0.0, 0.0)
        return f", but p is {chosen(only.p, 2)} and a win takes {chosen(self.compared.alpha)}" if low * high > 0 else ""

    def _wins(self, leader: str, won: Sequence[Difference], names: Sequence[str], *, named: bool) -> str:
        """Say whom the leader beats for certain, and whom not."""
        beaten = {_other(each, leader) for each in won}
        open_ones = [name for name in names if name != leader and name not in beaten]
        subject = self.name(leader) if named else "it"
        if not won:
            return "; whom it beats is not certain one by one" if not named else "; these seeds do not tell which"
        if len(won) <= max(1, self.most - 1):
            each = enumerated([f"{self.name(_other(one, leader))} ({self.by(one, leader)})" for one in reversed(won)])
            said = f"; {subject} beats {each}"
        else:
            near, far = won[0], won[-1]
            ends = [f"{self.name(_other(one, leader))} ({self.by(one, leader, brief=True)})" for one in (near, far)]
            said = f"; {subject} beats {len(won)} others" + (f", from {ends[0]} to {ends[1]}" if self.most else "")
        if open_ones and not named:
            said += f"; against {self.listed(open_ones)} that is not certain"
        return said

    def _shown(self, measured: Sequence[Difference], *, inside: bool = False) -> str:
        """Say what open pairs could have shown, and how many seeds would show what they seem to be."""
        if self.compared.problems or not measured:
            return ""
        alpha = self.compared.alpha / max(1, len(self.compared.differences))
        least = max(detectable(each.typical, alpha) for each in measured if each.typical is not None)
        first = measured[0]
        is_ratio, above = first.ruler.scale == "ratio", inside and first.center > 0
        size = first.words(self.metric, center=least if above or not is_ratio else -least)[0].lstrip("+−")
        said = f"; these seeds would usually have shown {'a ratio' if is_ratio else 'a difference'} of {size}"
        if len(measured) == 1 and first.typical is not None and first.paired and first.center:
            said += f", and it takes {seeds_words(*seeds_needed(first.typical, alpha))} seeds to show this one"
        return said if self.most > 1 or (inside and self.most) else ""

    def lost(self, names: Sequence[str]) -> str:
        """Return which arms lost runs, to follow what was said."""
        lost = [(arm.name, said) for arm in self._of(names) if (said := runs_lost(arm.runs))]
        if not lost or self.compared.problems:  # said before, of the arms
            return ""
        if len(lost) > max(1, self.most - 1):
            runs = [run for arm in self._of(names) for run in arm.runs]
            return f"; {runs_lost(runs, of=True)}"
        return "; " + "; ".join(f"{self.name(name)} {said}" for name, said in lost)


def _other(difference: Difference, name: str) -> str:
    return difference.b if difference.a == name else difference.a


def _ahead(difference: Difference) -> str:
    """Return the name of the better one, whatever chance has to say."""
    return difference.a if (difference.center > 0) == difference.ruler.higher else difference.b
