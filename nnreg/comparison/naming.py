"""What settings, values, counts and durations are called."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nnreg.numerals import chosen, fixed, measured
from nnreg.records.card import is_number
from nnreg.records.results import Result
from nnreg.registry import entries

LEAST_RATIO = 1e-6
EVERY_TIME = "every time"
LONGEST_NAME = 40  # characters, where room is short
LOST = {
    "diverged": "diverged",
    "failed to train": "failed_to_train",
    "was pruned": "pruned",
    "failed": "failed",
    "was killed": "killed",
}


def enumerated(words: Sequence[str], joined: str = "and") -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return f"{', '.join(words[:-1])} {joined} {words[-1]}" if len(words) > 1 else "".join(words)


def factor(ratio: float, digits: int = 2) -> str:
    """Return a ratio with the digits that tell it from 1: ``0.31``, ``0.985``, ``12``; ``<1e-6`` of what is beyond all use."""
    if math.isnan(ratio):
        return "–"
    if ratio < LEAST_RATIO or ratio > 1 / LEAST_RATIO:
        return f"<{chosen(LEAST_RATIO)}" if ratio < 1 else f">{chosen(1 / LEAST_RATIO)}"
    if abs(ratio - 1) < 0.1:
        return measured(ratio, digits + (1 if ratio < 1 else 2))
    return measured(ratio, digits)


def factors(ratio: float, low: float, high: float) -> tuple[str, str]:
    """Return a ratio and its interval with digits that tell its ends from it: ``0.31``, ``0.25 to 0.39``; "" for none."""
    if not math.isfinite(low):
        return factor(ratio), ""
    for digits in (2, 3, 4):
        number, *ends = (factor(each, digits) for each in (ratio, low, high))
        if number not in ends:
            return number, " to ".join(ends)
    return factor(ratio), EVERY_TIME if factor(low) == factor(high) else f"{factor(low)} to {factor(high)}"


def clipped(name: str) -> str:
    """Return a name that is not longer than a sentence can bear."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def lead(count: int) -> str:
    """Return ``one seed`` or ``5 seeds``."""
    return "one seed" if count == 1 else f"{count} seeds"


def runs_lost(runs: Sequence[Result], *, of: bool = False) -> str:
    """Return ``diverged in 2 of 5 runs``, or ``2 of 5 runs diverged``; "" where every run finished."""
    counts = {word: sum(run.summary["status"] == ending for run in runs) for word, ending in LOST.items()}
    if of:
        return enumerated([f"{count} of {len(runs)} runs {word}" for word, count in counts.items() if count])
    return lost_in(counts, len(runs))


def status_words(endings: Mapping[str, int]) -> dict[str, int]:
    """Return how many runs were lost in which way, in words: ``{"diverged": 2, "was killed": 1}``."""
    return {word: endings.get(status, 0) for word, status in LOST.items()}


def lost_in(counts: Mapping[str, int], total: int) -> str:
    """Return ``diverged in 2 of 5 runs and failed in 1 of 5 runs``."""
    return enumerated([f"{word} in {_share(count, total)}" for word, count in counts.items() if count])


def _share(count: int, total: int) -> str:
    if total == 1:
        return "its one run"
    return "every run" if count == total else f"{count} of {total} runs"


STUDY_ARM, SEED = "study.arm", "seed"


def settings_name(settings: Mapping[str, Any], *, exact: bool = False) -> str:
    """Return what settings are called: ``adam, he``; ``adam, lr 0.01``; ``batch norm, hidden 8-8``."""
    last = [key.rpartition(".")[2] for key in settings]
    parts = [
        setting_words(key, value, full=last.count(key.rpartition(".")[2]) > 1, exact=exact)
        for key, value in settings.items()
        if value != ""
    ]
    return ", ".join(parts)


def setting_words(key: str, value: Any, *, full: bool = False, exact: bool = False) -> str:
    """Return one setting in words; ``full`` names the technique whose parameter it is, ``exact`` keeps every digit."""
    if key in entries.slots():
        return f"no {key}" if value == "none" else str(value).replace("_", " ")
    if key == STUDY_ARM:
        return str(value)
    label = (key if full else key.rpartition(".")[2]).replace(".", " ").replace("_", " ")
    if isinstance(value, bool) or value is None:
        return f"{label} {json.dumps(value)}"
    if isinstance(value, float):
        return f"{label} {value!r}" if exact else f"{label} {chosen(value)}"
    return f"{label} {'-'.join(map(str, value))}" if isinstance(value, tuple) else f"{label} {value}"


def axis_word(axis: str) -> str:
    """Return a setting's name in words: ``learning rate``, ``init std``."""
    head, _, last = axis.rpartition(".")
    if last == "lr":
        return "learning rate"
    return f"{head} {last}".strip().replace("_", " ")


def value_word(value: Any) -> str:
    """Return a setting's value in words."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return chosen(value) if is_number(value) else str(value).replace("_", " ")


def duration(seconds: float) -> str:
    """Return a time as a person reads it: ``8.3 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{fixed(seconds, 1)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
