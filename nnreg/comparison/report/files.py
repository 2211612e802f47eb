"""Everything that a comparison says, into a folder, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.comparison import tables
from nnreg.comparison.report import html, pictures
from nnreg.figures.page import QUICK, Page, write_png
from nnreg.process import can_fork, leave_signals_to_parent
from nnreg.records.files import read_json
from nnreg.records.folder import occupied

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


Draw = Callable[[str], bool]
_draw_kept: Draw


def draw_pages(names: Iterable[str], make: Callable[[str], Page | None], place: Callable[[str], Path]) -> list[str]:
    """Write pages as pictures, on two cores where this process can be copied; return the names of those that there are.

    Args:
        names: of the pages.
        make: name to page, or None where there is none.
        place: name to file, written.
    """
    wanted = list(names)

    def draw(name: str) -> bool:
        page = make(name)
        if page is not None:
            write_png(page.figure, place(name), QUICK)
        return page is not None

    if len(wanted) > 1 and (os.cpu_count() or 1) > 1 and can_fork():
        with contextlib.suppress(BrokenProcessPool, OSError):  # what copies could not do is done here, or fails here
            return _drawn_by_copies(wanted, draw)
    return [name for name in wanted if draw(name)]


def _drawn_by_copies(wanted: list[str], draw: Draw) -> list[str]:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, context, initializer=_keep, initargs=(draw,)) as copies:
        return list(compress(wanted, copies.map(_draw, wanted)))


def _keep(draw: Draw) -> None:
    """Keep, in a copy, what draws: it came along with the copy, and could not be sent."""
    global _draw_kept
    leave_signals_to_parent()
    _draw_kept = draw


def _draw(name: str) -> bool:
    return _draw_kept(name)


REPORT, CONTENT = "report.html", "comparison.json"
TABLE, PAIRS = "table.csv", "pairs.csv"


def write_files(comparison: Findings, folder: Path, page: Callable[[str], Page | None]) -> Path:
    """Write a comparison and return the path of its report.

    Everything is made aside and moved into place at the end, so that a failure leaves what was there.

    Args:
        comparison: what to write.
        folder: made where it is missing; an earlier comparison in it is replaced, other files stay.
        page: gives a figure with its words by its name, or None where these runs have none of that name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _aside(folder) as aside:
        names = _make(comparison, aside, page)
        for name in _earlier(folder):
            (folder / name).unlink(missing_ok=True)
        for name in names:
            (aside / name).replace(folder / name)
    return folder / REPORT


ASIDE = ".part"
_FORMERLY = re.compile(r"\.[a-z0-9_]{8}")  # what earlier versions called it
WAIT = 300.0  # seconds for another process that writes here


@contextlib.contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Give an empty folder that is gone at the end; what processes that were killed left behind goes too.

    Raises:
        UserError: another process writes here, and does not end.
    """
    with occupied(folder, seconds=WAIT):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink() and (path.name == ASIDE or _FORMERLY.fullmatch(path.name)):
                shutil.rmtree(path)
        aside = folder / ASIDE
        aside.mkdir()
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _make(comparison: Findings, folder: Path, page: Callable[[str], Page | None]) -> list[str]:
    """Write all files into an empty folder and return their names."""
    shown = draw_pages(pictures.MAKERS, page, lambda name: _picture(folder, name))
    if "paths" in shown:
        _animate(comparison, folder)
    tables.write_csv(tables.arm_rows(comparison.standings, comparison.metric), folder / TABLE)
    tables.write_csv(tables.pair_rows(comparison.all_matrices), folder / PAIRS)
    (folder / REPORT).write_text(html.html(comparison, {name: _picture(folder, name) for name in shown}), encoding="utf-8")
    names = [*sorted(path.name for path in folder.iterdir()), CONTENT]
    whole_text = json.dumps(plain_content(comparison) | {"files": names}, indent=2, ensure_ascii=False, default=str)
    (folder / CONTENT).write_text(f"{whole_text}\n", encoding="utf-8")
    return names


def _picture(folder: Path, name: str) -> Path:
    return folder / f"{name}.png"


def plain_content(comparison: Findings) -> dict[str, Any]:
    """Return all of a comparison in plain containers."""
    gathered, goal = comparison.gathered, comparison.target
    return {
        "answer": list(comparison.answers),
        "look": comparison.look,
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
        "pairs": tables.pair_rows(comparison.all_matrices),
        "left_out": [{"folder": str(each.folder), "why": each.why} for each in gathered.left_out],
    }


def read_files(folder: Path) -> dict[str, Any]:
    """Return the content of a comparison that was written here; nothing where there is none, or a damaged one."""
    with contextlib.suppress(OSError, ValueError):
        found = read_json(folder / CONTENT)
        return found if isinstance(found, dict) else {}
    return {}


def _earlier(folder: Path) -> list[str]:
    """Return the names of the files that an earlier comparison wrote here."""
    names = read_files(folder).get("files")
    return [str(name) for name in names if Path(str(name)).name == str(name)] if isinstance(names, list) else []


def _animate(comparison: Findings, folder: Path) -> None:
    """Let the paths of descents grow where that was asked for."""
    kind = str(comparison.gathered.arms[0].runs[0].config.get("animate", "off"))
    if kind == "off":
        return
    from nnreg.figures.animation import animate

    picture = pictures.paths_picture(comparison, racing=True)
    if picture is None:
        return
    animate(picture, folder / f"paths.{kind}")
