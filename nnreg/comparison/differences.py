"""In what runs differ: what was swept, what is shown of it, what only followed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nnreg.comparison.naming import SEED, STUDY_ARM
from nnreg.records.card import BESIDE, TRACKING, is_number
from nnreg.records.earlier import ADDED
from nnreg.records.results import Result
from nnreg.registry import entries
from nnreg.registry.fingerprint import short_code
from nnreg.registry.nested import JOINT, flat_node
from nnreg.registry.varied import VARY, flat_courses
from nnreg.settings import OF_A_SWEEP, is_setting_of, task_of

GROUNDS = ("dataset", "surface")
OWNERS: Mapping[str, str] = {"start": "surface"}
"""Settings that a technique fills in, as it does its own parameters."""
IGNORED = frozenset(
    (
        *(*TRACKING, *BESIDE, "animate"),
        *("diagnostics", "diagnostics_every", "check_gradient", "watch_train"),
    )
)
"""Settings that leave the training as it is."""
LOCATIONS = ("data_dir",)  # parameters of a dataset that say where it lies, not what it is
ABSENT = "\0absent"  # of a technique that has no such parameter

Flat = dict[str, Any]


class Axes(NamedTuple):
    """What tells runs apart.

    Attributes:
        swept: settings that vary on their own, in order of appearance.
        shown: those, and settings that vary along with them and were chosen by somebody, such as a tuned learning rate.
        values: of every setting that differs at all, one mapping a run.
    """

    swept: tuple[str, ...]
    shown: tuple[str, ...]
    values: Sequence[Flat]


def find_axes(runs: Sequence[Result]) -> Axes:
    """Return in what some runs differ beside the seed.

    A setting is swept if it is no function of those that were found before it: first a study's arms and what the user's own
    YAML bundles, then techniques, then settings, then the parameters of techniques. So an optimizer's default learning rate is
    no axis, and neither is one that was tuned for each optimizer.

    Args:
        runs: in order.
    """
    typed = [_typed(run) for run in runs]
    flats = [_effective(run, words) for run, words in zip(runs, typed, strict=True)]
    keys = _in_order(flats, typed)
    differing = [key for key in keys if _differs(flats, key) and not _is_seed(runs, flats, key)]
    explicit = {key for key in differing if _differs(typed, key)}
    swept: list[str] = []
    for key in sorted(differing, key=_floor):
        if not _follows(flats, key, swept):
            swept.append(key)
    shown = [key for key in differing if key in swept or not _follows_owner(flats, key, explicit)]
    return Axes(tuple(key for key in differing if key in swept), tuple(shown), [
        {key: flat[key] for key in differing if key in flat} for flat in flats
    ])  # fmt: skip


Labels = Mapping[tuple[str, str, str], str]
"""Place, technique and fingerprint of its code to what it is called where the fingerprint is needed to tell it apart."""


def code_labels(runs: Sequence[Result]) -> Labels:
    """Return what techniques are called that some runs had with different code: ``adam [3f9a]``.

    Where the code of several differs between the same runs, as between two versions of nnreg, the first that tells them apart
    is called so, the optimizer before all others. What is not recorded is code of its own.
    """
    labels: dict[tuple[str, str, str], str] = {}
    for slot in sorted(entries.slots(), key=lambda slot: slot != "optimizer"):
        codes: dict[tuple[str, ...], set[str]] = {}
        of: dict[str, set[str]] = {}
        for run in runs:
            if (name := run.summary["choices"].get(slot)) is not None and _has_code(run, slot):
                told = [labels.get(_code(run, other), "") for other in run.summary["choices"]]
                codes.setdefault((name, *told), set()).add(_code(run, slot)[2])
                of.setdefault(name, set()).add(_code(run, slot)[2])
        if any(len(alike) > 1 for alike in codes.values()):
            several_codes = ((name, code, alike) for name, alike in of.items() if len(alike) > 1 for code in alike)
            labels |= {(slot, name, code): f"{name} [{_short(code, alike)}]" for name, code, alike in several_codes}
    return labels


def labelled(run: Result, labels: Labels) -> Result:
    """Return a run whose techniques are called by their labels: other code is another technique."""
    choices = {slot: labels.get(_code(run, slot), name) for slot, name in run.summary["choices"].items()}
    return dataclasses.replace(run, summary={**run.summary, "choices": choices}) if labels else run


def _code(run: Result, slot: str) -> tuple[str, str, str]:
    """Return a place, what stands there, and the fingerprints of its code, those of what is inside too; "" if not recorded."""
    codes = run.summary.get("code")
    known = codes if isinstance(codes, Mapping) else {}
    inside = [str(code) for place, code in known.items() if place == slot or place.startswith(f"{slot}.")]
    return slot, str(run.summary["choices"].get(slot)), JOINT.join(inside)


def _has_code(run: Result, slot: str) -> bool:
    """Tell whether a run's technique in a place is told by its code: no dataset, whose rows have a digest, no later kind."""
    codes = run.summary.get("code")
    return slot != "dataset" and not (codes and slot in ADDED and slot not in codes)


def _short(code: str, alike: Iterable[str]) -> str:
    """Return as many digits of a fingerprint as tell it apart."""
    short = _shortened(code)
    is_alone = sum(_shortened(other) == short for other in alike) == 1
    return (short if is_alone else code) or "code not recorded"


def _shortened(code: str) -> str:
    return JOINT.join(map(short_code, code.split(JOINT)))


def is_ground(key: str) -> bool:
    """Tell whether a setting is the dataset or the surface, or a parameter of one.

    Its values are no rivals: numbers on one mean something else on another.
    """
    return key.partition(".")[0] in GROUNDS


def several(axes: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the settings that have at least two values."""
    return [axis for axis, values in axes.items() if len(values) > 1]


def grounds(axes: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the settings of a dataset or a surface, and those themselves, that have at least two values."""
    return [axis for axis in several(axes) if is_ground(axis)]


def ascending(values: Sequence[Any]) -> list[Any]:
    """Return values each once: numbers ascending, others in order of appearance."""
    once = list(dict.fromkeys(values))
    return sorted(once) if all(map(is_number, once)) else once


def _typed(run: Result) -> dict[str, str]:
    """Return what was typed for a run, by key: ``+init@bias=zeros`` is of the key ``bias``."""
    pairs = (override.lstrip("+~").partition("=") for override in run.summary["overrides"])
    return {key.partition("@")[2] or key: value for key, _, value in pairs}


def _effective(run: Result, typed: Mapping[str, str]) -> Flat:
    """Return everything that a run was configured with and that means something to its training, by key."""
    task, choices = task_of(run.summary), run.summary["choices"]
    flat: Flat = {STUDY_ARM: run.arm} if run.arm else {}
    flat |= {key: value for key, value in typed.items() if _is_bundle(key) and key not in run.config}
    flat |= dict(choices)
    for key, value in run.config.items():
        if key == VARY:
            flat |= flat_courses(run.config)
        elif isinstance(value, Mapping):
            chosen = flat_node(key, entries.slots().get(key, ""), value) if key in choices else {}
            flat |= {name: frozen(given) for name, given in chosen.items() if name.rpartition(".")[2] not in LOCATIONS}
        elif key != SEED and key not in IGNORED and is_setting_of(task, key):
            flat[key] = frozen(value)
    return flat


def _is_bundle(key: str) -> bool:
    """Tell whether a typed key that is not in a run's configuration chose a YAML of the user's, such as ``experiment``."""
    return "." not in key and not key.startswith("hydra/") and key not in OF_A_SWEEP


def frozen(value: Any) -> Any:
    """Return a configured value as one that can be a key."""
    if isinstance(value, list):
        return tuple(map(frozen, value))
    return json.dumps(value, sort_keys=True, default=str) if isinstance(value, Mapping) else value


def _in_order(flats: Sequence[Flat], typed: Sequence[Mapping[str, str]]) -> list[str]:
    known = dict.fromkeys(key for flat in flats for key in flat)
    first = dict.fromkeys([STUDY_ARM, *(key for words in typed for key in words)])
    return [*(key for key in first if key in known), *(key for key in known if key not in first)]


def _differs(mappings: Sequence[Mapping[str, Any]], key: str) -> bool:
    return len({given.get(key, ABSENT) for given in mappings}) > 1


def _is_seed(runs: Sequence[Result], flats: Sequence[Flat], key: str) -> bool:
    """Tell whether a setting is the seed under another name, such as ``dataset.random_state=${seed}``."""
    return all(is_number(flat.get(key)) and flat[key] == run.seed for run, flat in zip(runs, flats, strict=True))


def _floor(key: str) -> int:
    """Return how early a setting is asked whether it explains the others."""
    if key in GROUNDS:  # before a YAML of the user's that brings it: what ran on other data is no rival
        return -1
    if key in entries.slots() or (key.startswith(f"{VARY}.") and key.count(".") == 2):
        return 1
    if key in (STUDY_ARM, "experiment"):
        return 0
    return 3 if "." in key else 2


def _follows(flats: Sequence[Flat], key: str, others: Sequence[str]) -> bool:
    """Tell whether a setting is a function of others."""
    seen: dict[tuple[Any, ...], Any] = {}
    return all(
        seen.setdefault(tuple(flat.get(other, ABSENT) for other in others), flat.get(key, ABSENT)) == flat.get(key, ABSENT)
        for flat in flats
    )


def _follows_owner(flats: Sequence[Flat], key: str, explicit: set[str]) -> bool:
    """Tell whether a setting says nothing new beside the technique, the arm or the user's YAML that brings it."""
    if key != STUDY_ARM and _differs(flats, STUDY_ARM) and _follows(flats, key, [STUDY_ARM]):
        return True
    if key in explicit:
        return False
    if _differs(flats, "experiment") and _follows(flats, key, ["experiment"]):
        return True
    owner = OWNERS.get(key, key.partition(".")[0]) if not key.startswith(f"{VARY}.") else key.rpartition(".")[0]
    return owner != key and _follows(flats, key, [owner])
