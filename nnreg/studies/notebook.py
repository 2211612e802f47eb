"""The lab notebook: a page for every study, and an index with a contact sheet, generated from what `reproduce` measured."""

from __future__ import annotations

import json
import platform
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nnreg.numerals import whole

INDEX = "README.md"
LIBRARIES = ("nnreg", "numpy", "hydra-core", "mlflow", "matplotlib")
COLUMNS = 3  # of the contact sheet


def write_page(folder: Path, content: Mapping[str, Any], figures: Sequence[Path], seconds: float) -> Path:
    """Write the page of a study, its figures, and the data that the index is made from.

    Args:
        folder: the notebook.
        content: what the study.json of the study says.
        figures: pictures to copy beside the page.
        seconds: wall time of the whole study.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = str(content["name"])
    for stale in folder.glob(f"{name}*.png"):
        if stale.stem == name or stale.stem.removeprefix(f"{name}-").isdigit():
            stale.unlink()
    for figure in figures:
        shutil.copyfile(figure, folder / figure.name)
    facts = {
        **content,
        "date": date.today().isoformat(),
        "machine": _machine(),
        "versions": _versions(),
        "wall_seconds": round(seconds, 1),
    }
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page = folder / f"{name}.md"
    page.write_text(_page(facts), encoding="utf-8")
    return page


def write_index(folder: Path) -> Path:
    """Write the index over every study that has a page in the notebook."""
    studies = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    held, total = (sum(counts) for counts in zip(*(_counts(study) for study in studies), strict=True)) if studies else (0, 0)
    lines = [
        "# Lab notebook",
        "",
        "Every study of this folder, run by `python -m nnreg reproduce --all` and checked claim by claim.",
        "Nothing here is typed by hand.",
        "",
        f"**{held} of {total} claims reproduced.**",
        "",
        "| study | question | claims reproduced | runs | seconds |",
        "|---|---|---|---|---|",
    ]
    for study in studies:
        holds, claims = _counts(study)
        row = (
            f"[{study['name']}]({study['name']}.md)",
            _cell(study["title"]),
            f"{holds} of {claims}",
            study["runs"],
            study["wall_seconds"],
        )
        lines.append("| " + " | ".join(map(str, row)) + " |")
    lines += ["", "## Contact sheet", "", *_contact_sheet(studies), ""]
    path = folder / INDEX
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _page(facts: Mapping[str, Any]) -> str:
    lines = [f"# {facts['title']}", "", _wrapped(facts["about"]), "", "```", facts["command"], "```", ""]
    for figure in facts["figures"]:
        lines += [f"![{facts['title']}]({figure})", ""]
    lines += ["## Claims", "", "| claim | expected | measured | |", "|---|---|---|---|"]
    for claim in facts["claims"]:
        mark = "reproduced" if claim["holds"] else "**not reproduced**"
        mark = f"not checked: {claim['changed']}" if claim.get("changed") else mark
        lines.append(f"| {_cell(claim['say'])} | `{claim['expect']}` | {_cell(claim['measured'])} | {mark} |")
    lines += ["", "How each was measured:", ""]
    lines += [f"- {claim['say']}: `{claim['measure']}`" for claim in facts["claims"]]
    if facts["findings"]:
        lines += ["", "## What else it shows", "", _wrapped(facts["findings"])]
    return "\n".join([*lines, "", "## How it was made", "", *_made(facts), ""])


def _made(facts: Mapping[str, Any]) -> list[str]:
    seeds = facts["seeds"]
    runs = f"{facts['runs']} runs, {'one seed' if len(seeds) == 1 else f'seeds {seeds[0]} to {seeds[-1]}'}"
    runs += f", {facts['diverged']} of them diverged" if facts["diverged"] else ""
    lines = [f"- {runs}; {whole(facts['wall_seconds'])} s in all, {whole(facts['seconds'])} s of them training."]
    if facts["dataset"]:
        data = facts["dataset"]
        rows = ", ".join(f"{count:,} {part}" for part, count in data["rows"].items())
        lines.append(f"- Data: {data['name']}, {rows} rows, digest {data['digest'][:12]}.")
    lines.append(
        "- ± is half the 95 % interval of the mean over seeds (Student's t); an inequality must hold for the whole interval."
    )
    lines.append(
        f"- {facts['date']}, {facts['machine']}; "
        + ", ".join(f"{key} {value}" for key, value in facts["versions"].items())
        + "."
    )
    return lines


def _contact_sheet(studies: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = [study for study in studies if study["figures"]]
    lines = ["| " + " | ".join(" " for _ in range(COLUMNS)) + " |", "|" + "---|" * COLUMNS] if shown else []
    for start in range(0, len(shown), COLUMNS):
        row = [_linked(study["name"], study["figures"][0], study["title"]) for study in shown[start : start + COLUMNS]]
        lines.append("| " + " | ".join(row) + " |")
    return lines


def _linked(name: str, figure: str, title: str) -> str:
    return f'<a href="{name}.md"><img src="{figure}" width="280" alt="{escape(_cell(title))}"><br>{name}</a>'


def _counts(study: Mapping[str, Any]) -> tuple[int, int]:
    return sum(claim["holds"] for claim in study["claims"]), len(study["claims"])


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), 150) for paragraph in text.split("\n\n"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}"


def _versions() -> dict[str, str]:
    return {library: version(library) for library in LIBRARIES}
