"""`protocol=race`: every arm gets a few seeds, those that cannot be the best leave, the rest go on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nnreg.comparison.judging import ruler_of
from nnreg.comparison.naming import enumerated
from nnreg.comparison.race import STAGES, Race, judge_race
from nnreg.console import print_line, terminal
from nnreg.errors import UserError
from nnreg.numerals import percent
from nnreg.records.manifest import RACE, Raced
from nnreg.records.metrics import TRAIN_FINAL, called, is_known, plain_name, summary_name
from nnreg.records.results import Result, read_results
from nnreg.settings import TRAIN, task_of
from nnreg.sweeps.axes import Axis, Stage, Words, count_jobs
from nnreg.sweeps.sweeper import ProtocolSweeper

FEW = 100  # combinations that are made up to see whether they are one and the same


@dataclass(frozen=True)
class RaceSettings:
    """The settings of ``protocol=race``.

    Args:
        name: of the protocol.
        seeds: in the order in which every arm gets them, until it leaves; looks are after 3, 5, 8, 12 and 20 of them.

    Raises:
        ValueError: a setting is out of its range.
    """

    name: str = RACE
    seeds: list[int] = field(default_factory=lambda: list(range(STAGES[-1].seeds)))

    def __post_init__(self) -> None:
        if min(self.seeds, default=-1) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must list seeds of 0 or more, each once, such as [0,1,2], got {self.seeds}")
        counts = [stage.seeds for stage in STAGES]
        if len(self.seeds) not in counts:
            raise ValueError(
                f"seeds must list 3, 5, 8, 12 or 20 of them, as many as a look of the race has, got {len(self.seeds)}"
            )


class RaceSweeper(ProtocolSweeper):
    """Runs all arms on as many seeds as the first look has, then those that may still be the best on more."""

    protocol = RACE

    def count(self, axes: Sequence[Axis]) -> int:
        """Return the most runs that there may be: those of a race that nobody leaves."""
        self._check(axes)
        self._seeds = self.read(RaceSettings, "protocol").seeds
        self._looks = [stage for stage in STAGES if stage.seeds <= len(self._seeds)]
        return count_jobs(axes) * len(self._seeds)

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield the runs of each look as if nobody left."""
        first = 0
        for had, look in itertools.pairwise([0, *(look.seeds for look in self._looks)]):
            jobs = self._jobs(self._arms(axes), self._seeds[had:look])
            yield Stage("", [words for _, _, words in jobs], first)
            first += len(jobs)

    def execute(self, axes: Sequence[Axis]) -> None:
        """Run the seeds of a look, let arms leave, and so on to the end."""
        arms, console = self._arms(axes), terminal()
        values: dict[str, dict[int, float]] = {name: {} for name in arms}
        runs: list[Result] = []
        had, first, race = 0, 0, Race(list(arms))
        for look in self._looks:
            jobs = self._jobs({name: arms[name] for name in race.live}, self._seeds[had : look.seeds])
            folders = self.launch([words for _, _, words in jobs], first=first)
            ended = {run.folder: run for run in read_results(dict.fromkeys(folders, ""))}
            for (name, seed, _), folder in zip(jobs, folders, strict=True):
                values[name][seed] = self._value(ended.get(folder))
            had, first, before = look.seeds, first + len(jobs), race
            runs += ended.values()
            race = self._judged(values, runs)
            self._write(race=self._raced(race))
            gone = [name for name in before.live if name in race.left]
            told = f"after {had} seeds {enumerated(gone)} left" if gone else f"nobody left after {had} seeds"
            print_line(console, "race", told + (f"; {enumerated(race.live)} go on" if race.following is not None else ""))
            if race.following is None:
                break
        self._tell(race)

    def _check(self, axes: Sequence[Axis]) -> None:
        """Refuse what cannot be raced, before anything runs."""
        if (task := task_of(self.config)) != TRAIN:
            raise UserError(f"protocol=race needs arms that differ by chance, and task={task} has no chance in it: use a grid")
        swept = {axis.setting for axis in axes if axis.is_swept}
        if any(axis.setting == "seed" for axis in axes):
            raise UserError("protocol=race has its own seeds: leave out seed=, or give protocol.seeds=[0,1,2,3,4]")
        if any(setting.partition(".")[0] == "dataset" for setting in swept):
            raise UserError("protocol=race runs arms against each other on one dataset: race on each by itself")
        wanted = self.settings.metric
        if wanted is None and "loss" in swept:
            raise UserError("losses of different kinds cannot be raced by their values: add sweep.metric=valid/accuracy")
        if wanted is not None and not is_known(wanted):
            raise UserError(f"sweep.metric={wanted} is not a metric that runs record; such as valid/loss or valid/accuracy")
        self._metric = TRAIN_FINAL if wanted is None else summary_name(wanted) if wanted == plain_name(wanted) else wanted
        if 0 < count_jobs(axes) < FEW and len(self._arms(axes)) == 1:
            raise UserError("a race needs two arms or more: sweep a setting, such as optimizer=sgd,adam")

    def _arms(self, axes: Sequence[Axis]) -> dict[str, Words]:
        """Return the words of each arm, by its name: the values of what is swept."""
        swept = [(index, axis.slot is not None) for index, axis in enumerate(axes) if axis.is_swept]
        return {
            ", ".join(words[index].partition("=")[2] if is_technique else words[index] for index, is_technique in swept): words
            for words in itertools.product(*(axis.words for axis in axes))
        }

    def _jobs(self, arms: Mapping[str, Words], seeds: Sequence[int]) -> list[tuple[str, int, Words]]:
        """Return name, seed and words of each run, all arms at a seed together."""
        return [(name, seed, (*words, f"seed={seed}")) for seed in seeds for name, words in arms.items()]

    def _value(self, run: Result | None) -> float:
        """Return what a run came to, or NaN of one that failed."""
        if run is None or run.summary["status"] != "finished":
            return math.nan
        return float(run.summary["metrics"].get(self._metric, math.nan))

    def _judged(self, values: Mapping[str, Mapping[int, float]], runs: Sequence[Result]) -> Race:
        """Judge the race by all runs so far, as a comparison of them does."""
        ended = [run for run in runs if run.summary["status"] == "finished"]
        if ended and not any(self._metric in run.summary["metrics"] for run in ended):
            raise UserError(f"no run recorded {self._metric}, by which the race is judged: choose another by sweep.metric")
        return judge_race(values, self._seeds, ruler_of(self._metric, runs), self._looks)

    def _raced(self, race: Race) -> Raced:
        return Raced(
            metric=self._metric,
            seeds=tuple(self._seeds),
            looks=tuple((look.seeds, look.share) for look in self._looks),
            live=tuple(race.live),
            left={name: (gone.seeds, gone.by) for name, gone in race.left.items()},
            saved=self._saved(race),
        )

    def _saved(self, race: Race) -> int:
        """Return the runs that arms had no need of: those who left, and at the end the one that is left alone."""
        ended = race.seeds if race.following is None else race.left
        return sum(len(self._seeds) - race.seeds[name] for name in ended)

    def _tell(self, race: Race) -> None:
        """Say who is left, what seeds each arm got, and what that saved."""
        console, what = terminal(), called(self._metric)
        if len(race.live) == 1:
            print_line(console, "race", f"{race.live[0]} is left alone: it won in {what}")
        else:
            print_line(console, "race", f"the best in {what} may be any of {enumerated(race.live)}")
        counts: dict[int, list[str]] = {}
        for name, seeds in race.seeds.items():
            counts.setdefault(seeds, []).append(name)
        shares = [f"{seeds} {enumerated(names)}" for seeds, names in sorted(counts.items(), reverse=True)]
        print_line(console, "seeds", "; ".join(shares))
        saved, whole = self._saved(race), len(race.seeds) * len(self._seeds)
        print_line(
            console, "saved", f"{saved} of {whole} runs, {percent(saved / whole, 0)}, against {len(self._seeds)} seeds each"
        )
