"""What was typed for a sweep, word by word: settings with one value, settings with several, ranges to draw from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from nnreg.errors import UserError
from nnreg.registry import entries, hydra_source
from nnreg.registry.hydra_source import kinds_by_glob
from nnreg.settings import OF_A_SWEEP

MANY = 10_000  # values of a range that are not made up to be counted
LEFT_OUT = ("sweep", "resume")
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
            return [f"{self.key}={self.override.get_value_element_as_str()}"]
        if self.interval is not None:
            raise UserError(
                f"{self.override.input_line} is a range to draw from: add protocol=random_search, or list the values, such as "
                f"{self.key}=0.01,0.1"
            )
        values = itertools.islice(self.override.sweep_string_iterator(), self.most)
        return [f"{self.key}={value}" for value in values]


def read(arguments: Sequence[str], params: Mapping[str, Any] | None, config_loader: ConfigLoader) -> list[Axis]:
    """Return the settings of a sweep in the order typed, those of a YAML's ``hydra.sweeper.params`` first; the last word wins.

    Raises:
        UserError: a setting of the sweep itself has several values.
    """
    parser = OverridesParser.create(config_loader=config_loader)
    words = [f"{key}={value}" for key, value in (params or {}).items()]
    hydra_source.swept_by_glob = hydra_source.swept_by_glob | kinds_by_glob(words)
    axes = [Axis(override) for override in parser.parse_overrides([*words, *arguments])]
    for axis in axes:
        if axis.is_swept and axis.setting.partition(".")[0] in OF_A_SWEEP:
            raise UserError(f"{axis.override.input_line}: the sweep as a whole has one {axis.setting}, not several")
    kept = {axis.key: axis for axis in axes if axis.setting.partition(".")[0] not in LEFT_OUT}
    return list(kept.values())


def count(axes: Sequence[Axis]) -> int:
    """Return the number of combinations, without making them."""
    return math.prod(axis.count for axis in axes)


def _length(key: str, span: RangeSweep) -> int:
    start, stop, step = (Decimal(value) for value in (span.start or 0, span.stop or 0, span.step))
    if step == 0:
        raise UserError(f"{key}: the step of a range must not be 0")
    return max(0, math.ceil((stop - start) / step))
