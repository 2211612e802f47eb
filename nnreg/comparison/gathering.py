"""Runs to be compared, read from their folders: arms that differ in what was swept, each with its seeds."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnreg.comparison import axes, comparability
from nnreg.comparison.tuning import Tuning as Tuning
from nnreg.comparison.tuning import tuning
from nnreg.errors import UserError
from nnreg.records.manifest import Manifest, read_manifest
from nnreg.records.results import ENDINGS, LeftOut, Result, Results, find_run_folders, read_run

STUDY = Path("study", "study.json")


@dataclass(frozen=True)
class Arm:
    """Runs that differ in nothing but the seed.

    Attributes:
        name: as a reader calls it, from the swept settings: ``adam, he``; ``adam, lr 0.01``.
        settings: swept setting to its value here: ``{"optimizer": "adam", "optimizer.lr": 0.01}``; no seed. Also settings that
            follow from the swept ones and were typed, such as a learning rate that was tuned for each optimizer.
        runs: all of them, ordered by seed: finished, diverged, failed, killed.
        colour: of its technique, hexadecimal.
    """

    name: str
    settings: Mapping[str, Any]
    runs: Results
    colour: str


@dataclass(frozen=True)
class Gathered:
    """What is to be compared.

    Attributes:
        folders: as given: of sweeps or of runs.
        arms: in order of appearance.
        axes: every swept setting but the seed to its values, in order of appearance, numbers ascending.
        seeds: of all runs, ascending.
        paired: whether every arm has the same seeds, so that differences are taken at equal seed.
        tuning: how the settings were found.
        left_out: folders without an arm.
    """

    folders: Sequence[Path]
    arms: Sequence[Arm]
    axes: Mapping[str, Sequence[Any]]
    seeds: Sequence[int]
    paired: bool
    tuning: Tuning
    left_out: Sequence[LeftOut]


def gather(folders: Sequence[Path]) -> Gathered:
    """Read the runs in some folders, each that of a sweep, of a study or of one run.

    Raises:
        UserError: there is no such folder, no run in it has ended, or the runs cannot be compared: other datasets (unless the
            dataset was swept), losses or tasks. The line says which run differs in what, and what to type instead.
    """
    manifests = {folder: read_manifest(folder) for folder in folders}
    left_out: list[LeftOut] = []
    found = {
        folder: _read(folder, _planned(paths, manifests[folder], left_out), left_out)
        for folder, paths in find_run_folders(folders).items()
    }
    runs = [run for each in found.values() for run in each]
    if not runs:
        raise UserError(_nothing(folders, left_out))
    comparability.check({folder: each for folder, each in found.items() if each})
    apart = axes.find(runs)
    arms = _arms(runs, apart, left_out)
    seeds = {arm.runs.seeds for arm in arms}
    swept = {key: axes.ascending([values[key] for values in apart.values if key in values]) for key in apart.swept}
    return Gathered(
        folders=tuple(folders),
        arms=arms,
        axes=swept,
        seeds=Results(runs).seeds,
        paired=len(seeds) == 1,
        tuning=_tuning(manifests, arms, swept, left_out),
        left_out=tuple(left_out),
    )


def _planned(paths: Sequence[Path], manifest: Manifest | None, left_out: list[LeftOut]) -> list[Path]:
    """Return the runs that their sweep compares: not those of a value that an earlier attempt had chosen."""
    if manifest is None or manifest.compared is None:
        return list(paths)
    left_out += [LeftOut(path, "another value was chosen since") for path in paths if path.name not in manifest.compared]
    return [path for path in paths if path.name in manifest.compared]


def _read(folder: Path, paths: Sequence[Path], left_out: list[LeftOut]) -> list[Result]:
    names = _study_arms(folder)
    read = [read_run(path) for path in paths]
    left_out += [each for each in read if isinstance(each, LeftOut)]
    return [_named(run, names.get(run.folder.name, "")) for run in read if isinstance(run, Result)]


def _named(run: Result, arm: str) -> Result:
    """Return a run under the name of an arm; its history is not read again."""
    named = dataclasses.replace(run, arm=arm)
    vars(named)["history"] = run.history
    return named


def _study_arms(folder: Path) -> dict[str, str]:
    """Return the arm of each member of a study, by the name of its folder; none of a sweep, or of a random search."""
    try:
        arms = json.loads((folder / STUDY).read_text(encoding="utf-8"))["arms"]
        return {str(number): str(arm) for number, arm in arms.items() if not re.fullmatch(r"trial \d+", str(arm))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no study, an older or a damaged one
        return {}


def _nothing(folders: Sequence[Path], left_out: Sequence[LeftOut]) -> str:
    why = f" ({left_out[0].folder.name}: {left_out[0].why})" if left_out else ""
    return f"no run in {', '.join(map(str, folders))} can be read{why}"


def _arms(runs: Sequence[Result], apart: axes.Axes, left_out: list[LeftOut]) -> list[Arm]:
    """Return the arms; of runs of one configuration and seed the one that came furthest."""
    groups: dict[tuple[Any, ...], dict[int, Result]] = {}
    settings: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run, values in zip(runs, apart.values, strict=True):
        key = tuple(values.items())
        settings.setdefault(key, {shown: values[shown] for shown in apart.shown if shown in values})
        twin = groups.setdefault(key, {}).get(run.seed)
        kept, other = (run, twin) if twin is None or _rank(run) < _rank(twin) else (twin, run)
        groups[key][run.seed] = kept
        if other is not None:
            left_out.append(LeftOut(other.folder, f"it has the configuration and seed of {kept.folder}"))
    names = _names(list(settings.values()), runs[0])
    sorted_runs = [Results(_named(run, name) for run in group.values()).sorted_by_seed()
                   for name, group in zip(names, groups.values(), strict=True)]  # fmt: skip
    colours = _colours(sorted_runs, apart.swept)
    return [Arm(*parts) for parts in zip(names, settings.values(), sorted_runs, colours, strict=True)]


def _rank(run: Result) -> int:
    return ENDINGS.index(run.summary["status"])


def _names(settings: Sequence[Mapping[str, Any]], first: Result) -> list[str]:
    """Return a name for each arm, no two alike."""
    names = [axes.name(each) or str(first.summary.get("label", "")).replace("-", ", ") for each in settings]
    exact = [axes.name(each, exact=True) or name for each, name in zip(settings, names, strict=True)]
    once = [name if names.count(name) == 1 else other for name, other in zip(names, exact, strict=True)]
    return [name if once.count(name) == 1 else f"{name} #{number}" for number, name in enumerate(once)]


def _colours(arms: Sequence[Results], swept: Sequence[str]) -> list[str]:
    """Return a colour for each arm: its technique's, in shades where several arms share one; a scale for numbers."""
    from nnreg.figures.groups import ARM, groups, known  # half a second for matplotlib

    runs = Results(run for arm in arms for run in arm)
    alone = len(swept) == 1 and all(swept[0] in known(run) for run in runs)
    by = {group.value: group.colour for group in groups(runs, swept[0] if alone else ARM)}
    return [by[axes.frozen(arm[0].value(swept[0])) if alone else arm[0].arm] for arm in arms]


def _tuning(
    manifests: Mapping[Path, Manifest | None], arms: Sequence[Arm], swept: Mapping[str, Sequence[Any]], left_out: list[LeftOut]
) -> Tuning:
    searched: list[Result] = []
    for folder, manifest in manifests.items():
        inside = folder / manifest.tuning.folder if manifest is not None and manifest.tuning is not None else None
        if inside is not None and inside.is_dir():
            searched += _read(inside, [path for paths in find_run_folders([inside]).values() for path in paths], left_out)
    known = [manifest for manifest in manifests.values() if manifest is not None]
    return tuning(known, [(arm.settings, arm.runs) for arm in arms], swept, Results(searched))
