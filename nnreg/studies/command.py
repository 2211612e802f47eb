"""`experiment=NAME` and `nnreg reproduce`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nnreg.errors import UserError

if TYPE_CHECKING:  # every command line asks this module first
    from rich.console import Console

    from nnreg.studies.runner import Report

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


def run_study_words(arguments: Sequence[str], conf: Path) -> int:
    """Run studies by name: every member, the figures, the claims.

    Args:
        arguments: what was typed.
        conf: nnreg's own folder of configuration.

    Returns:
        The exit code: 1 if a member failed, a figure could not be drawn or a claim not be measured.

    Raises:
        UserError: a study, a member or a folder is not there, or a study cannot be read.
    """
    from rich.console import Console

    from nnreg.studies import runner
    from nnreg.studies.definition import read_study

    own, words = own_folders(arguments)
    check_folders(own)
    folders = [*own, conf]
    names = [name for word in words if word.startswith(STUDY) for name in word.removeprefix(STUDY).split(",")]
    only = next((_number(word.removeprefix(MEMBER)) for word in words if word.startswith(MEMBER)), None)
    typed = [word for word in words if not word.startswith((STUDY, MEMBER, "-"))]
    console, is_whole = Console(highlight=False), True
    for study in [read_study(name, folders) for name in names]:
        home = Path.cwd() / "runs" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}_{study.name}"
        report = runner.run_study(study, typed, folders, home, console, only)
        runner.show_report(report, console)
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


def reproduce(names: Sequence[str], typed: Sequence[str], folders: Sequence[Path], target: Path) -> int:
    """Run studies one after the other and print every claim's row at the end.

    Args:
        names: of studies; none for all of them.
        typed: overrides for every member of every study, such as ``tracking=off``.
        folders: of configuration, nnreg's own last.
        target: folder of the notebook.

    Returns:
        0 if every claim was reproduced, 1 if one was not, a study could not be run or a figure not be drawn.

    Raises:
        UserError: a study is unknown or cannot be read; nothing has been run then.
    """
    from rich.console import Console
    from rich.markup import escape

    from nnreg.studies import definition, notebook, runner

    console = Console(highlight=False)
    chosen = [definition.read_study(name, folders) for name in names or definition.names(folders)]
    reports: list[Report] = []
    trouble: list[str] = []
    for study in chosen:
        began = time.perf_counter()
        stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
        try:
            report = runner.run_study(study, typed, folders, Path.cwd() / "runs" / f"{stamp}_{study.name}", console)
        except UserError as error:
            trouble.append(f"{study.name} was not run: {error}")
            console.print(escape(trouble[-1]), soft_wrap=True)
            continue
        reports.append(report)
        if not report.failed and not report.troubles:
            notebook.write_page(target, runner.content(report), report.figures, time.perf_counter() - began)
    if any(not report.failed and not report.troubles for report in reports):
        notebook.write_index(target)
    return _conclude(reports, trouble, target, console)


def _conclude(reports: Sequence[Report], trouble: Sequence[str], target: Path, console: Console) -> int:
    from rich.markup import escape

    from nnreg.studies import runner

    verdicts = [(report.study.name, verdict) for report in reports for verdict in report.verdicts]
    console.print()
    for report in reports:
        console.print(f"[bold]{report.study.name}[/bold]  {escape(report.study.title)}", soft_wrap=True)
        runner.print_verdicts(report.verdicts, console)
    held = sum(verdict.holds for _, verdict in verdicts)
    console.print(f"\n{held} of {len(verdicts)} claims reproduced; pages in {target}", soft_wrap=True)
    failed = [report.study.name for report in reports if report.failed]
    lines = [*trouble, *(f"{name}: some runs failed, no claim was checked" for name in failed)]
    lines += [f"{report.study.name} has no new page: {line}" for report in reports for line in report.troubles]
    for line in lines:
        console.print(f"[red]{escape(line)}[/red]", soft_wrap=True)
    return 0 if held == len(verdicts) and not lines else 1
