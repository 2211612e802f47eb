"""Run folders become arms: what cannot be compared is refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnreg.comparison.differences import LOCATIONS, Axes, Labels, ascending, code_labels, find_axes, frozen, labelled
from nnreg.comparison.judging import companion_metric, judged_metric
from nnreg.comparison.naming import settings_name
from nnreg.comparison.rates import Tuning, read_tuning
from nnreg.errors import UserError
from nnreg.records.card import ENDINGS
from nnreg.records.files import read_json
from nnreg.records.folder import SUMMARY
from nnreg.records.manifest import Manifest, Raced, read_manifest
from nnreg.records.results import LeftOut, Result, Results, find_run_folders, read_run
from nnreg.settings import ACTIVATIONS, DESCEND, task_of

Found = Mapping[Path, Sequence[Result]]


def check_comparable(found: Found) -> None:
    """Refuse runs whose numbers mean different things.

    Args:
        found: the runs in each given folder.

    Raises:
        UserError: they differ in task or loss, or one given folder has data, or surfaces, that another lacks.
    """
    runs = [run for folder in found.values() for run in folder]
    _one(runs, "task", [task_of(run.summary) for run in runs])
    if task_of(runs[0].summary) == ACTIVATIONS:
        raise UserError("looks at untrained layers are not compared: none is better or worse; see outputs.png of the sweep")
    _one(runs, "loss", [run.summary["choices"].get("loss", "") for run in runs])
    _same_ground(found, "surface" if task_of(runs[0].summary) == DESCEND else "dataset")


def _one(runs: Sequence[Result], key: str, values: Sequence[str]) -> None:
    """Refuse values that differ."""
    other = next((number for number, value in enumerate(values) if value != values[0]), None)
    if other is not None:
        raise UserError(
            f"these runs cannot be compared: {runs[0].folder} has {key}={values[0]}, {runs[other].folder} has "
            f"{key}={values[other]}; compare those of one {key} at a time"
        )


def _same_ground(found: Found, kind: str) -> None:
    """Refuse data that changed under one name, and given folders of which one has data, or surfaces, that another lacks."""
    first_of: dict[tuple[Any, ...], Result] = {}
    for run in (run for runs in found.values() for run in runs if _digest(run)):
        same = first_of.setdefault(_ground(run, kind), run)
        if _digest(same) != _digest(run):
            _refuse(kind, (same.folder, same), (run.folder, run))
    digests = {ground: _digest(run) for ground, run in first_of.items()}
    own = _seeded([run for runs in found.values() for run in runs], kind)  # a split for every seed: each folder has its seeds
    grounds = {
        folder: {_ground(run, kind, own) if own else digests.get(_ground(run, kind), _ground(run, kind)): run for run in runs}
        for folder, runs in found.items()
    }
    (first, known), *others = grounds.items()
    for folder, grounded in others:
        for one, here, other, there in ((first, known, folder, grounded), (folder, grounded, first, known)):
            odd = next((there[ground] for ground in there if ground not in here), None)
            if odd is not None:
                _refuse(kind, (one, next(iter(here.values()))), (other, odd))


def _refuse(kind: str, one: tuple[Path, Result], other: tuple[Path, Result]) -> None:
    (first, run), (folder, odd) = one, other
    names = [str(each.summary["choices"].get(kind, "")) for each in (run, odd)]
    if names[0] == names[1]:
        said = f"{first} and {folder} have {kind}={names[0]} with different {'rows' if kind == 'dataset' else 'settings'}"
        raise UserError(f"these runs cannot be compared: {said}; run them again on the same, or compare them one by one")
    raise UserError(
        f"these runs cannot be compared: {first} has {kind}={names[0]}, {folder} has {kind}={names[1]}; compare those of one "
        f"{kind} at a time, or sweep over it: -m {kind}={','.join(sorted(names))}"
    )


def _seeded(runs: Sequence[Result], kind: str) -> tuple[str, ...]:
    """Return the parameters of data or surfaces that are each run's own seed, such as ``random_state``; none of one seed."""
    nodes = [(run.config.get(kind) or {}, run.seed) for run in runs]
    known = nodes[0][0] if len({seed for _, seed in nodes}) > 1 else {}
    return tuple(key for key in known if all(node.get(key) == seed for node, seed in nodes))


def _ground(run: Result, kind: str, without: Sequence[str] = ()) -> tuple[Any, ...]:
    """Return what a run was let loose on: the technique and its parameters; where a dataset's files lie does not matter."""
    node = run.config.get(kind) or {}  # a choice is a mapping; what was not chosen may be anything
    start = run.config.get("start") if kind == "surface" else None
    return (
        run.summary["choices"].get(kind),
        frozen({key: node[key] for key in node if key not in (*LOCATIONS, *without)}),
        frozen(start),
    )


def _digest(run: Result) -> str:
    return str((run.summary["dataset"] or {}).get("digest", ""))


ANSWER = Path("study", "study.json")


@dataclass(frozen=True)
class Arm:
    """Runs that differ in nothing but the seed.

    Attributes:
        name: as a reader calls it, from the swept settings: ``adam, he``; ``adam, lr 0.01``.
        settings: swept setting to its value here: ``{"optimizer": "adam", "optimizer.lr": 0.01}``; no seed. Also settings that
            follow from the swept ones and were typed, such as a learning rate that was tuned for each optimizer.
        runs: all of them, ordered by seed: finished, diverged, failed, killed.
        colour: of its technique, hexadecimal.
        marker: of its technique, as matplotlib names it; "" where it is the only arm.
    """

    name: str
    settings: Mapping[str, Any]
    runs: Results
    colour: str
    marker: str = ""


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
        metric: that arms are judged by.
        companion: of the other line of the answer, or None: see ``companion_metric``.
        race: how arms were dropped while they ran, or None: a single sweep with ``protocol=race``.
    """

    folders: Sequence[Path]
    arms: Sequence[Arm]
    axes: Mapping[str, Sequence[Any]]
    seeds: Sequence[int]
    paired: bool
    tuning: Tuning
    left_out: Sequence[LeftOut]
    metric: str
    companion: str | None = None
    race: Raced | None = None


def gather(folders: Sequence[Path], metric: str | None = None) -> Gathered:
    """Read the runs in some folders, each that of a sweep, of a study or of one run.

    Args:
        folders: where they are.
        metric: that they are to be judged by; None for the usual one, see ``judged_metric``.

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
    check_comparable({folder: each for folder, each in found.items() if each})
    labels = code_labels(runs)
    runs = [labelled(run, labels) for run in runs]
    apart = find_axes(runs)
    arms = _arms(runs, apart, left_out)
    seeds = {arm.runs.seeds for arm in arms}
    swept = {key: ascending([values[key] for values in apart.values if key in values]) for key in apart.swept}
    changed = {key.partition(".")[0] for arm in arms for key in arm.settings}
    tuned = [each.tuning for each in manifests.values() if each is not None and each.tuning is not None]
    known = [each for each in manifests.values() if each is not None]
    raced = [each.race for each in known if each.race is not None]
    judged = judged_metric(runs, changed, [each.by for each in tuned] + [each.metric for each in raced], metric)
    return Gathered(
        folders=tuple(folders),
        arms=arms,
        axes=swept,
        seeds=Results(runs).seeds,
        paired=len(seeds) == 1,
        tuning=_tuning(manifests, arms, swept, left_out, labels, judged),
        left_out=tuple(left_out),
        metric=judged,
        companion=companion_metric(judged, runs, changed),
        race=raced[0] if len(manifests) == len(raced) == 1 else None,
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
    return [dataclasses.replace(run, arm=names.get(run.folder.name, "")) for run in read if isinstance(run, Result)]


def _study_arms(folder: Path) -> dict[str, str]:
    """Return the arm of each member of a study, by the name of its folder; none of a sweep, or of a random search."""
    try:
        arms = read_json(folder / ANSWER)["arms"]
        return {str(number): str(arm) for number, arm in arms.items() if not re.fullmatch(r"trial \d+", str(arm))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no study, an older or a damaged one
        return {}


def _nothing(folders: Sequence[Path], left_out: Sequence[LeftOut]) -> str:
    why = f" ({left_out[0].folder.name}: {left_out[0].why})" if left_out else ""
    return f"no run in {', '.join(map(str, folders))} can be read{why}"


def _arms(runs: Sequence[Result], apart: Axes, left_out: list[LeftOut]) -> list[Arm]:
    """Return the arms; of runs of one configuration and seed the one that came furthest, else the first."""
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
    sorted_runs = [Results(dataclasses.replace(run, arm=name) for run in group.values()).sorted_by_seed()
                   for name, group in zip(names, groups.values(), strict=True)]  # fmt: skip
    looks = _looks(sorted_runs, apart.swept)
    parts = zip(names, settings.values(), sorted_runs, looks, strict=True)
    return [Arm(name, values, group, *look) for name, values, group, look in parts]


def _rank(run: Result) -> tuple[int, float, str]:
    """Return how far a run came, then when it ended: whichever folder was named first, the same one of two is kept."""
    return ENDINGS.index(run.summary["status"]), (run.folder / SUMMARY).stat().st_mtime, str(run.folder)


def _names(settings: Sequence[Mapping[str, Any]], first: Result) -> list[str]:
    """Return a name for each arm, no two alike."""
    names = [settings_name(each) or str(first.summary.get("label", "")).replace("-", ", ") for each in settings]
    exact = [settings_name(each, exact=True) or name for each, name in zip(settings, names, strict=True)]
    once = [name if names.count(name) == 1 else other for name, other in zip(names, exact, strict=True)]
    return [name if once.count(name) == 1 else f"{name} #{number}" for number, name in enumerate(once)]


def _looks(arms: Sequence[Results], swept: Sequence[str]) -> list[tuple[str, str]]:
    """Return colour and marker of each arm: its technique's, in shades where several arms share one; a scale for numbers."""
    from nnreg.figures.groups import ARM, groups, known  # half a second for matplotlib

    runs = Results(run for arm in arms for run in arm)
    alone = len(swept) == 1 and all(swept[0] in known(run) for run in runs)
    by = {group.value: (group.colour, group.marker) for group in groups(runs, swept[0] if alone else ARM)}
    return [by[frozen(arm[0].value(swept[0])) if alone else arm[0].arm] for arm in arms]


def _tuning(
    manifests: Mapping[Path, Manifest | None],
    arms: Sequence[Arm],
    swept: Mapping[str, Sequence[Any]],
    left_out: list[LeftOut],
    labels: Labels,
    metric: str,
) -> Tuning:
    searched: list[Result] = []
    for folder, manifest in manifests.items():
        inside = folder / manifest.tuning.folder if manifest is not None and manifest.tuning is not None else None
        if inside is not None and inside.is_dir():
            searched += _read(inside, [path for paths in find_run_folders([inside]).values() for path in paths], left_out)
    known = {folder: manifest for folder, manifest in manifests.items() if manifest is not None}
    searched_runs = Results(labelled(run, labels) for run in searched)
    return read_tuning(known, [(arm.settings, arm.runs) for arm in arms], swept, searched_runs, metric)
