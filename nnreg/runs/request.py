"""What is asked for, and the card made of it."""

from __future__ import annotations

import dataclasses
import platform
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf, SCMode

from nnreg import process
from nnreg.engine import numerics
from nnreg.engine.history import History, Record
from nnreg.numerals import as_typed
from nnreg.records.card import TRACKING, TUNING, RunCard
from nnreg.records.checkpoint import Checkpoint
from nnreg.records.earlier import ADDED
from nnreg.records.manifest import read_manifest
from nnreg.registry import entries, fingerprint, palette
from nnreg.registry.nested import JOINT, chosen_names, entry_at, techniques_inside, whole_node
from nnreg.registry.varied import course_place, varied_places
from nnreg.runs.assembly import Assembled
from nnreg.settings import ACTIVATIONS, LABELLED, OF_A_SWEEP, Settings, is_of_a_sweep, run_label, task_of, used_choices
from nnreg.tracking.location import without_password

FLOAT = re.compile(r"-?\d*\.\d{3,}(e[+-]?\d+)?|-?\d+\.\d*e[+-]?\d+")
"""Number with more digits than a name needs."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        config: the composed configuration, without Hydra's own part.
        choices: kind to chosen option.
        folder: run folder, absolute.
        overrides: what was typed.
        command: one line that asks for the same again.
        sweep_id: common to the runs of a sweep, or None.
        job: number within the sweep, or None.
        resumption: where the run goes on, or None for one that begins.
        is_enough: is asked after every record of a training whether to end it there, or None for a run that comes to its end.
        swept: see ``RunCard``.
    """

    config: DictConfig
    choices: Mapping[str, str]
    folder: Path
    overrides: tuple[str, ...]
    command: str
    sweep_id: str | None = None
    job: int | None = None
    resumption: Resumption | None = None
    is_enough: Callable[[Record], bool] | None = None
    swept: tuple[str, ...] = ()


def describe(request: Request, assembled: Assembled | None = None) -> RunCard:
    """Return the card of a run, also of one that could not be assembled."""
    config = plain(request.config, request.choices)
    if assembled is not None:
        config["kernels"] = assembled.settings.kernels  # what auto chose
    task, choices = task_of(config), request.choices
    named = techniques_in(config, choices)
    everywhere = techniques_in(config, entries.kinds())
    used = [entry for place in everywhere if (entry := entry_at(place, everywhere)) is not None]
    code, versions, git = _origin(named)
    return RunCard(
        label=" ".join((run_label(task, choices), *request.swept)),
        swept=request.swept,
        folder=request.folder,
        choices=dict(choices),
        config=config,
        overrides=tuple(map(without_password, request.overrides)),
        command=without_password(request.command),
        colour=palette.of_run(choices, request.swept, "activation" if task == ACTIVATIONS else "optimizer"),
        plugins={entry.distribution: entry.version for entry in used},
        dataset=assembled.dataset if assembled else None,
        parameters=assembled.network.parameters.theta.size if assembled else None,
        seed=int(config.get("seed", 0)),
        steps=int(config.get("steps", 0)),
        sweep_id=request.sweep_id,
        job=request.job,
        resumed_at=request.resumption.step if request.resumption else None,
        past=request.resumption.past if request.resumption else History(),
        code=code,
        versions=versions,
        git=git,
        sources=fingerprint.sources_of(named),
    )


def techniques_in(config: Mapping[str, Any], places: Iterable[str]) -> dict[str, str]:
    """Return the names of the techniques in some places of a configuration, and of those inside of them, by their places.

    The schedule of a number belongs to the technique whose number it is: ``optimizer.vary.momentum``.
    """
    found, own = dict[str, str](), tuple(places)
    for slot in own:
        found |= techniques_inside(slot, config.get(slot))
    courses = {place: str(node["name"]) for place, node in varied_places(config)}
    return found | {course_place(place): name for place, name in courses.items() if place.partition(".")[0] in own}


def _origin(named: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
    """Return which code some techniques are, what it runs on, and the commits; git is asked while the source is read."""
    folders = fingerprint.checkouts_of(named)
    for folder in folders.values():
        process.ask_git(folder)
    code = fingerprint.code_of(named)
    versions = {
        "nnreg": entries.distribution_version("nnreg"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": numerics.blas(),
        "kernels": numerics.kernels()[0],
        "processor": process.processor(),
        **fingerprint.libraries_of(named),
    }
    commits = {name: process.commit_of(folder) for name, folder in folders.items()}
    return code, versions, {name: commit for name, commit in commits.items() if commit}


def plain(config: DictConfig, choices: Mapping[str, str]) -> dict[str, Any]:
    """Return a resolved configuration in plain containers: enums as their names, every technique named, defaults filled in."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True, structured_config_mode=SCMode.DICT)
    assert isinstance(container, dict)
    added = {kind: {"name": name} for kind, name in ADDED.items()}  # a user's own configuration may be older than they are
    values = dataclasses.asdict(Settings()) | added | {str(key): value for key, value in container.items()}
    for slot, kind in entries.slots().items():
        node = values.get(slot)
        if isinstance(node, dict):
            values[slot] = whole_node(kind, choices.get(slot, ""), node)
    return {key: _shown(value) for key, value in values.items()}


def _shown(value: Any) -> Any:
    """Return a value without the passwords of addresses in it, which the environment may have given."""
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return without_password(value) if isinstance(value, str) and "://" in value else value


def request_of(config: DictConfig) -> Request:
    """Return what a configuration asks for that Hydra has composed."""
    hydra = HydraConfig.get()
    sweeping = hydra.mode == RunMode.MULTIRUN
    overrides = tuple(word for word in typed(hydra.overrides.task) if not is_of_a_sweep(word))
    of_a_study = _command_of_a_study(config)
    if of_a_study:  # its name is in the command, and all members have it
        overrides = tuple(word for word in overrides if not word.startswith("experiment="))
    folder, chosen = Path(hydra.runtime.output_dir), chosen_names(hydra.runtime.choices, config)
    return Request(
        config=config,
        choices=chosen,
        folder=folder,
        overrides=overrides,
        command=of_a_study or _command(overrides, config),
        sweep_id=_sweep_id(folder, Path(hydra.sweep.dir)) if sweeping else None,
        swept=_swept(overrides, Path(hydra.sweep.dir), task_of(config), chosen) if sweeping else (),
        job=(int(folder.name) if folder.name.isdecimal() else int(hydra.job.num)) if sweeping else None,
    )


def _swept(words: Sequence[str], sweep: Path, task: str, choices: Mapping[str, str]) -> tuple[str, ...]:
    """Return those words of a job that were typed otherwise for its sweep, in short; without those that a label names."""
    manifest = read_manifest(sweep)
    typed = {word.lstrip("+").partition("=")[0]: word.partition("=")[2] for word in (manifest.overrides if manifest else ())}
    found = []
    for word in words if manifest else ():
        key, _, value = word.lstrip("+~").partition("=")
        place = key.partition("@")[2].partition(".")[0]
        is_named = place in LABELLED.get(task, ()) and f"{JOINT}{value}" in choices.get(place, "")
        is_named = is_named or key in ("seed", *LABELLED.get(task, ()))
        if not _is_same(typed.get(key), value) and not is_named and key not in TRACKING and not key.startswith("hydra"):
            name = (key.partition("@")[2] or key).rpartition(".")[2]
            found.append(f"{name}={as_typed(float(value), 3) if FLOAT.fullmatch(value) else value}")
    return tuple(found)


def _is_same(typed: str | None, value: str) -> bool:
    """Tell whether a word's value is what was typed, which Hydra writes in its own way: True for true, 0.001 for 1e-3."""
    if typed is None or typed.lower() == value.lower():
        return typed is not None
    try:
        return float(typed) == float(value)
    except ValueError:
        return False


def _command_of_a_study(config: DictConfig) -> str:
    """Return the command line that asks for a member of a study again, by its number; "" for any other run."""
    study = config.get("study")
    told = OmegaConf.to_container(study, resolve=False) if isinstance(study, DictConfig) else {}
    return str(told.get("command", "")) if isinstance(told, dict) else ""


def _sweep_id(folder: Path, sweep: Path) -> str:
    """Return what the compared runs of a sweep have in common; the runs of its tuning are told from them."""
    return f"{sweep.name}/{TUNING}" if folder.parent.name == TUNING else sweep.name


def typed(words: Sequence[str]) -> list[str]:
    """Return overrides as they were typed: ``${oc.env:...}`` stays that, as what it stands for may be a password."""
    return list(OmegaConf.to_container(words, resolve=False)) if isinstance(words, ListConfig) else list(words)  # type: ignore[arg-type]


def _command(overrides: Sequence[str], config: DictConfig) -> str:
    """Return the command line that asks for the same run again, its seed and the user's own configuration folder spelt out."""
    words = [*opening_words(HydraConfig.get()), *overrides]
    words += [f"seed={config.seed}"] if not any(override.startswith("seed=") for override in overrides) else []
    return shlex.join(words)


def opening_words(hydra: Any, *options: str) -> list[str]:
    """Return how a command line begins that finds the same configuration, from what Hydra says of itself."""
    words = ["python", "-m", "nnreg", *options]
    words += [f"--config-dir={source.path}" for source in hydra.runtime.config_sources if source.provider == "command-line"]
    return words + ([f"--config-name={hydra.job.config_name}"] if hydra.job.config_name != "config" else [])


def own_request(request: Request) -> Request:
    """Return a request without what means nothing to the run itself: choices of other tasks, the settings of its sweep."""
    keys = [str(key) for key in request.config if key not in OF_A_SWEEP]
    config = OmegaConf.masked_copy(request.config, keys) if len(keys) < len(request.config) else request.config
    assert isinstance(config, DictConfig)
    choices = used_choices(task_of(request.config), request.choices)
    return dataclasses.replace(request, config=config, choices=choices)


@dataclass(frozen=True)
class Resumption:
    """Where a run goes on.

    Attributes:
        checkpoint: the state to bring back, or None for a run that ended before its first checkpoint: it begins again.
        past: the records of the updates made until then.
    """

    checkpoint: Checkpoint | None = None
    past: History = field(default_factory=History)

    @property
    def step(self) -> int:
        """Updates made until then."""
        return self.checkpoint.step if self.checkpoint else 0
