"""A comparison as one object: found in run folders, shown as tables and figures, written as a report; and `nnreg compare`."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from nnreg.comparison.differences import grounds
from nnreg.comparison.findings import FOLDER, Findings, find
from nnreg.comparison.naming import STUDY_ARM
from nnreg.comparison.report import files, html
from nnreg.comparison.report.captions import lost_interval, lost_words, target_words, to_target
from nnreg.comparison.report.panels import shown_metrics
from nnreg.comparison.standings import WAYS, Measured, Standing
from nnreg.comparison.tables import settings_of
from nnreg.console import folded, print_line, terminal
from nnreg.errors import UserError
from nnreg.figures import Run
from nnreg.records.manifest import read_manifest
from nnreg.records.metrics import SECONDS, TEST, VALID, heading_of, leading_metrics, with_half
from nnreg.records.results import Results
from nnreg.tracking.sink import AnswerRun, log_answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnreg.figures.page import Page


class Comparison(Findings):
    """What a sweep, or any set of runs, says: findings that show themselves in a terminal, a notebook and a folder."""

    @property
    def runs(self) -> Results:
        """Every run that is compared, arm by arm: its ``table`` and ``curves`` are for questions of one's own."""
        return Results(Run.of(run) for run in super().runs)

    @cached_property
    def _made(self) -> dict[str, Page | None]:
        return {}

    def page(self, name: str) -> Page | None:
        """Return a figure with its words, made once; None where these runs have none of that name."""
        from nnreg.comparison.report.pictures import MAKERS

        if name not in self._made:
            self._made[name] = MAKERS[name](self)
        return self._made[name]

    def figures(self) -> Mapping[str, Figure]:
        """Return the pictures that these runs have: ``curves``, ``standings``, ``ahead``, ``wins``, ``heatmap`` ..."""
        from nnreg.comparison.report.pictures import MAKERS

        return {name: page.figure for name in MAKERS if (page := self.page(name)) is not None}

    def save(self, folder: Path | str) -> Path:
        """Write ``report.html``, a PNG a figure, CSV tables, all of it as JSON; return the report's path."""
        return files.write_files(self, Path(folder), self.page)

    def __str__(self) -> str:
        """Return the answer and the table, as the console shows them."""
        return f"{comparison_text(self)}\n{self.answer}\n"

    __repr__ = __str__  # that of a dataclass would fill pages with runs

    def _repr_html_(self) -> str:
        """Return the answer and the table for a notebook."""
        return html.html_fragment(self)


def compare(
    folders: Sequence[Path | str],
    *,
    metric: str | None = None,
    target: str | None = None,
    axes: tuple[str, str] | None = None,
) -> Comparison:
    """Compare runs from their folders alone; no server is asked.

    Args:
        folders: of sweeps, studies or runs.
        metric: to rank and compare by (default: the final training loss; where regularizers were swept the validation loss,
            where the loss was the validation accuracy or R²; a descent's final value).
        target: such as ``valid/accuracy=0.95`` (default: what the median arm reaches, a descent's tolerance).
        axes: two swept settings for the heatmap (default: the first two).

    Raises:
        UserError: the runs cannot be read or compared.
    """
    return Comparison(**vars(find(folders, metric=metric, target=target, axes=axes)))


WIDE = 200  # characters of a table that goes nowhere in particular
LONGEST_JOBS = 12  # characters
KEPT = 2  # measured columns that stay however narrow the terminal is


class Column(NamedTuple):
    """A measured quantity: its heading, and its words for each arm."""

    heading: str
    cells: Sequence[str]


def show_comparison(comparison: Findings, console: Console) -> None:
    """Print the table, then the answer."""
    console.print(comparison_table(comparison, console))
    console.print()
    lines = [*comparison.answers]
    if comparison.target is not None:
        said = f"Target: {target_words(comparison)}; steps to it: median and range over seeds{_resolution(comparison)}."
        lines.append(said)
    lines += [f"{line[:1].upper()}{line[1:]}." for line in comparison.trials]
    for line in lines:
        console.print("\n".join(folded(console, line)), markup=False, highlight=False, soft_wrap=True)
    console.print()


def _resolution(comparison: Findings) -> str:
    """Return how finely steps to a target are known that is looked at when runs are validated; nothing for other targets."""
    goal = comparison.target
    if goal is None or not goal.metric.startswith(f"{VALID}/"):
        return ""
    run = next(run for arm in comparison.gathered.arms for run in arm.runs)
    steps = run.history.series(goal.metric)[0]
    if len(steps) < 2:
        return ""
    first, last = int(np.diff(steps).min()), int(np.diff(steps).max())
    return f", looked at every {first:,} steps" if first == last else f", looked at every {first:,} to {last:,} steps"


def comparison_text(comparison: Findings) -> str:
    """Return the table as text."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=WIDE, highlight=False, force_terminal=False, force_jupyter=False)
    console.print(comparison_table(comparison, console))
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def comparison_table(comparison: Findings, console: Console) -> Table:
    """Return the table of the arms: their jobs, settings, means ± half their intervals, what was lost.

    Columns that do not fit into the terminal are left out, the last first; the report has them all.
    """
    measured = _measured(comparison)
    for count in range(len(measured), KEPT, -1):
        made = _table(comparison, measured[:count])
        if Measurement.get(console, console.options.update(width=10_000), made).maximum <= console.width:
            return made
    return _table(comparison, measured[:KEPT])


def _measured(comparison: Findings) -> list[Column]:
    """Return the measured columns, most important first."""
    found = comparison.standings
    columns = [
        Column(heading_of(metric), [_cell(metric, each.metrics.get(metric)) for each in found])
        for metric in shown_metrics(comparison)
    ]
    if comparison.target is not None:
        place = min(KEPT, len(columns))
        for metric in reversed([name for name in found[0].ways_to_target if name != SECONDS]):
            cells = [to_target(metric, each.ways_to_target[metric]) for each in found]
            columns.insert(place, Column(f"{WAYS[metric]} to target", cells))
    return columns


def _table(comparison: Findings, measured: Sequence[Column]) -> Table:
    axes = settings_of(comparison.standings)
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("#", justify="right", no_wrap=True)
    for axis in axes or ["arm"]:
        made.add_column("arm" if axis == STUDY_ARM else axis, overflow="fold")
    for column in measured:
        made.add_column(column.heading, justify="right", no_wrap=True)
    made.add_column("")
    for place, each in enumerate(comparison.standings):
        names = [_setting(each, axis) for axis in axes] if axes else [each.arm.name]
        made.add_row(jobs(each), *names, *(column.cells[place] for column in measured), _note(each))
    return made


def jobs(each: Standing) -> str:
    """Return the numbers of an arm's runs in their sweep: ``0-4``, ``1,3``; how many there are where they have none."""
    numbers = [int(run.summary["job"]) for run in each.arm.runs if run.summary.get("job") is not None]
    said = ranges(sorted(numbers)) if len(numbers) == len(each.arm.runs) else ""
    return said if said and len(said) <= LONGEST_JOBS else f"{len(each.arm.runs)}×"


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers in short: ``0-2,5``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def _setting(each: Standing, axis: str) -> str:
    value = each.arm.settings.get(axis, "")
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _cell(metric: str, measured: Measured | None) -> str:
    return with_half(metric, measured.mean, measured.half) if measured is not None else "-"


def _note(each: Standing) -> str:
    """Return what was lost; of a single run, where it diverged."""
    if len(each.arm.runs) > 1 or each.finished:
        interval = lost_interval(each)
        return f"{lost_words(each)} ({interval})" if interval else lost_words(each)
    run = each.arm.runs[0].summary
    is_diverged = run["status"] == "diverged"
    return f"diverged at step {run.get('diverged_at_step')}" if is_diverged else str(run["status"]).replace("_", " ")


LABEL = "comparison"


def log_comparison(comparison: Findings, home: Path, warn: Callable[[str], None]) -> Sequence[tuple[str, str]]:
    """Log a comparison that was saved in a sweep's folder; nothing happens where the runs are not tracked.

    Args:
        comparison: what was found.
        home: of the sweep; its ``comparison`` folder becomes the artifacts.
        warn: takes one line for the user.

    Returns:
        Where to look, as (label, text) lines.
    """
    runs = Results(run for arm in comparison.gathered.arms for run in arm.runs)
    manifest = read_manifest(home)
    answer = AnswerRun(
        label=LABEL,
        folder=home / FOLDER,
        command=manifest.command if manifest is not None and manifest.command else html.command(comparison)[0],
        sweep_id=home.name,
        metrics=metrics(comparison),
        about="\n\n".join([*(f"**{line}**" for line in comparison.answers), comparison.fairness]),
        page=files.REPORT,
        overrides=tuple(word for word in manifest.overrides if not word.startswith("seed=")) if manifest is not None else (),
        seconds=float(manifest.seconds) if manifest is not None and manifest.seconds is not None else 0.0,
    )
    return log_answer(answer, runs, warn)


def metrics(comparison: Findings) -> dict[str, float]:
    """Return what MLflow's table shows of a comparison: how many runs, and how the best arm did where there is one best."""
    found: dict[str, float] = {
        "arms": len(comparison.gathered.arms),
        "runs": sum(len(arm.runs) for arm in comparison.gathered.arms),
        "runs/diverged": sum(each.untrained for each in comparison.standings),
        "runs/failed": sum(each.failed for each in comparison.standings),
        "seeds": len(comparison.gathered.seeds),
    }
    if grounds(comparison.gathered.axes):  # the best on one dataset is not the best
        return found
    best = comparison.standings[0]
    for name in (comparison.metric, *leading_metrics(TEST)):
        mean = best.mean(name)
        if math.isfinite(mean):
            found[f"best/{name.replace('/', '_')}"] = mean
    return found


HOME = Path("comparisons")
_SETTINGS = ("metric", "target", "axes")


def compare_command(
    folders: Sequence[Path],
    *,
    metric: str | None = None,
    target: str | None = None,
    axes: str | None = None,
    folder: Path | None = None,
) -> int:
    """Compare, print table and answer, and write the report.

    What is not given is what the sweep was told, where there is one sweep.

    Args:
        folders: of sweeps, studies or runs.
        metric: to rank and compare by.
        target: such as ``valid/accuracy=0.95``.
        axes: two swept settings, with a comma between them.
        folder: for the report.

    Returns:
        The exit code.

    Raises:
        UserError: the runs cannot be read or compared, or the report cannot be written.
    """
    told = _told(folders)
    compared = compare(
        folders,
        metric=metric or told.get("metric"),
        target=target or told.get("target"),
        axes=_pair(axes) if axes else told.get("axes"),
    )
    console = terminal()
    show_comparison(compared, console)
    for each in compared.gathered.left_out:
        print_line(console, "left out", f"{each.folder}: {each.why}")
    place = folder or _place(folders, compared)
    try:
        page = compared.save(place)
    except OSError as error:
        raise UserError(
            f"the report cannot be written to {place}: {error.strerror}; choose another place with --folder"
        ) from error
    print_line(console, "report", str(page.absolute()))
    return 0


def _told(folders: Sequence[Path]) -> dict[str, Any]:
    """Return how a sweep was told to be compared."""
    manifest = read_manifest(folders[0]) if len(folders) == 1 else None
    settings = manifest.settings if manifest is not None and manifest.settings is not None else {}
    told: dict[str, Any] = {name: settings.get(name) for name in _SETTINGS}
    axes = [str(axis) for axis in told["axes"]] if isinstance(told["axes"], list) else []
    named = {name: value for name, value in told.items() if isinstance(value, str)}
    return named | ({"axes": tuple(axes)} if len(axes) == 2 else {})


def _pair(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.strip("[]()").split(",") if name.strip()]
    if len(names) != 2:
        raise UserError(f"--axes takes two swept settings, such as --axes optimizer,init, got '{text}'")
    return names[0], names[1]


def _place(folders: Sequence[Path], compared: Comparison) -> Path:
    """Return where a report goes: beside the runs of a single sweep, else a new folder here.

    A comparison by another metric or target than that which lies there leaves it as it is.
    """
    if len(folders) == 1 and not (folders[0] / "config.yaml").is_file():
        own, content = folders[0] / FOLDER, files.plain_content(compared)
        if own.is_symlink():
            raise UserError(f"{own} is a symbolic link: say where the report shall be with --folder")
        there = files.read_files(own)
        is_other = any(there.get(name, content[name]) != content[name] for name in ("metric", "target"))
        return own.with_name(f"{own.name}-{compared.metric.replace('/', '-')}") if is_other else own
    return HOME / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
