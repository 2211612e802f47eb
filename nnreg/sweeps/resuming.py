"""A sweep that was begun before: found again by its folder or its words, and gone on with in its folder."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from omegaconf import DictConfig, open_dict

from nnreg import settings
from nnreg.errors import UserError
from nnreg.records.folder import SUMMARY, occupied
from nnreg.records.manifest import FILE, TUNING, Manifest, read_manifest
from nnreg.registry.overrides import quoted
from nnreg.runs import request
from nnreg.settings import SweepSettings
from nnreg.sweeps import placement

RESUME = "sweep.resume="
_OF_THE_PROCESS = ("hydra.mode=", "hydra/job_logging=", "hydra/hydra_logging=")
_OURS = ("sweep.", "hydra.", "hydra/", "resume=", "tracking")


def completed(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with those of the sweep that it resumes, where it has none of its own."""
    named = [word.removeprefix(RESUME) for word in words if word.startswith(RESUME)]
    others = [word for word in words if not word.startswith(("-", *_OURS))]
    found = read_manifest(Path(named[-1].strip("'\""))) if named and not others else None
    if found is None or not {"-m", "--multirun"} & set(words):
        return list(words)
    before = shlex.split(found.command)[4:]  # after python -m nnreg -m
    options = [word for word in before if word.startswith("-")]
    at = next(index for index, word in enumerate(words) if word.startswith(RESUME))  # all overrides must stand together
    return [*options, *words[:at], *(word for word in before if word not in options), *words[at:]]


def command(config: DictConfig) -> str:
    """Return the command line that asks for the same sweep again."""
    hydra = config.hydra
    words = ["python", "-m", "nnreg", "-m"]
    words += [f"--config-dir={source.path}" for source in hydra.runtime.config_sources if source.provider == "command-line"]
    words += [f"--config-name={hydra.job.config_name}"] if hydra.job.config_name != "config" else []
    words += [word for word in hydra.overrides.hydra if not word.startswith(_OF_THE_PROCESS)]
    return shlex.join([*words, *lasting(request.typed(hydra.overrides.task))])


def how(folder: Path) -> str:
    """Return the command line that goes on with a sweep."""
    return shlex.join(["python", "-m", "nnreg", "-m", f"{RESUME}{_shown(folder)}"])


def comparing(folder: Path) -> str:
    """Return the command line that compares the runs of a sweep."""
    return shlex.join(["python", "-m", "nnreg", "compare", str(_shown(folder))])


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
    return [path.parent for path in found if placement.status(path.parent) not in placement.COMPLETE]


def _shown(folder: Path) -> Path:
    """Return a folder as it is typed from here."""
    here = Path(os.path.relpath(folder))
    return folder if ".." in here.parts else here


def lasting(words: Iterable[str]) -> list[str]:
    """Return the words that say what a sweep is, not what is to be done with it this time."""
    return [word for word in words if not settings.is_of_a_sweep(word) or word.startswith(("protocol", *_COMPARING))]


_COMPARING = ("sweep.metric=", "sweep.target=", "sweep.axes=")
