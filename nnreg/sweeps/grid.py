"""Every combination of what is swept, in the order of Hydra's own sweeper."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from nnreg.records.manifest import GRID
from nnreg.sweeps.axes import Axis, count
from nnreg.sweeps.sweeper import ProtocolSweeper, Stage, Words


class Grid(ProtocolSweeper):
    """Runs every combination once."""

    protocol = GRID

    def count(self, axes: Sequence[Axis]) -> int:
        """Return the number of combinations."""
        return count(axes)

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield the one stage that there is, or its beginning: no more is read of it than ``sweep.max_jobs``."""
        yield Stage("", combinations([dataclasses.replace(axis, most=self.settings.max_jobs) for axis in axes]))

    def execute(self, axes: Sequence[Axis]) -> None:
        """Run them."""
        self.launch(list(combinations(axes)))


def combinations(axes: Sequence[Axis]) -> Iterator[Words]:
    """Yield the words of each combination, the last axis fastest."""
    return itertools.product(*(axis.words for axis in axes))
