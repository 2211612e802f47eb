"""`nnreg studies`: which studies there are and what each asks; and those that look at one technique."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnreg.console import print_folded, terminal, warn
from nnreg.errors import UserError, one_line
from nnreg.settings import key_of
from nnreg.studies.definition import FOLDER, Study, names, read_study

MOST = 3  # studies that are named under a technique
_OVERRIDE = re.compile(r"^(?:override )?/?(\w+)$")


def show_studies(wanted: str | None, folders: Sequence[Path], own: Sequence[Path] = ()) -> int:
    """Print every study with its question, or all that is asked in one.

    Args:
        wanted: name of one, or None.
        folders: of configuration, the user's first.
        own: the user's, which a command line names.

    Returns:
        The exit code: 1 where a study cannot be read.

    Raises:
        UserError: there is no such study, or it cannot be read.
    """
    paper = terminal()
    if wanted is not None:
        _show_one(paper, read_study(wanted, folders), own)
        return 0
    found, code = list[Study](), 0
    for name in names(folders):
        try:
            found.append(read_study(name, folders))
        except UserError as error:
            warn(str(error))
            code = 1
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("study", no_wrap=True)
    table.add_column("what it asks", overflow="fold")
    for study in found:
        table.add_row(Text(study.name), Text(one_line(study.title)))
    paper.print(table)
    example = found[0].name if found else "NAME"
    paper.print(f"\n[dim]python -m nnreg experiment={example} runs one; python -m nnreg studies {example} says what for[/dim]")
    return code


def _show_one(paper: Console, study: Study, own: Sequence[Path]) -> None:
    members = len(study.members())
    paper.print(Text(study.title, style="bold"))
    if study.about:
        paper.print(Text(study.about.strip()))
    paper.print()
    for claim in study.claims:
        print_folded(paper, "claim", one_line(claim.get("say", "")))
    print_folded(paper, "runs", f"{members:,}, {len(study.claims)} claims, {len(study.figures)} figures")
    words = shlex.join([*(f"--config-dir={folder}" for folder in own), f"experiment={study.name}"])
    print_folded(paper, "to run it", f"python -m nnreg {words}")


def studies_of(kind: str, name: str, folders: Sequence[Path]) -> list[Study]:
    """Return the studies that look at one technique, those first that are called after it or compare the fewest.

    Args:
        kind: of the technique.
        name: likewise.
        folders: of configuration.
    """
    found = []
    for study_name in names(folders):
        try:
            study = read_study(study_name, folders)
            used = set(_used(study, kind, _chosen(study_name, folders)))
        except (UserError, OSError, ValueError):  # which a list of studies tells
            continue
        if name in used:
            called_so = name in re.split(r"[_\W]+", study_name) or name in study_name
            found.append((not called_so, len(used), study_name, study))
    return [study for *_, study in sorted(found, key=lambda each: each[:3])]


def show_studies_of(kind: str, name: str, folders: Sequence[Path]) -> None:
    """Print which studies look at one technique, and what they ask."""
    found, paper = studies_of(kind, name, folders), terminal()
    for study in found[:MOST]:
        print_folded(paper, "study", f"python -m nnreg experiment={study.name}  {one_line(study.title)}")
    if len(found) > MOST:
        others = ", ".join(study.name for study in found[MOST:])
        print_folded(paper, "studies too", others)


def _chosen(name: str, folders: Sequence[Path]) -> list[Any]:
    """Return the list of defaults of a study's file."""
    path = next(path for folder in folders if (path := folder / FOLDER / f"{name}.yaml").is_file())
    content = OmegaConf.to_container(OmegaConf.load(path))
    defaults = content.get("defaults") if isinstance(content, dict) else None
    return defaults if isinstance(defaults, list) else []


def _used(study: Study, kind: str, defaults: Sequence[Any]) -> Iterator[str]:
    """Yield the techniques of a kind that a study trains with by its own choice, those inside of others too."""
    for entry in defaults:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            chosen = _OVERRIDE.match(str(key))
            if chosen is not None and chosen[1] == kind:
                yield from str(value).split("+")
    words = [word for member in study.members() for word in member.overrides]
    for word in words:
        if key_of(word).partition("@")[0] == kind:
            yield from word.partition("=")[2].split("+")
