"""What a sweep's folder says of the whole sweep: ``sweep.json``, written when it begins and again when it ends."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnreg.records.card import TUNING
from nnreg.records.files import read_json, write_whole
from nnreg.records.metrics import VALID_FINAL

FILE = "sweep.json"
GRID, TUNE_THEN_SEEDS, RANDOM_SEARCH, STUDY, RACE = "grid", "tune_then_seeds", "random_search", "study", "race"


@dataclass(frozen=True)
class Tuned:
    """How one parameter was chosen for each technique, before the compared runs.

    Attributes:
        technique: setting whose values were given a budget each, such as ``optimizer``.
        parameter: what was chosen, such as ``optimizer.lr``.
        budget: values tried per technique, such as {"sgd": 9}.
        ranges: lowest and highest value tried per technique.
        chosen: best value per technique; where other axes were swept each combination is tuned, and its key names them all:
            ``sgd, init=he``.
        by: metric that decided, lowest mean over the tuning seeds.
        fresh_seeds: whether the compared runs have other seeds than those that the choice was made on.
        folder: of the tuning runs, below that of the sweep.
    """

    technique: str
    parameter: str
    budget: Mapping[str, int]
    ranges: Mapping[str, tuple[float, float]]
    chosen: Mapping[str, float]
    by: str = VALID_FINAL
    fresh_seeds: bool = True
    folder: str = TUNING


@dataclass(frozen=True)
class Raced:
    """A race so far: what it takes to judge its runs again, and what it came to.

    Attributes:
        metric: by which it is judged.
        seeds: in the order in which arms get them.
        looks: seeds by then, and share of the 5 % that it may spend, of each look.
        live: arms that may be the best, best first, as their words say.
        left: other arms to the seeds after which they left, and who drove them out.
        saved: runs that arms will not need: of all seeds those after which they left, or were alone.
    """

    metric: str
    seeds: tuple[int, ...]
    looks: tuple[tuple[int, float], ...]
    live: tuple[str, ...]
    left: Mapping[str, tuple[int, str]]
    saved: int


@dataclass(frozen=True)
class Manifest:
    """A sweep as a whole.

    Attributes:
        command: one line that asks for the same again.
        overrides: what was typed.
        protocol: ``grid``, ``tune_then_seeds``, ``random_search``, ``study``, ``race``, or the name of another sweeper.
        jobs: number of runs planned, of tuning too, or None where the sweeper does not know.
        seconds: wall time of the whole sweep, of every attempt together, or None until it ends.
        spent: seconds of the attempts that were interrupted so far, or None.
        compared: folders of the runs that are compared, by name; None for all. A tuning that was gone on with may choose
            another value, and what ran with the one before stays.
        tuning: how a parameter was chosen, or None where none was.
        race: how arms were raced, or None where they were not.
        concluded: whether the comparison of the runs was written and sent too; None where it is not known.
        kernels: what computes all of its runs that were left to choose, "" where it is not known.
        settings: what the ``sweep`` node said, such as ``{"target": 0.3}``; None where it is not known.
    """

    command: str = ""
    overrides: tuple[str, ...] = ()
    protocol: str = GRID
    jobs: int | None = None
    seconds: float | None = None
    tuning: Tuned | None = None
    race: Raced | None = None
    settings: Mapping[str, Any] | None = None
    spent: float | None = None
    compared: tuple[str, ...] | None = None
    concluded: bool | None = None
    kernels: str = ""

    def save(self, folder: Path) -> None:
        """Write it to the folder of the sweep, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FILE, json.dumps(dataclasses.asdict(self), indent=2) + "\n")


LOOKS = "looks.json"


def count_look(folder: Path, seeds: Sequence[int]) -> int:
    """Return the number of this look at the runs of a sweep, from 1: one at other seeds than any before is a new look.

    Seeds that are added because of what the first ones showed make winners by luck alone, unless each look is paid for. A
    folder that cannot be written to counts what was counted before.
    """
    wanted = sorted(set(seeds))
    try:
        before = read_json(folder / LOOKS)["seeds"]
        known = [sorted(map(int, look)) for look in before]
    except (OSError, ValueError, TypeError, KeyError):
        known = []
    if wanted not in known:
        known.append(wanted)
        with contextlib.suppress(OSError):
            write_whole(folder / LOOKS, json.dumps({"seeds": known}) + "\n")
    return known.index(wanted) + 1


def read_manifest(folder: Path) -> Manifest | None:
    """Return what ``sweep.json`` says, or None for a sweep that is older than the file, or whose file is damaged."""
    try:
        return _manifest(read_json(folder / FILE))
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _manifest(content: Mapping[str, Any]) -> Manifest:
    """Return the manifest of a file's content; keys of a later version are left out."""
    if not isinstance(content, dict):
        raise TypeError("it is of another kind")
    names = [field.name for field in dataclasses.fields(Manifest)]
    known = {name: content[name] for name in names if name in content}
    _check(known)
    tuning = _tuned(known["tuning"]) if known.get("tuning") is not None else None
    compared = tuple(map(str, known["compared"])) if known.get("compared") is not None else None
    race = _raced(known["race"]) if known.get("race") is not None else None
    made = {"overrides": tuple(known.get("overrides", ())), "tuning": tuning, "race": race, "compared": compared}
    return Manifest(**known | made)


def _check(known: Mapping[str, Any]) -> None:
    wanted = {"command": str, "overrides": list, "protocol": str, "jobs": int | None, "seconds": int | float | None}
    wanted |= {"settings": dict | None, "spent": int | float | None, "compared": list | None, "kernels": str}
    for name, kind in wanted.items():
        if name in known and not isinstance(known[name], kind):
            raise TypeError(f"{name} is of another type")


def _tuned(content: Mapping[str, Any]) -> Tuned:
    ranges = {str(name): (float(low), float(high)) for name, (low, high) in content["ranges"].items()}
    return Tuned(
        technique=str(content["technique"]),
        parameter=str(content["parameter"]),
        budget={str(name): int(count) for name, count in content["budget"].items()},
        ranges=ranges,
        chosen={str(name): float(value) for name, value in content["chosen"].items()},
        by=str(content.get("by", VALID_FINAL)),
        fresh_seeds=bool(content.get("fresh_seeds", True)),
        folder=TUNING,
    )


def _raced(content: Mapping[str, Any]) -> Raced:
    return Raced(
        metric=str(content["metric"]),
        seeds=tuple(map(int, content["seeds"])),
        looks=tuple((int(seeds), float(share)) for seeds, share in content["looks"]),
        live=tuple(map(str, content["live"])),
        left={str(name): (int(seeds), str(by)) for name, (seeds, by) in content["left"].items()},
        saved=int(content["saved"]),
    )
