"""`protocol=tune_then_seeds`: the best setting of each arm is found first, then run with seeds of its own."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnreg.comparison import rates
from nnreg.comparison.certainty import draws
from nnreg.comparison.chance import FEWEST
from nnreg.console import print_line, terminal
from nnreg.contracts import check_range
from nnreg.errors import UserError
from nnreg.numerals import as_typed
from nnreg.records.card import TUNING, is_number
from nnreg.records.folder import known_facts
from nnreg.records.manifest import TUNE_THEN_SEEDS, Tuned
from nnreg.records.metrics import DECIDING, called, summary_name
from nnreg.registry import entries
from nnreg.registry.nested import RATE, held_by, main_slot, slots_of, split_name, whole_name
from nnreg.settings import DESCEND, task_of
from nnreg.sweeps.axes import Axis, Stage, Words, count_jobs
from nnreg.sweeps.sweeper import ProtocolSweeper

DIGITS = 4  # of a value that is tried, so that it can be read and typed


class Range(NamedTuple):
    """Lowest and highest value to try, and where they are from, in words."""

    low: float
    high: float
    told: str


def range_of(
    kind: str, technique: str, node: Mapping[str, Any], parameter: str, given: tuple[float, float] | None
) -> Range | None:
    """Return where a technique's parameter is searched, or None for a technique that has no such parameter.

    The learning rate of a wrapper is that of the technique inside, and searched as that says.

    Args:
        kind: of the technique.
        technique: its name, with those inside.
        node: its configuration; its value of the parameter is the middle of the range of one that declares none.
        parameter: to be tuned, such as ``lr`` or ``inner.momentum``.
        given: by the user, which wins.

    Raises:
        UserError: no range is known.
    """
    if (held := held_by(kind, node, parameter)) is None:
        return None
    of, owner, last = held
    name = str(owner.get("name", technique))
    declared, whose = _own_search(kind, technique).get(parameter), "it"
    if declared is None:
        declared, whose = _own_search(of, name).get(last), "it" if owner is node else name
    if given is not None:
        return Range(*given, f"{as_typed(given[0])} to {as_typed(given[1])} as given")
    if declared is not None:
        return Range(
            float(declared[0]), float(declared[1]), f"{as_typed(declared[0])} to {as_typed(declared[1])} as {whose} declares"
        )
    middle = owner[last]
    if not is_number(middle) or not 0 < middle < math.inf:
        raise UserError(f"{kind}={technique} declares no range for {parameter}: give one by protocol.range=[low,high]")
    low, high = (float(f"{middle * factor:.{DIGITS}g}") for factor in (0.1, 10))
    return Range(
        low, high, f"{as_typed(low)} to {as_typed(high)}, two decades around {as_typed(middle)} as {whose} declares none"
    )


def declared_by(kind: str, technique: str) -> Mapping[str, tuple[float, float]]:
    """Return the ranges that a technique declares, by parameter; a wrapper has those of the rate of what is inside."""
    outer, inner = split_name(technique)
    entry, own = entries.techniques(kind).get(outer), _own_search(kind, technique)
    slot = main_slot(entry) if entry is not None else None
    if entry is None or slot is None or USUAL in own:
        return own
    inside = declared_by(kind, inner or slots_of(entry)[slot].default.default)
    return {USUAL: inside[USUAL], **own} if USUAL in inside else own


def _own_search(kind: str, technique: str) -> Mapping[str, tuple[float, float]]:
    """Return the ranges that a technique itself declares."""
    entry = entries.techniques(kind).get(split_name(technique)[0])
    declared = getattr(entries.load_class(entry), "search", {}) if entry else {}
    return declared if isinstance(declared, Mapping) else {}


def log_grid(low: float, high: float, count: int) -> list[float]:
    """Return values evenly spread on a log scale, ascending, both ends exact; the middle where there is one value.

    Args:
        low: above 0.
        high: above low.
        count: how many, 1 or more; fewer are returned where they cannot be told apart by four digits.
    """
    if count == 1:
        return [float(f"{math.sqrt(low) * math.sqrt(high):.{DIGITS}g}")]
    inner = [float(f"{value:.{DIGITS}g}") for value in np.geomspace(low, high, count)[1:-1]]
    return sorted({low, high, *(value for value in inner if low < value < high)})


USUAL = "lr"


def kind_of(slot: str) -> str:
    """Return the kind of technique in a place of a configuration."""
    return entries.slots()[slot]


def declared(kind: str, technique: str) -> bool:
    """Tell whether a technique declares a range for anything."""
    return bool(declared_by(kind, technique))


def parameter_of(kind: str, techniques: Sequence[str]) -> str:
    """Return what is tuned of some techniques: what the first that declares a range declares first, else the learning rate."""
    found = [list(declared_by(kind, technique)) for technique in techniques]
    if any(USUAL in names for names in found):
        return USUAL
    return next((names[0] for names in found if names), USUAL)


def best_settings(
    trials: Mapping[str, Mapping[float, Sequence[Path]]], task: str, metric: str | None = None
) -> tuple[str, dict[str, float]]:
    """Choose a value for each combination as a comparison of the same runs does: see ``rates.best_of``.

    Args:
        trials: combination to value to the folders of its runs.
        task: of the runs.
        metric: that decides; None for the usual one of the task.

    Returns:
        The metric that decided, and combination to value.
    """
    runs = {
        name: {value: [_summary(folder) for folder in folders] for value, folders in values.items()}
        for name, values in trials.items()
    }
    ended = [run for values in runs.values() for same in values.values() for run in same]
    by = rates.deciding(ended, DECIDING[task] if metric is None else [metric, summary_name(metric)])
    return by, {name: rates.best_of(values, by) for name, values in runs.items()}


def _summary(folder: Path) -> rates.Summary:
    """Return how a run ended; nothing of one whose summary is missing or damaged: it is lost."""
    facts = known_facts(folder)
    metrics = facts.get("metrics")
    whole = isinstance(metrics, dict) and all(map(is_number, metrics.values()))
    return {"status": facts["status"], "metrics": metrics} if whole else {}


@dataclass(frozen=True)
class TuningSettings:
    """The settings of ``protocol=tune_then_seeds``.

    Args:
        name: of the protocol.
        trials: values tried for each technique.
        tuning_seeds: seeds of those runs.
        seeds: seeds of the runs that are compared.
        range: lowest and highest value for every technique, or None for what each declares.
        parameter: what is tuned, or None for ``lr``, or what the techniques declare.

    Raises:
        ValueError: a setting is out of its range.
    """

    name: str = TUNE_THEN_SEEDS
    trials: int = 9
    tuning_seeds: list[int] = field(default_factory=lambda: [11, 12, 13])
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3, 4, 5])
    range: list[float] | None = None
    parameter: str | None = None

    def __post_init__(self) -> None:
        check_range(self, trials="[1, inf)")
        for name in ("tuning_seeds", "seeds"):
            seeds = getattr(self, name)
            if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
                raise ValueError(f"{name} must list seeds of 0 or more, each once, such as [0,1], got {seeds}")
        if len(self.tuning_seeds) < FEWEST:
            raise ValueError(
                f"tuning_seeds must list {FEWEST} seeds or more, such as [11,12,13], got {self.tuning_seeds}: what is best on "
                "one of them is best by luck"
            )
        if shared := sorted({*self.seeds} & {*self.tuning_seeds}):
            raise ValueError(f"seeds must be others than tuning_seeds, got {shared} in both: a choice flatters its own runs")
        if self.range is not None and not (len(self.range) == 2 and 0 < self.range[0] < self.range[1]):
            raise ValueError(f"range must be [low,high] with 0 < low < high, such as [1e-4,1], got {self.range}")


class TuneThenSeeds(ProtocolSweeper):
    """Tries as many values for every technique and combination of the other axes, then runs the best on fresh seeds."""

    protocol = TUNE_THEN_SEEDS

    def count(self, axes: Sequence[Axis]) -> int:
        """Return the number of runs of both stages."""
        self._wanted = self.read(TuningSettings, "protocol")
        self._check(axes)
        most = 1 if task_of(self.config) == DESCEND and not self._is_noisy(axes) else None  # the same at every seed
        self._tuning_seeds, self._seeds = self._wanted.tuning_seeds[:most], self._wanted.seeds[:most]
        combined = count_jobs(axes)
        if not combined:
            return 0
        self._find_ranges(axes)
        tuned = sum(len(values) * len(self._tuning_seeds) for values in self._values.values())
        return tuned * (combined // len(self._values)) + combined * len(self._seeds)

    def _is_noisy(self, axes: Sequence[Axis]) -> bool:
        """Tell whether a descent is on a surface whose slopes are drawn."""
        words = [axis.words[0] for axis in axes if axis.setting != "surface"]
        swept = [word for axis in axes if axis.setting == "surface" for word in axis.words]
        return any(draws(str(self.compose([*words, *each])["surface"]["name"])) for each in [[word] for word in swept] or [[]])

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield the trials, then the runs that are compared, whose values only the trials can tell."""
        yield Stage(TUNING, (words for _, _, words in self._trials(axes)))
        yield Stage("", (words for _, words in self._finals(axes, {})))

    def execute(self, axes: Sequence[Axis]) -> None:
        """Run the trials, choose, run the rest."""
        trials = list(self._trials(axes))
        console = terminal()
        for name, span in self._ranges.items():
            if span is not None:
                seeds = len(self._tuning_seeds)
                text = f"{name}: {self._parameter}, {span.told}: {len(self._values[name])} values on {seeds} seed"
                print_line(console, "tuning", text + ("s" if seeds > 1 else ""))
        self.refuse_wrong(
            [words for _, words in self._finals(axes, {})]
        )  # of a technique that is not tuned there are no others
        folders = self.launch([words for _, _, words in trials], TUNING)
        by, chosen = self._choose(trials, folders)
        self.tuned(self._tuned(by, chosen))
        for name, value in chosen.items():
            print_line(
                console, "chosen", f"{name}: {self._parameter}={as_typed(value)} by {called(by)}{self._edge(name, value)}"
            )
        self.launch([words for _, words in self._finals(axes, chosen)], alone=True)

    def _check(self, axes: Sequence[Axis]) -> None:
        if (task := task_of(self.config)) not in DECIDING:
            raise UserError(f"protocol=tune_then_seeds needs a loss to tune by, and task={task} has none")
        if any(axis.setting == "seed" for axis in axes):
            raise UserError(
                "protocol=tune_then_seeds has its own seeds: leave out seed=, and give protocol.tuning_seeds=[11,12,13] for "
                "the trials and protocol.seeds=[1,2,3,4,5] for the runs that are compared"
            )

    def _find_ranges(self, axes: Sequence[Axis]) -> None:
        """Find out what is tuned, and over which values for each technique."""
        self._axes, self._slot = _techniques(axes)
        words = [axis.words[0] for axis in axes if axis not in self._axes]
        wanted, kind = self._wanted, kind_of(self._slot)
        nodes, self._names = {}, dict[Words, str]()
        for options in itertools.product(*(axis.words for axis in self._axes)):
            node = self.compose([*words, *options])[self._slot]
            whole = whole_name(kind, node)
            name = options[0].partition("=")[2] if len(options) == 1 and "." not in options[0].partition("=")[0] else whole
            self._names[options], nodes[name] = name, (whole, node)
        self._parameter_name = wanted.parameter or parameter_of(kind, [name for name, _ in nodes.values()])
        self._parameter = f"{self._slot}.{self._parameter_name}"
        passed_on = self._parameter_name == RATE and any(node.get(RATE) is None for _, node in nodes.values())
        below = re.compile(rf"{self._slot}\.([\w.]+\.)?{RATE}" if passed_on else re.escape(self._parameter))
        if typed := next((axis.setting for axis in axes if below.fullmatch(axis.setting)), None):
            raise UserError(
                f"protocol=tune_then_seeds chooses {typed} itself: leave it out, or give the range that it is chosen "
                "from by protocol.range=[low,high]"
            )
        given = (wanted.range[0], wanted.range[1]) if wanted.range else None
        self._ranges: Mapping[str, Range | None] = {
            name: range_of(kind, technique, node, self._parameter_name, given) for name, (technique, node) in nodes.items()
        }
        if all(span is None for span in self._ranges.values()):
            raise UserError(f"none of {', '.join(self._ranges)} has a parameter {self._parameter_name} to tune")
        self._values: Mapping[str, Sequence[float | None]] = {
            name: [None] if span is None else log_grid(span.low, span.high, wanted.trials)
            for name, span in self._ranges.items()
        }

    def _combinations(self, axes: Sequence[Axis]) -> Iterator[tuple[str, str, Words]]:
        """Yield technique, name and words of each combination; the name says the other swept axes too."""
        swept = [index for index, axis in enumerate(axes) if axis.is_swept and axis not in self._axes]
        chosen = [index for index, axis in enumerate(axes) if axis in self._axes]
        for words in itertools.product(*(axis.words for axis in axes)):
            technique = self._names[tuple(words[index] for index in chosen)]
            yield technique, ", ".join([technique, *(words[index] for index in swept)]), words

    def _trials(self, axes: Sequence[Axis]) -> Iterator[tuple[str, float, Words]]:
        """Yield name of the combination, value and words of each trial; none for techniques without the parameter."""
        for technique, name, words in self._combinations(axes):
            for value, seed in itertools.product(self._values[technique], self._tuning_seeds):
                if value is not None:
                    yield name, value, (*words, f"{self._parameter}={value!r}", f"seed={seed}")

    def _finals(self, axes: Sequence[Axis], chosen: Mapping[str, float]) -> Iterator[tuple[str, Words]]:
        """Yield name and words of each run that is compared."""
        for (technique, name, words), seed in itertools.product(self._combinations(axes), self._seeds):
            value = repr(chosen[name]) if name in chosen else f"<best of {len(self._values[technique])}>"
            tuned = () if self._ranges[technique] is None else (f"{self._parameter}={value}",)
            yield name, (*words, *tuned, f"seed={seed}")

    def _choose(self, trials: Sequence[tuple[str, float, Words]], folders: Sequence[Path]) -> tuple[str, dict[str, float]]:
        found: dict[str, dict[float, list[Path]]] = {}
        for (name, value, _), folder in zip(trials, folders, strict=True):
            found.setdefault(name, {}).setdefault(value, []).append(folder)
        return best_settings(found, task_of(self.config), self.settings.metric)

    def _edge(self, name: str, value: float) -> str:
        span = self._ranges[name.partition(",")[0]]
        at_edge = span is not None and value in (span.low, span.high)
        return ", an edge of its range: a wider one may hold a better value" if at_edge else ""

    def _tuned(self, by: str, chosen: Mapping[str, float]) -> Tuned:
        return Tuned(
            technique=self._axes[0].setting if len(self._axes) == 1 and self._axes[0].slot is not None else self._slot,
            parameter=self._parameter,
            budget={name: len(values) for name, values in self._values.items()},
            ranges={name: (span.low, span.high) for name, span in self._ranges.items() if span is not None},
            chosen=dict(chosen),
            by=by,
            fresh_seeds=not set(self._seeds) & set(self._tuning_seeds),
        )


def _techniques(axes: Sequence[Axis]) -> tuple[list[Axis], str]:
    """Return the axes that choose the techniques which are tuned, and those inside of them, and the place in a configuration.

    It is the first swept kind of which some technique declares a range; else the optimizer, swept or not.
    """
    swept = [(axis, axis.slot) for axis in axes if axis.slot is not None and axis.is_swept]
    for axis, slot in swept:
        if slot == "optimizer" or any(declared(kind_of(slot), word.partition("=")[2]) for word in axis.words):
            return [axis, *_inside(axes, slot)], slot
    return _inside(axes, "optimizer"), "optimizer"


def _inside(axes: Sequence[Axis], slot: str) -> list[Axis]:
    """Return the swept axes that choose a technique inside the one in a place, by Hydra's ``optimizer@optimizer.inner``."""
    return [axis for axis in axes if axis.is_swept and axis.around == slot]
