"""`experiment=NAME` and `nnreg reproduce`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.errors import UserError
from nnreg.settings import is_of_a_sweep

if TYPE_CHECKING:
    from nnreg.studies.claims import Verdict

EXPERIMENT, MEMBER = "experiment=", "member="
PROTOCOL = "protocol=study"
_OPTIONS = ("-m", "--multirun", "--config-name=")
_REFUSED = ("protocol", "hparams_search", "hydra/sweeper=")
_COMPARING = ("sweep.metric=", "sweep.target=", "sweep.axes=", "sweep.objectives=")

Compose = Callable[[Sequence[str]], int]
"""Lets Hydra do what some words say, and returns the exit code."""


def names_experiments(arguments: Sequence[str]) -> bool:
    """Return whether experiments are to be run: Hydra itself shows their configuration, help and the like."""
    words = own_folders(arguments)[1]
    options = [word for word in words if word.startswith("-") and not word.startswith(_OPTIONS)]
    return not options and any(word.startswith(EXPERIMENT) and word != f"{EXPERIMENT}null" for word in words)


def own_folders(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return the user's folders of configuration, and the other words."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", type=Path, action="append", default=[])
    parsed, others = parser.parse_known_args(arguments)
    return parsed.config_dir, others


def study_words(arguments: Sequence[str], conf: Path) -> list[list[str]]:
    """Return what Hydra is told for each of the studies that are named; nothing where they are presets, which it knows.

    Args:
        arguments: what was typed.
        conf: nnreg's own folder of configuration.

    Raises:
        UserError: a study or a folder is not there, a study cannot be read, or a word means nothing to it.
    """
    from nnreg.studies import definition

    own, words = own_folders(arguments)
    check_folders(own)
    names = [name for word in words if word.startswith(EXPERIMENT) for name in word.removeprefix(EXPERIMENT).split(",")]
    presets = [name for name in names if definition.is_preset(name, [*own, conf])]
    if names and len(presets) == len(names):
        return []
    if presets:
        raise UserError(f"{presets[0]} is a preset and has no runs of its own: name it apart from studies")
    only = [_member(word.removeprefix(MEMBER)) for word in words if word.startswith(MEMBER)]
    typed = [word for word in words if not word.startswith((EXPERIMENT, MEMBER, "-m", "--multirun"))]
    return [_told(name, own, conf, [*only[:1], *typed]) for name in names]


def _told(name: str, own: Sequence[Path], conf: Path, typed: Sequence[str]) -> list[str]:
    """Return what Hydra is told for one study; it knows one folder by its option, and others by a word."""
    from nnreg.registry.overrides import quoted
    from nnreg.studies.definition import read_study

    read_study(name, [*own, conf])
    for word in typed:
        key = word.lstrip("+~")
        if key.startswith(_REFUSED) and word != PROTOCOL:
            raise UserError(f"{word} is for sweeps, and a study says itself which runs it has: leave it out")
        if key.startswith(_COMPARING):
            raise UserError(f"{word} is for the comparison of a sweep: `python -m nnreg compare FOLDER` makes one of a study")
    more = [f"hydra.searchpath={quoted([f'file://{folder.absolute()}' for folder in own[1:]])}"] if own[1:] else []
    words = [f"++{word}" if word.startswith("study.") else word for word in typed if word != PROTOCOL]  # YAMLs leave much out
    return ["-m", *(f"--config-dir={folder}" for folder in own[:1]), *more, f"{EXPERIMENT}{name}", PROTOCOL, *words]


def _member(word: str) -> str:
    if not word.isdecimal():
        raise UserError(f"member is the number of one run of the study, from 0, not '{word}'")
    return f"+study.member={int(word)}"


def check_folders(folders: Sequence[Path]) -> None:
    """Refuse a folder of configuration that is not there.

    Raises:
        UserError: naming it.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise UserError(f"there is no folder {missing[0]}, which --config-dir names")


def reproduce(
    names: Sequence[str], typed: Sequence[str], own: Sequence[Path], conf: Path, target: Path, compose: Compose
) -> int:
    """Run studies one after the other and print every claim's row at the end.

    Args:
        names: of studies; none for all of them.
        typed: overrides for every member of every study, such as ``tracking=off``.
        own: the user's folders of configuration.
        conf: nnreg's own.
        target: folder of the notebook.
        compose: runs a study.

    Returns:
        0 if every claim was reproduced, 1 if one was not, a study could not be run or a figure not be drawn.

    Raises:
        UserError: a study is unknown or cannot be read, or a word means nothing to it; nothing has been run then.
    """
    from nnreg.console import terminal
    from nnreg.studies import definition, notebook

    for word in typed:
        if is_of_a_sweep(word) and word != "resume=true":
            raise UserError(f"{word} is for sweeps, and a study says itself which runs it has: leave it out")
    chosen = {name: _told(name, own, conf, typed) for name in names or definition.names([*own, conf])}
    reports: list[Mapping[str, Any]] = []
    trouble: list[str] = []
    for name, words in chosen.items():
        began = time.perf_counter()
        try:
            folder = _run_quietly(words, compose)
        except UserError as error:
            trouble.append(f"{name} was not run: {error}")
            terminal().print(trouble[-1], soft_wrap=True, markup=False)
            continue
        report = _read_report(folder)
        reports.append(report)
        if _is_whole(report):
            pictures = [folder / picture for picture in report["figures"]]
            content = {key: value for key, value in report.items() if key not in ("arms", "troubles")}  # for a comparison
            notebook.write_page(target, content, pictures, time.perf_counter() - began)
    if any(_is_whole(report) for report in reports):
        notebook.write_index(target)
    return _conclude(reports, trouble, target)


def _run_quietly(words: Sequence[str], compose: Compose) -> Path:
    """Run a study whose claims are told later; return the folder of what it produced itself."""
    from nnreg.studies.ending import OUTPUT
    from nnreg.sweeps.ending import sweep_folder

    compose([*words, "+hydra.callbacks.sweep.quiet=true"])
    home = sweep_folder()
    if home is None or not (home / OUTPUT).is_dir():
        raise UserError("its runs were not concluded")
    return home / OUTPUT


def _read_report(folder: Path) -> Mapping[str, Any]:
    from nnreg.studies.ending import REPORT

    report: Mapping[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return report


def _is_whole(report: Mapping[str, Any]) -> bool:
    return not report["failed"] and not report["troubles"]


def _verdicts(report: Mapping[str, Any]) -> list[Verdict]:
    from nnreg.studies.claims import Verdict

    return [Verdict(**claim) for claim in report["claims"]]


def _conclude(reports: Sequence[Mapping[str, Any]], trouble: Sequence[str], target: Path) -> int:
    from rich.markup import escape

    from nnreg.console import terminal
    from nnreg.studies.ending import print_verdicts

    console = terminal()
    console.print()
    for report in reports:
        console.print(f"[bold]{report['name']}[/bold]  {escape(report['title'])}", soft_wrap=True)
        print_verdicts(_verdicts(report), console)
    verdicts = [verdict for report in reports for verdict in _verdicts(report)]
    held = sum(verdict.holds for verdict in verdicts)
    console.print(f"\n{held} of {len(verdicts)} claims reproduced; pages in {target}", soft_wrap=True)
    lines = [*trouble, *(f"{report['name']}: some runs failed, no claim was checked" for report in reports if report["failed"])]
    lines += [f"{report['name']} has no new page: {line}" for report in reports for line in report["troubles"]]
    for line in lines:
        console.print(f"[red]{escape(line)}[/red]", soft_wrap=True)
    return 0 if held == len(verdicts) and not lines else 1
