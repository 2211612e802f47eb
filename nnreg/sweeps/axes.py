"""What was typed for a sweep: counted, confirmed, listed."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from nnreg.errors import UserError, instead
from nnreg.records.metrics import DESCENT_DISTANCE, is_recorded_along, recorded_by, results_of, summary_name
from nnreg.registry import entries, hydra_source
from nnreg.registry.hydra_source import kinds_by_glob
from nnreg.registry.nested_words import as_choices
from nnreg.registry.overrides import keep_text
from nnreg.settings import OF_A_SWEEP, is_of_a_sweep

if TYPE_CHECKING:
    from nnreg.settings import SweepSettings


MANY = 10_000  # values of a range that are not made up to be counted
LEFT_OUT = ("sweep", "resume", "study")
"""Keys that no run is told of; a protocol stays, as one's own YAML of it may set more than that."""


@dataclass(frozen=True)
class Axis:
    """One setting of a sweep and the values that it takes; a single one where it is not swept.

    Args:
        override: what was typed, as Hydra reads it.
        most: values after which the rest is left out, or None for all.
    """

    override: Override
    most: int | None = None

    @property
    def key(self) -> str:
        """As it was typed, with ``+`` or ``~`` in front of it."""
        return str(self.override.get_key_element())

    @property
    def setting(self) -> str:
        """Without them: ``optimizer``, ``init@bias``, ``optimizer.lr``."""
        return self.key.lstrip("+~")

    @property
    def is_swept(self) -> bool:
        """Whether it has several values, or was typed as if it had."""
        return bool(self.override.is_sweep_override())

    @property
    def interval(self) -> IntervalSweep | None:
        """The range to draw from, where it is one."""
        value = self.override.value()
        return value if isinstance(value, IntervalSweep) else None

    @property
    def slot(self) -> str | None:
        """The place of a technique that it chooses, such as ``optimizer`` or ``bias``, or None for any other setting."""
        return entries.groups().get(self.setting)

    @property
    def around(self) -> str | None:
        """The place of the technique inside of which it chooses another, by ``optimizer@optimizer.inner``, or None."""
        place, _, slot = self.setting.partition("@")[2].partition(".")
        return place if slot and place in entries.slots() else None

    @property
    def count(self) -> int:
        """The number of values, without making those of a long range; by one too few or too many there where steps round.

        Raises:
            UserError: it is a range to draw from, or one with a step of 0.
        """
        value = self.override.value()
        length = _length(self.key, value) if isinstance(value, RangeSweep) else 0
        return length if length > MANY else len(self.words)

    @cached_property
    def words(self) -> list[str]:
        """``key=value`` for each value, as Hydra's own sweeper writes it.

        Raises:
            UserError: it is a range to draw from.
        """
        if not self.override.is_sweep_override():
            if "${" in (typed := str(self.override.input_line)):
                return [typed]  # Hydra would write the braces with backslashes
            return [f"{self.key}={self.override.get_value_element_as_str()}"]
        if self.interval is not None:
            raise UserError(
                f"{self.override.input_line} is a range to draw from: add protocol=random_search, or list the values, such as "
                f"{self.key}=0.01,0.1"
            )
        values = itertools.islice(self.override.sweep_string_iterator(), self.most)
        words = [f"{self.key}={value}" for value in values]
        return keep_text(words) if "(" in str(self.override.input_line) else words  # Hydra's functions lose quotes


def read_axes(arguments: Sequence[str], params: Mapping[str, Any] | None, config_loader: ConfigLoader) -> list[Axis]:
    """Return the settings of a sweep in the order typed, those of a YAML's ``hydra.sweeper.params`` first; the last word wins.

    Raises:
        UserError: a setting of the sweep itself has several values.
    """
    parser = OverridesParser.create(config_loader=config_loader)
    words = keep_text(as_choices([f"{key}={value}" for key, value in (params or {}).items()]))
    hydra_source.swept_by_glob = hydra_source.swept_by_glob | kinds_by_glob(words)
    axes = [Axis(override) for override in parser.parse_overrides([*words, *arguments])]
    for axis in axes:
        if axis.is_swept and axis.setting.partition(".")[0] in OF_A_SWEEP:
            raise UserError(f"{axis.override.input_line}: the sweep as a whole has one {axis.setting}, not several")
    kept = {axis.key: axis for axis in axes if axis.setting.partition(".")[0] not in LEFT_OUT}
    return list(kept.values())


def count_jobs(axes: Sequence[Axis]) -> int:
    """Return the number of combinations, without making them."""
    return math.prod(axis.count for axis in axes)


def _length(key: str, span: RangeSweep) -> int:
    start, stop, step = (Decimal(value) for value in (span.start or 0, span.stop or 0, span.step))
    if step == 0:
        raise UserError(f"{key}: the step of a range must not be 0")
    return max(0, math.ceil((stop - start) / step))


def check_comparison(settings: SweepSettings, axes: Sequence[Axis], task: str) -> None:
    """Refuse a comparison that could not be made, before hours are spent on its runs.

    Args:
        settings: of the sweep.
        axes: all of them.
        task: of runs whose task is not swept.

    Raises:
        UserError: no run records the metric, or that of the target; a target cannot be read; what a heatmap is of is not swept.
    """
    tasks = [word.partition("=")[2] for axis in axes if axis.setting == "task" for word in axis.words] or [task]
    for each in tasks:
        if settings.metric is not None and not {settings.metric, summary_name(settings.metric)} & set(results_of(each)):
            raise UserError(
                f"sweep.metric: no run of task={each} records '{settings.metric}'{instead(settings.metric, results_of(each))}"
            )
    if settings.target is not None:
        from nnreg.comparison.standings import read_target

        metric, _ = read_target(settings.target)
        for each in tasks:
            if not is_recorded_along(metric, each) and metric != DESCENT_DISTANCE:
                along = [row.name for row in recorded_by(each) if is_recorded_along(row.name, each) and "{" not in row.name]
                raise UserError(f"sweep.target: no run of task={each} records '{metric}'{instead(metric, along)}")
    chosen = [(axis.setting, axis.slot, axis.around) for axis in axes if axis.is_swept]
    swept = list(dict.fromkeys(name for names in chosen for name in names if name))
    for name in settings.axes or () if settings.resume is None else ():
        if name not in swept:
            raise UserError(f"sweep.axes: '{name}' is not swept{instead(name, swept) if swept else ': nothing is'}")


def confirm(jobs: int, limit: int) -> None:
    """Ask before a sweep of more runs than its limit.

    Raises:
        UserError: the answer is no, or there is no one to ask.
    """
    if jobs <= limit:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UserError(
            f"the sweep has {jobs:,} runs, more than sweep.max_jobs={limit}: add sweep.max_jobs={jobs} to run them all; "
            "sweep.dry_run=true lists them"
        )
    sys.stderr.write(f"Run {jobs:,} jobs? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("nothing was run")


def list_jobs(stages: Iterable[Stage], jobs: int, limit: int) -> None:
    """Print the runs that a sweep would have: number and words; of a very long list its beginning."""
    left = limit
    for stage in stages:
        prefix = f"{stage.name}/" if stage.name else ""
        for number, words in enumerate(itertools.islice(stage.jobs, left), stage.first):
            sys.stdout.write(f"{f'#{prefix}{number}':<5} {' '.join(word for word in words if not is_of_a_sweep(word))}\n")
            left -= 1
    more = f"; the first {limit:,} are listed, and sweep.max_jobs={limit} lets no more begin" if jobs > limit else ""
    sys.stdout.write(f"dry run: {jobs:,} runs, nothing was written{more}\n")


Words = tuple[str, ...]


class Stage(NamedTuple):
    """Runs of a sweep that are launched together.

    Attributes:
        name: of their folder below the sweep's, "" for those compared.
        jobs: words of each.
        first: number of the first of them.
    """

    name: str
    jobs: Iterable[Words]
    first: int = 0
