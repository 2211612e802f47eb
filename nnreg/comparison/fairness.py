"""The fairness line below every figure: seeds, pairing, budgets, splits, what was recorded, what was lost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from nnreg.comparison import rates
from nnreg.comparison.certainty import is_certain
from nnreg.comparison.chance import FEWEST, TRIMMED_FROM, alpha_of_look
from nnreg.comparison.contenders import shared_seeds
from nnreg.comparison.differences import is_ground
from nnreg.comparison.gathering import Gathered
from nnreg.comparison.naming import enumerated, status_words
from nnreg.comparison.standings import gradients_a_step
from nnreg.engine.history import LAST, TRAIN_LOSS
from nnreg.figures.spec import CURVE_MARKS, RECORDED, stopped_early
from nnreg.numerals import chosen
from nnreg.records.manifest import GRID, RANDOM_SEARCH, TUNE_THEN_SEEDS
from nnreg.records.metrics import TRAIN_FINAL, TRAIN_MEAN, called, drawn_metrics
from nnreg.settings import DESCEND, task_of

PROTOCOLS = {GRID: "grid", RANDOM_SEARCH: "random search", TUNE_THEN_SEEDS: "tuned, then run on other seeds"}
MOST_LEFT_OUT = 3


def fairness_line(gathered: Gathered, metrics: Sequence[str], window: int = 1, look: int = 1) -> str:
    """Return the line below every figure.

    Number of seeds; paired or not; how many splits of the data; how often it was looked before; configurations tried per
    technique; best learning rate at an edge of its range; gradients a step where they are not one; what was recorded when;
    smoothing; curves cut where runs stopped early; lost runs counted; runs left out; code unknown, and other versions.

    Args:
        gathered: the runs.
        metrics: what is shown: ``train/loss`` of drawn_metrics, ``final/train_loss`` of tables, ``seconds_to_target``, ...
        window: of the smoothing, in records; 1 for none.
        look: number of this look at the runs of their sweep.
    """
    return " ".join(fairness_sentences(gathered, metrics, window, look))


def fairness_sentences(gathered: Gathered, metrics: Sequence[str], window: int = 1, look: int = 1) -> list[str]:
    """Return the same, a sentence each."""
    has_fewer = any(int(run.summary.get("steps", LAST)) < LAST for arm in gathered.arms for run in arm.runs)
    parts = [_seeds(gathered), _splits(gathered), _looks(look), _budget(gathered), _edges(gathered), _work(gathered)]
    parts += _recorded(metrics, has_fewer=has_fewer)
    parts += [_smoothing(metrics, window)]
    parts += [_stopped(gathered, metrics), _lost(gathered), _left_out(gathered), _code(gathered)]
    return [f"{part[0].upper()}{part[1:]}." for part in parts if part]


def _seeds(gathered: Gathered) -> str:
    if is_certain(gathered.arms):
        return "no chance in a descent: no interval"
    counts = sorted({len(arm.runs) for arm in gathered.arms})
    ratios = "" if task_of(gathered.arms[0].runs[0].summary) == DESCEND else ", losses as ratios"
    if len(gathered.arms) == 1:
        return f"{counts[0]} seeds: {_shown(counts[0])}" if counts[0] > 1 else f"one seed ({gathered.seeds[0]}): no interval"
    if gathered.paired and counts == [1]:
        return f"one seed ({gathered.seeds[0]}), the same for every arm: no interval"
    if gathered.paired:
        return f"{counts[0]} seeds, the same for every arm: {_shown(counts[0])}, paired by seed{ratios}"
    each = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    if counts == [1]:
        return "one seed for each arm, not the same for all: no interval, not paired"
    return f"{each} seeds for each arm, not the same for all: {_shown(counts[-1])}{ratios}, {_pairing(gathered)}"


def _shown(seeds: int) -> str:
    """Return what is shown of so many seeds."""
    if seeds < FEWEST:
        return f"mean, no interval (it takes {FEWEST} seeds)"
    return f"{'mean' if seeds < TRIMMED_FROM else 'trimmed mean'} and 95 % interval"


def _splits(gathered: Gathered) -> str:
    """Return whether chance in the split of the data is part of what the seeds show."""
    if is_certain(gathered.arms) or len(gathered.seeds) < 2:
        return ""
    digests: dict[tuple[str, int], str] = {}
    for run in (run for arm in gathered.arms for run in arm.runs if run.summary.get("dataset")):
        digests[str(run.summary["choices"].get("dataset")), run.seed] = str(run.summary["dataset"].get("digest"))
    if not digests:
        return ""
    is_one = len(set(digests.values())) <= len({name for name, _ in digests})
    return "one split of the data" if is_one else "a split of the data for each seed"


def _looks(look: int) -> str:
    """Return what seeds cost that were added after a look at the first ones."""
    if look < 2:
        return ""
    return f"look {look} at these runs, with other seeds than before: a win takes p ≤ {chosen(alpha_of_look(look), 2)}"


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
    if tuning.seeds or _is_chosen(gathered):
        by = f"by {called(tuning.by)}"
        fresh = f"{by} on {tuning.seeds} other seed{'s' if tuning.seeds > 1 else ''} than those compared"
        how = fresh if tuning.fresh_seeds and tuning.seeds else f"on the same seeds {by}"
        return f"{search}best of {_tried(gathered, _kind(tuning.parameter))}, chosen {by if is_certain(gathered.arms) else how}"
    tried = _tried(gathered, "configurations" if search else _kind(tuning.parameter))
    return f"{search}{tried}, all compared"


def is_untuned(gathered: Gathered) -> bool:
    """Tell whether every technique has the one configuration that it was given: another might turn the order."""
    tuning = gathered.tuning
    return tuning.protocol in (GRID, TUNE_THEN_SEEDS) and not (tuning.budget and tuning.technique)


def _kind(parameter: str) -> str:
    return "learning rates" if rates.is_rate(parameter) else f"values of {parameter}"


def _tried(gathered: Gathered, what: str) -> str:
    """Return ``9 learning rates for each optimizer``; all numbers where budgets are not equal."""
    budget, technique = gathered.tuning.budget, gathered.tuning.technique
    counts = set(budget.values())
    if len(counts) > 1 or gathered.tuning.is_mixed:
        listed = ", ".join(f"{count} for {name}" for name, count in budget.items())
        return f"{listed} {what} (unequal budgets: more trials find a better one by luck alone, so none of these beats another)"
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


def _work(gathered: Gathered) -> str:
    """Return how many gradients a step takes, where arms differ in it or it is not one: by then steps are no equal work."""
    each = {arm.name: chosen(gradients_a_step(arm.runs), 2) for arm in gathered.arms}
    counts = Counter(each.values())
    if set(counts) == {"1"}:
        return ""
    if len(counts) == 1:
        return f"{next(iter(counts))} gradients a step"
    usual, shared = counts.most_common(1)[0]
    named = [(count, name) for name, count in each.items() if count != usual or shared == 1]
    grouped = {count: enumerated([name for other, name in named if other == count]) for count, _ in named}
    rest = f", {usual} for the others" if shared > 1 else ""
    return f"gradients a step: {', '.join(f'{count} for {names}' for count, names in grouped.items())}{rest}"


def _recorded(metrics: Sequence[str], *, has_fewer: bool) -> list[str]:
    shown = [metric for metric in metrics if metric.startswith(TRAIN_LOSS)]
    parts = []
    if shown:
        parts.append(RECORDED)
    if TRAIN_MEAN in shown:
        parts[-1] += "; mean of the last 100 steps" + (", or of all where there are fewer" if has_fewer else "")
    if TRAIN_FINAL in metrics:
        parts.append("final training loss: of the network that a run keeps, in evaluation mode, without penalty")
    if any(metric.startswith("seconds_to_target") for metric in metrics):
        parts.append("seconds to the target: its steps at the run's mean pace")
    return parts


def _smoothing(metrics: Sequence[str], window: int) -> str:
    return f"smoothed over {window} steps, a loss by its logarithm" if window > 1 else ""


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
    counts = [
        f"{count} {word.replace('was ', 'were ') if count > 1 else word}"
        for word, count in status_words(endings).items()
        if count
    ]
    return f"of {total} runs {enumerated(counts)}: in no mean, counted against their arm"


def _left_out(gathered: Gathered) -> str:
    left = gathered.left_out
    if not left:
        return ""
    named = "; ".join(f"{each.folder.name}: {each.why}" for each in left[:MOST_LEFT_OUT])
    more = f"; and {len(left) - MOST_LEFT_OUT} more" if len(left) > MOST_LEFT_OUT else ""
    return f"{len(left)} folder{'s' if len(left) > 1 else ''} left out ({named}{more})"


COMPUTING = ("nnreg", "numpy", "blas", "kernels")


def _code(gathered: Gathered) -> str:
    """Say of which runs the code is not known beside others, and in which versions of what computes the runs differ."""
    runs = [run for arm in gathered.arms for run in arm.runs]
    silent = sum(not run.summary.get("code") for run in runs)
    told: dict[str, set[str]] = {name: set() for name in COMPUTING}
    for run in runs:
        for name, version in (run.summary.get("versions") or {}).items():
            if name in told and version:
                told[name].add(str(version))
    parts = [f"{silent} of {len(runs)} runs do not say which code they are"] if 0 < silent < len(runs) else []
    parts += [f"made with {name} {enumerated(sorted(versions))}" for name, versions in told.items() if len(versions) > 1]
    compiled = sum(run.config.get("kernels") == "numba" for run in runs)
    if 0 < compiled < len(runs):
        parts.append(f"{compiled} of {len(runs)} runs compiled by numba, the same but for rounding")
    return "; ".join(parts)
