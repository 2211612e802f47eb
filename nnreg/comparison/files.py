"""The folder of a comparison: a report for people, pictures, tables, and the whole as JSON for programs."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.comparison import drawing, pictures, report, tables
from nnreg.figures.overview import overview
from nnreg.figures.page import QUICK, write_png

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings
    from nnreg.figures.page import Page

REPORT, OVERVIEW, CONTENT = "report.html", "overview.png", "comparison.json"
TABLE, PAIRS = "table.csv", "pairs.csv"
MOST_ON_ONE_PAGE = 6


def write(comparison: Findings, folder: Path, page: Callable[[str], Page | None]) -> Path:
    """Write a comparison and return the path of its report.

    Everything is made aside and moved into place at the end, so that a failure leaves what was there.

    Args:
        comparison: what to write.
        folder: made where it is missing; an earlier comparison in it is replaced, other files stay.
        page: gives a figure with its words by its name, or None where these runs have none of that name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as aside:
        names = _make(comparison, Path(aside), page)
        for name in _earlier(folder):
            (folder / name).unlink(missing_ok=True)
        for name in names:
            (Path(aside) / name).replace(folder / name)
    return folder / REPORT


def _make(comparison: Findings, folder: Path, page: Callable[[str], Page | None]) -> list[str]:
    """Write all files into an empty folder and return their names."""
    shown = drawing.draw(pictures.MAKERS, page, lambda name: _picture(folder, name))
    if shown:
        title = "What did the comparison show?"
        whole = overview(list(shown.values())[:MOST_ON_ONE_PAGE], title, comparison.answer, comparison.fairness)
        write_png(whole, folder / OVERVIEW, QUICK)
    if "paths" in shown:
        _animate(comparison, folder)
    tables.write_csv(tables.arm_rows(comparison.standings, comparison.metric), folder / TABLE)
    tables.write_csv(tables.pair_rows(comparison.matrices), folder / PAIRS)
    (folder / REPORT).write_text(report.html(comparison, {name: _picture(folder, name) for name in shown}), encoding="utf-8")
    names = [*sorted(path.name for path in folder.iterdir()), CONTENT]
    whole_text = json.dumps(content(comparison) | {"files": names}, indent=2, ensure_ascii=False, default=str)
    (folder / CONTENT).write_text(f"{whole_text}\n", encoding="utf-8")
    return names


def _picture(folder: Path, name: str) -> Path:
    return folder / f"{name}.png"


def content(comparison: Findings) -> dict[str, Any]:
    """Return all of a comparison in plain containers."""
    gathered, goal = comparison.gathered, comparison.target
    return {
        "answer": comparison.answer,
        "fairness": comparison.fairness,
        "metric": comparison.metric,
        "target": {"metric": goal.metric, "value": goal.value, "rule": goal.rule} if goal is not None else None,
        "folders": [str(folder) for folder in gathered.folders],
        "axes": {axis: list(values) for axis, values in gathered.axes.items()},
        "seeds": list(gathered.seeds),
        "paired": gathered.paired,
        "protocol": gathered.tuning.protocol,
        "budget": dict(gathered.tuning.budget),
        "table": tables.arm_rows(comparison.standings, comparison.metric),
        "pairs": tables.pair_rows(comparison.matrices),
        "left_out": [{"folder": str(each.folder), "why": each.why} for each in gathered.left_out],
    }


def read(folder: Path) -> dict[str, Any]:
    """Return the content of a comparison that was written here; nothing where there is none, or a damaged one."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _earlier(folder: Path) -> list[str]:
    """Return the names of the files that an earlier comparison wrote here."""
    names = read(folder).get("files")
    return [str(name) for name in names if Path(str(name)).name == str(name)] if isinstance(names, list) else []


def _animate(comparison: Findings, folder: Path) -> None:
    """Let the paths of descents grow where that was asked for."""
    kind = str(comparison.gathered.arms[0].runs[0].config.get("animate", "off"))
    if kind == "off":
        return
    from nnreg.figures.animation import animate

    picture = pictures.paths_picture(comparison)
    assert picture is not None
    animate(picture, folder / f"paths.{kind}")
