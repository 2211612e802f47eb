"""`nnreg resume FOLDER` goes on with a run; `nnreg rerun FOLDER` makes it again."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnreg import console
from nnreg.errors import UserError, instead, one_line
from nnreg.records.earlier import current_choices, current_config
from nnreg.records.files import check_plain, read_yaml
from nnreg.records.folder import CONFIG, RUNNING, SOURCES, SUMMARY, Damaged, known_facts, occupied, read_facts
from nnreg.registry import building, entries
from nnreg.registry.nested import RATE, entry_at, is_node, kind_at, slots_of, whole_name
from nnreg.registry.overrides import quoted
from nnreg.registry.varied import VARY, group_of, varied_places
from nnreg.runs import task, train
from nnreg.runs.checkpoints import CHANGEABLE, other_code, read_resumption
from nnreg.runs.request import Request, techniques_in
from nnreg.settings import TRAIN, WITHDRAWN, task_of
from nnreg.tracking.location import KEY, is_own_store, without_password


def rerun_words(folder: Path, typed: Sequence[str] = ()) -> list[str]:
    """Return one override for every setting and every parameter of a technique in a saved configuration, and for nothing else.

    Args:
        folder: of the run.
        typed: overrides that will follow; parameters of a technique mean nothing to the one that they choose in its place.

    Raises:
        UserError: the folder holds no saved configuration.
    """
    saved, chosen = saved_config(folder), _chosen(typed)
    if KEY in chosen:
        saved.pop(KEY, None)
    elif not is_own_store(Path.cwd(), saved.get(KEY)):
        uri = without_password(one_line(saved.pop(KEY)))
        console.warn(f"{folder} names the store {uri}: nothing is sent there unless you add {KEY}={shlex.quote(uri)}")
    kept = {key: value for key, value in saved.items() if _groups().get(key, "") not in chosen}
    _check_techniques(folder, kept)
    return _words(kept, chosen)


def _chosen(typed: Sequence[str]) -> set[str]:
    return {word.lstrip("+").partition("=")[0] for word in typed}


def _words(saved: Mapping[str, Any], chosen: Collection[str] = ()) -> list[str]:
    """Return one override for every value of a configuration; none for a technique inside another that is chosen anew."""
    words, groups = [], _groups()
    for key, value in saved.items():
        if key in groups:
            words += _chosen_words(groups[key], key, value, chosen)
        elif key == VARY:
            for place, node in varied_places(saved):
                if not {f"{VARY}.{place}", group_of(place)} & {*chosen}:
                    words += _chosen_words(f"+{group_of(place)}", f"{VARY}.{place}", node, ())
        else:
            words.append(f"{key}={quoted(value)}")
    return words


def _chosen_words(group: str, place: str, node: Mapping[str, Any], chosen: Collection[str]) -> list[str]:
    """Return the words that choose a technique, those inside of it, and the parameters of all."""
    entry = entries.find_technique(group.lstrip("+").partition("@")[0], str(node["name"]))
    words, inside = [f"{group}={node['name']}"], slots_of(entry)
    for name, value in node.items():
        within, below = f"{inside[name].kind}@{place}.{name}" if name in inside else "", f"{place}.{name}"
        if (within and {within, below} & {*chosen}) or (name == RATE and _is_set_outside(place, chosen)):
            continue
        if within and value is not None:
            words += _chosen_words(within, below, value, chosen)
        elif name != "name":
            words.append(f"{place}.{name}={quoted(value)}")
    return words


def _is_set_outside(place: str, chosen: Collection[str]) -> bool:
    """Tell whether the learning rate of what stands in a place is typed for what stands around it."""
    outside = place.rpartition(".")[0]
    return bool(outside) and (f"{outside}.{RATE}" in chosen or _is_set_outside(outside, chosen))


def _groups() -> dict[str, str]:
    return {slot: group for group, slot in entries.groups().items()}


def saved_config(folder: Path) -> dict[str, Any]:
    """Return the configuration saved in a run folder, in plain containers.

    Raises:
        UserError: the folder holds no readable configuration.
    """
    path = folder / CONFIG
    try:
        config, text = read_yaml(path)
    except OSError as error:  # missing, unreadable: the same to the person
        raise UserError(f"{folder} is not a run folder: cannot read {path}; run folders are in runs/") from error
    except ValueError as error:
        raise UserError(f"{path} is no saved configuration: {one_line(error)}") from error
    if not isinstance(config, dict) or "optimizer" not in config:
        raise UserError(f"{path} holds no configuration: it is damaged")
    saved = current_config(config)
    for key in saved.keys() & WITHDRAWN.keys():
        raise UserError(f"{path} says {key}={saved[key]}: {WITHDRAWN[key]}")
    if "${" in text:
        raise UserError(f"{path} is no saved configuration: it refers to values from elsewhere")
    named = techniques_in(saved, entries.slots())
    for place, name in named.items():
        source = folder / SOURCES / f"{place}.py"
        if source.exists() and entry_at(place, named) is None:
            raise UserError(
                f"{place}={name} was registered in Python and must be again: nnreg.register it and run it there, or install it "
                f"(`python -m nnreg new {kind_at(place, named)} {name}`); {source} is its source, which is never run"
            )
    try:
        building.check_keys(saved)
    except UserError as error:
        raise UserError(f"{path} is no saved configuration: {error}") from error
    facts, every = known_facts(folder), saved.get("validate_every")
    if facts and not facts.get("versions") and isinstance(saved.get("patience"), int) and isinstance(every, int):
        saved["patience"] *= every  # what wrote no versions counted patience in validations
    return saved


def _check_techniques(folder: Path, saved: Mapping[str, Any]) -> None:
    """Refuse what is no technique that is installed, with parameters of its own."""
    for slot in saved.keys() & entries.slots().keys():
        _check_technique(folder, slot, entries.slots()[slot], saved[slot])


def _check_technique(folder: Path, place: str, kind: str, node: object) -> None:
    if not is_node(node):
        raise UserError(f"{folder / CONFIG} is no saved configuration: its {place} has no name")
    entry = entries.find_technique(kind, node["name"])
    known = building.parameter_names(entry)
    for key in map(str, node.keys() - {"name", *known}):
        raise UserError(f"{folder / CONFIG}: {place}={entry.name} has no parameter '{one_line(key)}'{instead(key, known)}")
    for name, parameter in slots_of(entry).items():
        if node.get(name) is not None or not parameter.may_be_none:
            _check_technique(folder, f"{place}.{name}", str(parameter.kind), node.get(name))


def tell_of_other_code(folder: Path, typed: Sequence[str]) -> None:
    """Warn where a run that is to be made again was trained with other code of its techniques."""
    groups, chosen = entries.groups(), _chosen(typed)
    if changed := other_code(folder, saved_config(folder), [slot for group, slot in groups.items() if group not in chosen]):
        console.warn(f"{folder} was trained with other code: {changed}; its numbers may not come out again")


def resume_run(folder: Path, overrides: Sequence[str]) -> int:
    """Go on with a run, bit for bit as if it had never stopped.

    Args:
        folder: of the run.
        overrides: ``key=value`` for settings that leave every update as it is.

    Returns:
        The exit code: 0 if the run ended as a result, 1 if it failed.

    Raises:
        UserError: there is nothing to resume, or it cannot be; nothing has been changed then.
    """
    shown, folder = folder, folder.absolute()
    saved = _saved(shown)
    try:
        check_plain(folder)
        with occupied(folder):
            request = _request(shown, folder, saved, _changes(shown, overrides))
            outcome = train.execute(request, task.sinks(request, alone=True))
    except OSError as error:
        raise UserError(f"cannot work in {shown}: {error}") from error
    if outcome.status == "failed":
        console.warn(task.failure(request, outcome))
    return 1 if outcome.status == "failed" else 0


def _saved(folder: Path) -> dict[str, Any]:
    """Read the configuration of a run."""
    jobs = sorted(folder.glob(f"*/{CONFIG}"))
    if jobs and not (folder / CONFIG).exists():
        raise UserError(f"{folder} holds several runs: resume one of them, such as {jobs[0].parent}")
    saved = saved_config(folder)
    _check_techniques(folder, saved)
    return saved


def _changes(folder: Path, overrides: Sequence[str]) -> dict[str, str | None]:
    """Read overrides; types are checked with all the rest."""
    changes: dict[str, str | None] = {}
    for word in overrides:
        key, assigned, value = word.partition("=")
        if not assigned:
            raise UserError(f"cannot read {word}: a setting is typed key=value, such as steps=5000")
        if key not in CHANGEABLE:
            raise UserError(
                f"a run goes on as it was, so {key} stays{instead(key, CHANGEABLE, 'Free to change')}; "
                f"`python -m nnreg rerun {folder} {word}` trains anew"
            )
        changes[key] = None if value == "null" else value
    return changes


def _request(shown: Path, folder: Path, saved: dict[str, Any], changes: Mapping[str, str | None]) -> Request:
    """Return what to run."""
    if (work := task_of(saved)) != TRAIN:
        raise UserError(f"{shown} is a run of task={work}, which takes moments: `python -m nnreg rerun {shown}` does it again")
    facts = _facts(shown, saved)
    settings = _settings(saved, changes)
    if KEY not in changes and not is_own_store(Path.cwd(), saved.get(KEY)):
        saved = saved | {KEY: None}  # which of the two has the run is said when it is tracked
    config = OmegaConf.create(saved | {key: settings[key] for key in changes})
    _check_unfinished(shown, facts, _settings(saved, {})["steps"], settings["steps"])
    request = Request(
        config=config,
        choices=facts["choices"],
        folder=folder,
        overrides=_changed([str(word) for word in facts["overrides"]], changes),
        command=shlex.join(_changed(shlex.split(facts["command"]), changes)),
        sweep_id=facts["sweep_id"],
        job=facts["job"],
        swept=tuple(word for word in str(facts.get("label", "")).split(" ")[1:] if "=" in word),
    )
    return dataclasses.replace(request, resumption=read_resumption(shown, request, console.warn))


def _settings(saved: Mapping[str, Any], changes: Mapping[str, str | None]) -> dict[str, Any]:
    try:
        return dataclasses.asdict(building.read_settings(OmegaConf.create({**saved, **changes})))
    except UserError as error:
        words = " ".join(f"{key}={value}" for key, value in changes.items())
        raise UserError(f"{words}: {error}" if words else str(error)) from error


def _facts(folder: Path, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for, as far as the folder says."""
    choices = {slot: whole_name(kind, saved[slot]) for slot, kind in entries.slots().items() if slot in saved}
    unknown: dict[str, Any] = {"status": RUNNING, "choices": choices, "overrides": [], "sweep_id": None, "job": None}
    unknown["command"] = shlex.join(["python", "-m", "nnreg", *_words(saved)])
    wanted = {"status": str, "choices": dict, "overrides": list, "command": str, "sweep_id": str | None, "job": int | None}
    try:
        facts = unknown | (read_facts(folder) or {})
        if not all(isinstance(facts[key], kind) for key, kind in wanted.items()):
            raise TypeError("a value is of another type")
        shlex.split(facts["command"])
    except (Damaged, ValueError, TypeError) as error:
        why = error.__cause__ or error
        raise UserError(f"{folder / SUMMARY} is damaged ({why}): delete it to resume without it") from error
    return facts | {"choices": current_choices({str(slot): str(name) for slot, name in facts["choices"].items()}, saved)}


RESULTS = ("finished", "failed_to_train")


def _check_unfinished(folder: Path, facts: Mapping[str, Any], steps: int, wanted: int) -> None:
    status, done = facts["status"], facts.get("steps")
    if status == "diverged":
        raise UserError(
            f"{folder} diverged at step {facts.get('diverged_at_step')} and would again: "
            f"train anew with a change, such as `python -m nnreg rerun {folder} optimizer.lr=VALUE`"
        )
    if status in RESULTS and facts.get("early_stop") and facts["early_stop"]["stopped_at"] is not None:
        raise UserError(f"{folder} is complete: it stopped early at step {done}, and would again; nothing to resume")
    if status in RESULTS and wanted <= steps:
        raise UserError(f"{folder} is complete: nothing to resume; steps=N with N > {steps} trains it longer")


def _changed(words: Sequence[str], changes: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return words of a command line with the changes in the place of what they replace."""
    kept = [word for word in words if word.partition("=")[0] not in changes]
    return (*kept, *(f"{key}={'null' if value is None else value}" for key, value in changes.items()))
