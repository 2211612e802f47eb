"""The answer in a sentence or two, and the fairness line below every figure."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from nnreg.comparison import rates
from nnreg.comparison.differences import is_ground
from nnreg.comparison.gathering import Arm, Gathered
from nnreg.comparison.naming import clipped, enumerated, lead, runs_lost, settings_name
from nnreg.comparison.pairs import ARM, Difference, Matrix, shared_seeds
from nnreg.comparison.standings import measure
from nnreg.engine.history import LAST, TRAIN_LOSS
from nnreg.figures.spec import CURVE_MARKS, RECORDED, stopped_early
from nnreg.records.manifest import GRID, RANDOM_SEARCH, TUNE_THEN_SEEDS
from nnreg.records.metrics import (
    TRAIN_FINAL,
    VALID_FINAL,
    called,
    drawn_metrics,
    format_value,
    is_higher_better,
    is_share,
    with_half,
)
from nnreg.settings import DESCEND, task_of


def between(differences: Sequence[Difference], *, same: bool = True) -> str:
    """Return over how many seeds some differences are: ``over 5 seeds``, ``over 3 to 5 seeds each, unpaired``.

    Args:
        differences: of which some have an interval.
        same: whether all arms have the same seeds; if not, pairs are at ``3 common seeds``.
    """
    measured = [each for each in differences if each.half is not None]
    low, high = min(each.seeds for each in measured), max(each.seeds for each in measured)
    count = f"over {low}" if low == high else f"over {low} to {high}"
    kinds = {each.paired for each in measured}
    if kinds == {True}:
        return f"{count} seeds" if same else f"{count} common seeds"
    return f"{count} seeds each, {'some ' if True in kinds else ''}unpaired"


PROTOCOLS = {GRID: "grid", RANDOM_SEARCH: "random search", TUNE_THEN_SEEDS: "tuned, then run on other seeds"}
MOST_LEFT_OUT = 3


def fairness_line(gathered: Gathered, metrics: Sequence[str], window: int = 1) -> str:
    """Return the line below every figure.

    Number of seeds; paired or not; configurations tried per technique; smoothing; what was recorded when; best learning rate
    at an edge of its range; curves cut where runs stopped early; diverged runs counted; runs left out.

    Args:
        gathered: the runs.
        metrics: what is shown: ``train/loss`` of drawn_metrics, ``train/loss_final`` of tables, ``seconds_to_target``, ...
        window: of the smoothing, in records; 1 for none.
    """
    has_fewer = any(int(run.summary.get("steps", LAST)) < LAST for arm in gathered.arms for run in arm.runs)
    parts = [_seeds(gathered), _budget(gathered), _edges(gathered), *_recorded(metrics, has_fewer=has_fewer)]
    parts += [_smoothing(metrics, window)]
    parts += [_stopped(gathered, metrics), _lost(gathered), _left_out(gathered)]
    return ". ".join(part[0].upper() + part[1:] for part in parts if part) + "."


def _is_sure(gathered: Gathered) -> bool:
    """Tell whether the runs involve no chance."""
    return task_of(gathered.arms[0].runs[0].summary) == DESCEND


def _seeds(gathered: Gathered) -> str:
    if _is_sure(gathered):
        return "no chance in a descent: no interval"
    counts = sorted({len(arm.runs) for arm in gathered.arms})
    if len(gathered.arms) == 1:
        return f"{counts[0]} seeds: mean and 95 % interval" if counts[0] > 1 else f"one seed ({gathered.seeds[0]}): no interval"
    if gathered.paired and counts == [1]:
        return f"one seed ({gathered.seeds[0]}), the same for every arm: no interval"
    if gathered.paired:
        return f"{counts[0]} seeds, the same for every arm: mean and 95 % interval, differences paired by seed"
    each = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    if counts == [1]:
        return "one seed for each arm, not the same for all: no interval, not paired"
    return f"{each} seeds for each arm, not the same for all: mean and 95 % interval, differences {_pairing(gathered)}"


def _pairing(gathered: Gathered) -> str:
    """Return how differences are taken where arms have different seeds."""
    several = {arm.runs.seeds for arm in gathered.arms}
    kinds = {bool(shared_seeds(one, other)) for one, other in itertools.combinations(several, 2)}
    if True not in kinds:
        return "not paired"
    return "paired at common seeds" if kinds == {True} else "paired at common seeds where two arms share most of theirs"


def _budget(gathered: Gathered) -> str:
    """Return how many configurations each technique was given, and on which seeds the best was chosen."""
    tuning = gathered.tuning
    search = "" if tuning.protocol in (GRID, TUNE_THEN_SEEDS) else f"{PROTOCOLS.get(tuning.protocol, tuning.protocol)}: "
    if not tuning.budget or not tuning.technique:
        return f"{search}{len(gathered.arms)} configurations" if search else "one configuration for each arm, none tuned"
    if tuning.protocol == TUNE_THEN_SEEDS or _is_chosen(gathered):
        by = "by validation loss" if tuning.by == VALID_FINAL else f"by {called(tuning.by)}"
        how = f"{by} on other seeds than those compared" if tuning.fresh_seeds else f"on the same seeds {by}"
        return f"{search}best of {_tried(gathered, _kind(tuning.parameter))}, chosen {by if _is_sure(gathered) else how}"
    tried = _tried(gathered, "configurations" if search else _kind(tuning.parameter))
    return f"{search}{tried}, all compared"


def _kind(parameter: str) -> str:
    return "learning rates" if rates.is_rate(parameter) else f"values of {parameter}"


def _tried(gathered: Gathered, what: str) -> str:
    """Return ``9 learning rates for each optimizer``; all numbers where budgets are not equal."""
    budget, technique = gathered.tuning.budget, gathered.tuning.technique
    counts = set(budget.values())
    if len(counts) > 1:
        return f"{', '.join(f'{count} for {name}' for name, count in budget.items())} {what} (unequal budgets)"
    (count,) = counts
    what = what if count > 1 else what.removesuffix("s")
    return f"{count} {what} for {f'each {technique}' if len(budget) > 1 else next(iter(budget))}"


def _is_chosen(gathered: Gathered) -> bool:
    """Tell whether techniques take part at their best learning rate alone."""
    rate = rates.rate_key(gathered.axes)
    groups = rates.by_technique([(arm.settings, arm) for arm in gathered.arms], rate) if rate else {}
    techniques = {tuple(pair for pair in others if not is_ground(pair[0])) for others in groups}
    return len(techniques) > 1 and any(len(tried) > 1 for tried in groups.values())


def _edges(gathered: Gathered) -> str:
    names = list(gathered.tuning.at_edge)
    what = "learning rate" if rates.is_rate(gathered.tuning.parameter) else gathered.tuning.parameter
    return f"best {what} at an edge of those tried for {enumerated(names)}: try beyond" if names else ""


def _recorded(metrics: Sequence[str], *, has_fewer: bool) -> list[str]:
    shown = [metric for metric in metrics if metric.startswith(TRAIN_LOSS)]
    parts = []
    if shown:
        parts.append(RECORDED)
    if TRAIN_FINAL in shown:
        parts[-1] += "; final: mean of the last 100 steps" + (", or of all where there are fewer" if has_fewer else "")
    if any(metric.startswith("seconds_to_target") for metric in metrics):
        parts.append("seconds to the target: its steps at the run's mean pace")
    return parts


def _smoothing(metrics: Sequence[str], window: int) -> str:
    return f"smoothed with a centred Kaiser window of {window} steps" if window > 1 else ""


def _stopped(gathered: Gathered, metrics: Sequence[str]) -> str:
    """Return why a curve, the mean of an arm's runs, may end before some of them do."""
    stopped = any(stopped_early(run) for arm in gathered.arms if len(arm.runs) > 1 for run in arm.runs)
    return CURVE_MARKS.stops if stopped and {*metrics} & {*drawn_metrics()} else ""


def _lost(gathered: Gathered) -> str:
    """Return how many runs diverged or failed: in no mean, but counted against their arm."""
    endings = Counter(run.summary["status"] for arm in gathered.arms for run in arm.runs)
    total, finished = endings.total(), endings.pop("finished", 0)
    if finished == total:
        return ""
    verbs = {ending: f"{'were' if endings[ending] > 1 else 'was'} {ending}" for ending in ("killed", "pruned")}
    counts = [f"{count} {verbs.get(ending, ending)}" for ending, count in endings.items() if count]
    return f"of {total} runs {enumerated(counts)}: in no mean, counted against their arm"


def _left_out(gathered: Gathered) -> str:
    left = gathered.left_out
    if not left:
        return ""
    named = "; ".join(f"{each.folder.name}: {each.why}" for each in left[:MOST_LEFT_OUT])
    more = f"; and {len(left) - MOST_LEFT_OUT} more" if len(left) > MOST_LEFT_OUT else ""
    return f"{len(left)} folder{'s' if len(left) > 1 else ''} left out ({named}{more})"


LONGEST = 300  # characters of an answer
MORE_SEEDS = "one seed carries no interval: add seed=1,2,3,4,5"


def answer_sentence(gathered: Gathered, compared: Matrix) -> str:
    """Return the whole in one or two sentences.

    Such as ``adam beats sgd by 0.16 ± 0.01 in final training loss over 5 seeds; adam and adagrad cannot be told apart.``
    """
    texts = (_answer(gathered, compared, names) for names in (4, 3, 2, 1, 0))
    last = ""
    for text in texts:
        last = text[:1].upper() + text[1:] if text.startswith("no ") else text
        if len(last) < LONGEST:
            break
    return last


def _answer(gathered: Gathered, compared: Matrix, most: int) -> str:
    """Return the summary with at most so many names in a list."""
    grounds: dict[str, list[Arm]] = {}
    for arm in _arms(gathered, compared):
        grounds.setdefault(settings_name({key: each for key, each in arm.settings.items() if is_ground(key)}), []).append(arm)
    if len(grounds) < 2 or compared.of != ARM:
        return _Speaker(gathered, compared, most, {}).all(compared.names, compared.differences) + "."
    if all(len(arms) == 1 for arms in grounds.values()):
        lost = _Speaker(gathered, compared, most, {}).lost(compared.names)
        return f"Each arm is on {_ground(gathered)} of its own: sweep a setting too, such as optimizer=sgd,adam{lost}."
    if most == 0:
        return _count(compared, len(grounds))
    parts = []
    for ground, arms in grounds.items():
        short = {
            arm.name: settings_name({key: each for key, each in arm.settings.items() if not is_ground(key)}) or arm.name
            for arm in arms
        }
        names = [name for name in compared.names if name in short]
        differences = [each for each in compared.differences if each.a in short and each.b in short]
        parts.append(f"on {ground}, {_Speaker(gathered, compared, most, short).all(names, differences)}")
    return f"{'. '.join(part[0].upper() + part[1:] for part in parts)}."


def _arms(gathered: Gathered, compared: Matrix) -> list[Arm]:
    return [arm for arm in gathered.arms if compared.of != ARM or arm.name in compared.names]


def _ground(gathered: Gathered) -> str:
    return "a surface" if task_of(gathered.arms[0].runs[0].summary) == DESCEND else "a dataset"


def _count(compared: Matrix, grounds: int) -> str:
    """Return how many of the comparisons on many datasets have a winner; what is left where no list fits."""
    won = sum(bool(each.winner) for each in compared.differences)
    total = len(compared.differences)
    return (
        f"of {total} comparisons in {called(compared.metric)}, each on one of {grounds} datasets or surfaces, {won} have a "
        f"winner; in the other {total - won} the two cannot be told apart, or lost runs."
    )


class _Speaker:
    """Says what differences mean, with at most so many names in a list."""

    def __init__(self, gathered: Gathered, compared: Matrix, most: int, short: Mapping[str, str]) -> None:
        self.gathered, self.metric, self.most, self.short = gathered, compared.metric, most, short
        self.arms = {arm.name: arm for arm in gathered.arms} if compared.of == ARM else {}
        self.what = called(self.metric)

    def all(self, names: Sequence[str], differences: Sequence[Difference]) -> str:
        """Return everything that is to be said of one set of rivals, without a full stop."""
        if not names:
            return "there is nothing to compare"
        if not any(math.isfinite(measure(arm.runs, self.metric).mean) for arm in self._of(names)):
            return f"no run finished, so nothing can be compared{self.lost(names)}"
        if len(names) < 2:
            return self._alone(names[0])
        if any(each.half is not None for each in differences):
            return self._measured(names, differences) + self.lost(names)
        dead = [each for each in differences if each.winner]
        if dead:
            return self._survivors(names, differences) + self.lost(names)
        return self._one_seed(names) + self.lost(names)

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

    def listed(self, names: Sequence[str]) -> str:
        """Return some names as a list, the rest as a number."""
        shown = [self.name(name) for name in names[: self.most]]
        rest = len(names) - len(shown)
        return enumerated([*shown, *([f"{rest} {'more' if shown else 'others' if rest > 1 else 'other'}"] if rest else [])])

    def by(self, difference: Difference) -> str:
        """Return how large a difference is: ``0.16 ± 0.01``; of accuracies in points."""
        words = with_half(self.metric, abs(difference.mean), difference.half)
        number, _, half = words.removesuffix(" %").partition(" ± ")
        if number == half and difference.winner and difference.half is not None:  # 1.3 ± 1.3 would look undecided
            factor = 100 if is_share(self.metric) else 1
            number, half = _apart(factor * abs(difference.mean), factor * difference.half)
        said = f"{number} ± {half}" if half else number
        return f"{said} points" if is_share(self.metric) else said

    def _of(self, names: Sequence[str]) -> list[Arm]:
        return [self.arms[name] for name in names if name in self.arms] or list(self.gathered.arms)

    def _alone(self, name: str) -> str:
        found = measure(self._of([name])[0].runs, self.metric)
        size = f"{with_half(self.metric, found.mean, found.half)} over {lead(len(found.by_seed))}"
        alone = "there is nothing to compare it with: sweep a setting, such as optimizer=sgd,adam"
        return f"{self.name(name)} has a {self.what} of {size}; {alone}{self.lost([name])}"

    def _one_seed(self, names: Sequence[str]) -> str:
        most = "highest" if is_higher_better(self.metric) else "lowest"
        found = measure(self._of(names[:1])[0].runs, self.metric)
        if task_of(self._of(names)[0].runs[0].summary) == DESCEND:
            ended = f"{self.name(names[0])} has the {most} {self.what}, {format_value(self.metric, found.mean)}"
            return f"{ended}; there is no chance in a descent, so there is no interval"
        if max(len(measure(arm.runs, self.metric).by_seed) for arm in self._of(names)) > 1:
            return "no two arms have two finished seeds in common, so nothing can be compared"
        return f"{self.name(names[0])} had the {most} {self.what} of one seed each; {MORE_SEEDS}"

    def _survivors(self, names: Sequence[str], differences: Sequence[Difference]) -> str:
        """Say what is known where no interval is: some lost every run, another lost none."""
        leader = names[0]
        beaten = [_other(each, leader) for each in differences if each.winner == leader]
        return f"{self.name(leader)} finished every run and so beats {self.listed(beaten)}" if beaten else self._one_seed(names)

    def _measured(self, names: Sequence[str], differences: Sequence[Difference]) -> str:
        leader = names[0]
        if any(runs_lost(arm.runs) for arm in self._of([leader])) and self.arms:
            return "every arm lost runs, so none may be said to beat another"
        own = [each for each in differences if leader in (each.a, each.b) and each.half is not None]
        won = sorted((each for each in own if each.winner == leader), key=lambda each: abs(each.mean))
        tied = [each for each in own if abs(each.mean) <= (each.half or 0.0)]
        over = between(differences, same=self.gathered.paired)
        if len(names) == 2 and not won:
            pair = enumerated([self.name(name) for name in names])
            difference = f"{self.what} {over} (difference {self.by(own[0])})"
            return f"{pair} cannot be told apart in {difference}" if tied else self._forbidden(names, over)
        if won:
            return f"{self.name(leader)} beats {self._beaten(leader, won, over)}{self._tied(leader, tied)}"
        return self._undecided(names, differences, tied, over)

    def _beaten(self, leader: str, won: Sequence[Difference], over: str) -> str:
        near, far = won[0], won[-1]
        if len(won) <= self.most - 1 or len(won) == 1:
            each = enumerated([f"{self.name(_other(one, leader))} by {self.by(one)}" for one in reversed(won)])
            return f"{each} in {self.what} {over}"
        if self.most == 0:
            return f"{len(won)} others in {self.what} {over}, by {self.by(near)} and more"
        ends = [f"{self.name(_other(one, leader))} (by {self.by(one)})" for one in (near, far)]
        return f"{len(won)} others in {self.what} {over}, from {ends[0]} to {ends[1]}"

    def _tied(self, leader: str, tied: Sequence[Difference]) -> str:
        others = [_other(each, leader) for each in tied]
        if not others:
            return ""
        if len(others) == 1:
            return f"; {enumerated([self.name(leader), self.name(others[0])])} cannot be told apart"
        return f"; it cannot be told apart from {self.listed(others)}"

    def _undecided(self, names: Sequence[str], differences: Sequence[Difference], tied: Sequence[Difference], over: str) -> str:
        """Say what is left where the one with the best mean beats nobody by an interval."""
        elsewhere = sorted(
            (each for each in differences if each.winner and each.half is not None), key=lambda each: -abs(each.mean)
        )
        if not elsewhere and len(tied) == len(names) - 1:
            return f"none of the {len(names)} can be told apart in {self.what} {over}"
        said = f"{self.name(names[0])} is the best in {self.what} {over}, by its mean, of those that lost no run,"
        others = [_other(each, names[0]) for each in tied]
        said += f" but cannot be told apart from {self.listed(others)}" if others else " but there is no other to beat"
        if elsewhere:
            best = elsewhere[0]
            loser = best.b if best.winner == best.a else best.a
            said += f"; {self.name(best.winner)} beats {self.name(loser)} by {self.by(best)}"
        return said

    def _forbidden(self, names: Sequence[str], over: str) -> str:
        """Say that the second of two is ahead only where it finished."""
        first, second = (self.name(name) for name in names)
        return f"{second} may not be said to beat {first}: it is ahead in {self.what} {over}, those at which it finished"

    def lost(self, names: Sequence[str]) -> str:
        """Return which arms lost runs, to follow what was said."""
        lost = [(arm.name, said) for arm in self._of(names) if (said := runs_lost(arm.runs))]
        if not lost:
            return ""
        if len(lost) > max(1, self.most - 1):
            runs = [run for arm in self._of(names) for run in arm.runs]
            return f"; {runs_lost(runs, of=True)}"
        return "; " + "; ".join(f"{self.name(name)} {said}" for name, said in lost)


def _apart(mean: float, half: float) -> tuple[str, str]:
    """Return a mean and half its interval, which are nearly the same, with as many decimals, enough to tell them apart."""
    decimals = max(0, 2 - math.floor(math.log10(half)))
    more = next((more for more in range(decimals, decimals + 6) if f"{mean:.{more}f}" != f"{half:.{more}f}"), decimals)
    return f"{mean:.{more}f}", f"{half:.{more}f}"


def _other(difference: Difference, name: str) -> str:
    return difference.b if difference.a == name else difference.a
