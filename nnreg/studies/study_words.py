"""The words that ask for studies: ``experiment=NAME[,NAME] [member=K] [key=value ...] [--config-dir FOLDER]``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from nnreg.errors import UserError

STUDY, MEMBER = "experiment=", "member="


def ask_for_studies(arguments: Sequence[str]) -> bool:
    """Return whether studies are to be run: Hydra itself shows their configuration, help and the like."""
    words = own_folders(arguments)[1]
    options = {word for word in words if word.startswith("-")}
    return any(word.startswith(STUDY) for word in words) and options <= {"-m", "--multirun"}


def own_folders(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return the user's folders of configuration, and the other words."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", type=Path, action="append", default=[])
    parsed, others = parser.parse_known_args(arguments)
    return parsed.config_dir, others


def run(arguments: Sequence[str], conf: Path) -> int:
    """Run studies by name: every member, the figures, the claims.

    Args:
        arguments: what was typed.
        conf: nnreg's own folder of configuration.

    Returns:
        The exit code: 1 if a member failed, a figure could not be drawn or a claim not be measured.

    Raises:
        UserError: a study, a member or a folder is not there, or a study cannot be read.
    """
    from datetime import datetime

    from rich.console import Console

    from nnreg.studies import definition, study_runs

    own, words = own_folders(arguments)
    check_folders(own)
    folders = [*own, conf]
    names = [name for word in words if word.startswith(STUDY) for name in word.removeprefix(STUDY).split(",")]
    only = next((_number(word.removeprefix(MEMBER)) for word in words if word.startswith(MEMBER)), None)
    typed = [word for word in words if not word.startswith((STUDY, MEMBER, "-"))]
    console, is_whole = Console(highlight=False), True
    for study in [definition.read(name, folders) for name in names]:
        home = Path.cwd() / "runs" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}_{study.name}"
        report = study_runs.run(study, typed, folders, home, console, only)
        study_runs.show(report, console)
        is_whole = is_whole and not report.failed and not report.troubles
    return 0 if is_whole else 1


def check_folders(folders: Sequence[Path]) -> None:
    """Refuse a folder of configuration that is not there.

    Raises:
        UserError: naming it.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise UserError(f"there is no folder {missing[0]}, which --config-dir names")


def _number(word: str) -> int:
    if not word.isdecimal():
        raise UserError(f"member is the number of one run of the study, from 0, not '{word}'")
    return int(word)
