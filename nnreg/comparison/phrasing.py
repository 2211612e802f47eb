"""Pieces of sentences about runs: lists, seeds, runs that were lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnreg.records.results import Result

if TYPE_CHECKING:
    from nnreg.comparison.pairs import Difference

LONGEST_NAME = 40  # characters, where room is short
LOST = {"diverged": "diverged", "failed": "failed", "was killed": "killed"}


def enumerated(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def clipped(name: str) -> str:
    """Return a name that is not longer than a sentence can bear."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def lead(count: int) -> str:
    """Return ``one seed`` or ``5 seeds``."""
    return "one seed" if count == 1 else f"{count} seeds"


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


def runs_lost(runs: Sequence[Result], *, of: bool = False) -> str:
    """Return ``diverged in 2 of 5 runs``, or ``2 of 5 runs diverged``; "" where every run finished."""
    counts = {word: sum(run.summary["status"] == ending for run in runs) for word, ending in LOST.items()}
    if of:
        return enumerated([f"{count} of {len(runs)} runs {word}" for word, count in counts.items() if count])
    return lost_in(counts, len(runs))


def lost_in(counts: Mapping[str, int], total: int) -> str:
    """Return ``diverged in 2 of 5 runs and failed in 1 of 5 runs``."""
    return enumerated([f"{word} in {_share(count, total)}" for word, count in counts.items() if count])


def _share(count: int, total: int) -> str:
    if total == 1:
        return "its one run"
    return "every run" if count == total else f"{count} of {total} runs"
