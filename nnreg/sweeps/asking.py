"""What a person is asked or shown before a sweep begins."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nnreg.errors import UserError, instead
from nnreg.settings import is_of_a_sweep

if TYPE_CHECKING:
    from nnreg.settings import SweepSettings
    from nnreg.sweeps.axes import Axis
    from nnreg.sweeps.sweeper import Stage


def check(settings: SweepSettings, axes: Sequence[Axis]) -> None:
    """Refuse a comparison that could not be made, before hours are spent on its runs.

    Raises:
        UserError: the target cannot be read, or a setting of the heatmap is not swept.
    """
    if settings.target is not None:
        from nnreg.comparison.standings import read_target

        read_target(settings.target)
    swept = list(dict.fromkeys(name for axis in axes if axis.is_swept for name in (axis.setting, axis.slot) if name))
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
        for number, words in enumerate(itertools.islice(stage.jobs, left)):
            sys.stdout.write(f"{f'#{prefix}{number}':<5} {' '.join(word for word in words if not is_of_a_sweep(word))}\n")
            left -= 1
    more = f"; the first {limit:,} are listed, and sweep.max_jobs={limit} lets no more begin" if jobs > limit else ""
    sys.stdout.write(f"dry run: {jobs:,} runs, nothing was written{more}\n")
