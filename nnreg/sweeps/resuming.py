"""Which run of a sweep lies in which folder: found again, and gone on with."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from nnreg import settings
from nnreg.console import warn
from nnreg.errors import UserError, one_line
from nnreg.records.card import COMPLETE, TUNING, config_hash
from nnreg.records.earlier import current_words
from nnreg.records.files import check_plain, read_yaml
from nnreg.records.folder import CONFIG, SUMMARY, known_facts, occupied
from nnreg.records.manifest import FILE, Manifest, read_manifest
from nnreg.records.results import Result, read_run
from nnreg.registry import entries
from nnreg.registry.fingerprint import changed_code
from nnreg.registry.nested import chosen_names
from nnreg.registry.overrides import quoted
from nnreg.registry.varied import VARY
from nnreg.runs import request
from nnreg.runs.assembly import FITTED, check_ahead, kernels_for_all
from nnreg.runs.attempt import TRACEBACK
from nnreg.runs.descend import prepare
from nnreg.runs.request import Request, own_request, plain
from nnreg.settings import DESCEND, OF_A_SWEEP, SweepSettings, key_of, setting_names, task_of
from nnreg.tracking.location import KEY, is_own_store

Codes = dict[tuple[str, str], set[str]]


def _request_of(config: DictConfig) -> Request:
    """Return what a composed job asks for, without the folder that it will have."""
    chosen = chosen_names(config.hydra.runtime.choices, config)
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return own_request(Request(own, chosen, Path(), (), ""))


def _settled(request: Request) -> Mapping[str, Any]:
    """Return the configuration as the run writes it: a descent says where on its surface it begins."""
    if task_of(request.config) == DESCEND:
        with contextlib.suppress(UserError):  # then the run fails, and writes what was asked for
            return prepare(request)[0].config
    return plain(request.config, request.choices)


def digest_of(config: DictConfig) -> str:
    """Return the hash of a composed job's configuration, as its summary will have it; "" where only the job itself can tell."""
    request = _request_of(config)
    try:
        return config_hash(_settled(request))
    except OmegaConfBaseException:  # it refers to something that only a job knows, such as its number
        return ""


def kernels_of(config: DictConfig, runs: int) -> str:
    """Return what computes the runs of a sweep that leave it to nnreg, by its composed first one; "" where that does not."""
    try:
        return kernels_for_all(_request_of(config).config, runs)
    except (OmegaConfBaseException, UserError):  # only the job itself can tell
        return ""


class JobCheck:
    """Finds out what is wrong with composed jobs before the first runs; of jobs alike in what is looked at, one is looked at.

    Args:
        metrics: that the runs are to be compared by.
    """

    def __init__(self, metrics: Sequence[str]) -> None:
        self._metrics = metrics
        self._told: dict[str, str] = {}

    def complaint(self, config: DictConfig) -> str:
        """Return why a job cannot be run, "" if it can, as far as its settings, data, loss and batch tell."""
        asked = _request_of(config)
        try:
            settings = plain(asked.config, asked.choices)
        except (OmegaConfBaseException, UserError):  # only the job itself can tell
            return ""
        kept = {key: value for key, value in settings.items() if not isinstance(value, dict) or key in FITTED}
        alike = json.dumps({**kept, "seed": str(kept["seed"])[:1] == "-"}, sort_keys=True, default=str)
        if alike not in self._told:
            try:
                check_ahead(asked.config, asked.choices, self._metrics)
                self._told[alike] = ""
            except UserError as error:
                self._told[alike] = str(error)
        return self._told[alike]


class Place(NamedTuple):
    """Where a run of a sweep is, or is to be.

    Attributes:
        folder: its name, below that of the sweep or of the tuning.
        status: what the run in it says of itself; "" where there is none.
    """

    folder: str
    status: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to do."""
        return self.status in COMPLETE


def place(wanted: Sequence[str], home: Path, first: int = 0) -> list[Place]:
    """Find a folder for each run.

    A run that is there keeps its folder. One that is not gets that of its number, as if nothing had disturbed the sweep; where
    another configuration is in that, a number that no run has.

    Args:
        wanted: hash of the configuration of each run, in their order; "" for one that is not known.
        home: folder of their folders.
        first: number of the first of them.

    Returns:
        A place for each.
    """
    there = {folder.name: found for folder in _folders(home) if (found := _run_in(folder)) is not None}
    places: dict[int, Place] = {}
    for number, digest in enumerate(wanted, first):  # those in their own places first: equal configurations may be wanted twice
        if digest and there.get(str(number), ("", ""))[0] == digest:
            places[number] = Place(str(number), there.pop(str(number))[1])
    for number, digest in enumerate(wanted, first):
        match = next((name for name, found in there.items() if digest and found[0] == digest), None)
        if number not in places and match is not None:
            places[number] = Place(match, there.pop(match)[1])
    taken = {place.folder for place in places.values()} | there.keys()
    numbers = range(first, first + len(wanted))
    fresh = max([numbers.stop - 1, *(int(name) for name in taken if name.isdecimal())]) + 1
    for number in (number for number in numbers if number not in places):
        name = str(number)
        if name in taken:
            name, fresh = str(fresh), fresh + 1
        places[number] = Place(name)
    return [places[number] for number in numbers]


def status(folder: Path) -> str:
    """Return what the run in a folder says of itself, or "" where there is none or its summary is damaged."""
    return str(known_facts(folder).get("status", ""))


def is_whole(folder: Path) -> bool:
    """Tell whether all of a run can be read that a comparison needs."""
    return isinstance(read_run(folder), Result)


def _folders(home: Path) -> list[Path]:
    return sorted((path for path in home.iterdir() if path.is_dir()), key=lambda path: path.name) if home.is_dir() else []


def _run_in(folder: Path) -> tuple[str, str] | None:
    """Return the hash of the run in a folder and what it says of itself, or None where no run says which it is."""
    facts = known_facts(folder)
    digest = facts.get("config_hash") or _hash_of_saved(folder)
    return (str(digest), str(facts.get("status", ""))) if facts and digest else None


def subdir_of(config: DictConfig, number: int) -> str:
    """Return the name of the folder of a composed job, which is written into for that: its number, unless it was set."""
    with open_dict(config):
        config.hydra.job.num = number
        config.hydra.job.id = str(number)
    try:
        return str(config.hydra.sweep.subdir)
    except OmegaConfBaseException:  # it refers to something that only the job itself knows
        return str(number)


def other_code(config: DictConfig, codes: Codes) -> str:
    """Say which techniques of a composed job have other code now than in the runs of its sweep; "" where none has."""
    asked = _request_of(config)
    named = request.techniques_in(asked.config, asked.choices)
    for slot in named:
        for was in codes.pop((slot, asked.choices[slot.partition(".")[0]]), ()):  # once a sweep is enough
            if changed := changed_code({slot: was}, named):
                return changed
    return ""


def codes_in(home: Path) -> Codes:
    """Return the fingerprints of what was chosen, by place and option, in the runs of a sweep that stand or would go on."""
    found: Codes = {}
    for folder in [*_folders(home), *_folders(home / TUNING)]:
        facts = known_facts(folder)
        code, choices = facts.get("code"), facts.get("choices")
        if isinstance(code, dict) and isinstance(choices, dict) and not (folder / TRACEBACK).exists():  # else it begins again
            for slot in code:
                found.setdefault((slot, str(choices.get(slot.partition(".")[0]))), set()).add(str(code[slot]))
    return found


def _hash_of_saved(folder: Path) -> str:
    """Return the hash of a run that is older than hashes."""
    try:
        config, _ = read_yaml(folder / CONFIG)
    except (OSError, ValueError):  # missing, unreadable, not YAML: it does not say which run it is
        return ""
    return config_hash({str(key): value for key, value in config.items()}) if isinstance(config, dict) else ""


RESUME = "sweep.resume="
_OF_THE_PROCESS = ("hydra.mode=", "hydra/job_logging=", "hydra/hydra_logging=", "+hydra.callbacks.")


def completed_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with those of the sweep that it resumes, where it has none of its own.

    Raises:
        UserError: the sweep's folder has words that are neither settings nor techniques nor of a sweep.
    """
    named = [word.removeprefix(RESUME) for word in words if word.startswith(RESUME)]
    home = Path(named[-1].strip("'\"")) if named else Path()
    found = read_manifest(home) if named else None
    if found is None or not {"-m", "--multirun"} & set(words):
        return list(words)
    typed = {_key(word) for word in words}
    try:
        saved = current_words(shlex.split(found.command)[4:])  # after python -m nnreg -m
        before = [word for word in saved if _key(word) not in typed]
    except ValueError as error:
        raise UserError(f"{home / FILE} is damaged ({error}): type the words of the sweep before {RESUME}{home}") from error
    before = _trusted(home, before)
    options = [word for word in before if word.startswith("-")]
    at = next(index for index, word in enumerate(words) if word.startswith(RESUME))  # all overrides must stand together
    return [*options, *words[:at], *(word for word in before if word not in options), *words[at:]]


def _trusted(home: Path, words: Sequence[str]) -> list[str]:
    """Return those words of a sweep's folder, which anybody may have written, that can do no more than choose what is run."""
    kept, left_out = [], []
    for word in words:
        key, value = _key(word), word.partition("=")[2]
        if key == "--config-dir":
            raise UserError(
                f"{home} was swept with {one_line(word)}, and what lies there is code: type it again, if you trust it"
            )
        is_harmless = bool(re.fullmatch(_HARMLESS, word.lstrip("+")))
        if is_harmless:
            kept.append(word)
        elif key.startswith(("hydra.", "hydra/")):
            left_out += [word] if key != "hydra.sweep.dir" else []
        elif _is_known(key) and not _ELSEWHERE.search(word) and (key != KEY or is_own_store(Path.cwd(), value.strip("'\""))):
            kept.append(word)
        else:
            raise UserError(
                f"{home / FILE} says {one_line(word)}, which is not taken from a folder: type it again, or {_key(word)}=VALUE"
            )
    if left_out:
        warn(f"not taken from {home / FILE}, type again what is wanted of it: {one_line(shlex.join(left_out))}")
    return kept


_HARMLESS = (
    r"hydra/launcher=(basic|joblib)|hydra\.launcher\.n_jobs=-?\d+"
    r"|hydra\.sweeper\.(n_trials|n_jobs|direction|max_failure_rate|(sampler|pruner|params)\.[a-z][\w.]*)=[^$]*"
)
_ELSEWHERE = re.compile(r"\$\{(?!\w+(\.\w+)*\})|\$\{hydra\b")  # what asks the environment, or Hydra


def _is_known(key: str) -> bool:
    """Tell whether a key is a setting, a technique or its parameter, or of a sweep."""
    if key == "--config-name" or key in entries.groups():
        return True
    kind, inside, place = key.partition("@")
    key = place if inside and kind in entries.kinds() and "." in place else key
    known = {*entries.slots(), VARY, *OF_A_SWEEP, "experiment", "debug", *setting_names()}
    return re.fullmatch(r"\w+(\.[A-Za-z]\w*)*", key) is not None and key.partition(".")[0] in known and key != "sweep.resume"


def _key(word: str) -> str:
    """Return what a word of a command line sets, however it does."""
    key = key_of(word)
    return _SHORT.get(key, key)


_SHORT: Mapping[str, str] = {"-cd": "--config-dir", "-cn": "--config-name"}


def command(config: DictConfig) -> str:
    """Return the command line that asks for the same sweep again."""
    hydra = config.hydra
    own = [word for word in request.typed(hydra.overrides.hydra) if not word.startswith(_OF_THE_PROCESS)]
    return shlex.join([*request.opening_words(hydra, "-m"), *own, *lasting(request.typed(hydra.overrides.task))])


def how(folder: Path) -> str:
    """Return the command line that goes on with a sweep."""
    return shlex.join(["python", "-m", "nnreg", "-m", f"{RESUME}{typed_path(folder)}"])


def comparing(folder: Path) -> str:
    """Return the command line that compares the runs of a sweep."""
    return shlex.join(["python", "-m", "nnreg", "compare", str(typed_path(folder))])


def folder(config: DictConfig, settings: SweepSettings, words: Iterable[str]) -> Path | None:
    """Return the folder of the sweep to go on with, or None for one that begins.

    Raises:
        UserError: there is none.
    """
    if settings.resume is not None:
        named = Path(settings.resume).absolute()
        if not named.is_dir():
            raise UserError(f"there is no folder {settings.resume} to go on with; the folders of sweeps are in runs/")
        if not (named / FILE).exists() and not any(named.glob(f"*/{SUMMARY}")):
            raise UserError(f"{settings.resume} is not the folder of a sweep; one run: `python -m nnreg resume FOLDER`")
        check_plain(named)
        return named
    if not config.get("resume"):
        return None
    usual = Path(config.hydra.sweep.dir).absolute()
    if (usual / FILE).exists():
        return usual
    wanted = sorted(lasting(words))
    alike = [
        path.parent
        for path in usual.parent.glob(f"*/{FILE}")
        if (found := read_manifest(path.parent)) and sorted(lasting(found.overrides)) == wanted
    ]
    if not alike:
        raise UserError(f"no sweep in {usual.parent} has these settings, there is nothing to go on with: leave out resume=true")
    return max(alike, key=lambda path: ((path / FILE).stat().st_mtime, path.name))


def manifest(folder: Path) -> Manifest:
    """Return what an earlier attempt wrote, or nothing in particular where that is lost."""
    return read_manifest(folder) or Manifest()


def redirect(config: DictConfig, folder: Path) -> None:
    """Let a sweep, and every job composed for it, work in a folder."""
    with open_dict(config):
        config.hydra.sweep.dir = str(folder)
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(str(folder))}")


def hold(stack: contextlib.ExitStack, folder: Path) -> None:
    """Keep every other sweep out of a folder while this one is at it, and see that no run in it is still going on.

    Raises:
        UserError: another process is in it.
    """
    try:
        stack.enter_context(occupied(folder))
    except UserError as error:
        raise UserError(f"the sweep in {folder} is still going on, in another process") from error
    for path in _unfinished(folder):
        with occupied(path):
            pass


def _unfinished(folder: Path) -> list[Path]:
    """Return the folders of runs that have begun and not ended."""
    found = [*folder.glob("*/.lock"), *folder.glob(f"{TUNING}/*/.lock")]
    return [path.parent for path in found if status(path.parent) not in COMPLETE]


def typed_path(folder: Path) -> Path:
    """Return a folder as it is typed from here."""
    here = Path(os.path.relpath(folder))
    return folder if ".." in here.parts else here


def lasting(words: Iterable[str]) -> list[str]:
    """Return the words that say what a sweep is, not what is to be done with it this time."""
    return [word for word in words if not settings.is_of_a_sweep(word) or word.lstrip("+").startswith(_WHAT_IT_IS)]


_WHAT_IT_IS = ("protocol", "study.", "hparams_search.", "sweep.metric=", "sweep.target=", "sweep.axes=")
