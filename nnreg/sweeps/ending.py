"""What is printed and written when a sweep has ended."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from nnreg.console import print_line, terminal, warn
from nnreg.errors import Interrupted, UserError, one_line
from nnreg.numerals import fixed
from nnreg.records.folder import SUMMARY, TRACKED, discard, read_summary
from nnreg.records.manifest import Manifest, read_manifest
from nnreg.records.metrics import (
    ARRIVAL,
    DESCENT_VALUE,
    SECONDS,
    TRAIN_FINAL,
    VALID,
    exact_value,
    heading_of,
    leading_results,
    metric_of,
    metrics_for_people,
    metrics_in_order,
)
from nnreg.registry.building import read_settings
from nnreg.runs import request, task
from nnreg.settings import ACTIVATIONS, DESCEND, setting_names, task_of

if TYPE_CHECKING:
    from rich.table import Table

    from nnreg.comparison.compare import Comparison
    from nnreg.records.results import Results

NO_RUNS = "the sweep has no runs: its glob or range holds nothing; see `python -m nnreg plugins`"
PICTURE = "outputs.png"
MOST_ROWS = 12


def draw_looks(folders: Mapping[Path, Mapping[str, Any]], home: Path) -> list[Path]:
    """Draw all runs of a sweep that ended as a result.

    Args:
        folders: run folder to what its ``summary.json`` says.
        home: of the sweep, written to.

    Returns:
        The files written, none where no run has a result.
    """
    from nnreg.figures.layers import histograms
    from nnreg.figures.page import save_figure
    from nnreg.records.results import Results, read_results

    ended = {path: "" for path, summary in folders.items() if summary["status"] == "finished"}
    runs = _named(read_results(ended))
    if not len(runs):
        return []
    depth = max(len(run.history.series("outputs/std")[0]) for run in runs)
    title = f"Which signal is still alive after {depth} layer{'s' if depth > 1 else ''}?"
    note = f"The first {MOST_ROWS} of {len(runs)} runs." if len(runs) > MOST_ROWS else ""
    common = [names for names in (runs.by(kind) for kind in ("activation", "init", "norm", "dropout")) if len(names) == 1]
    subtitle = ", ".join(str(name).replace("_", " ") for names in common for name in names if name != "none")
    save_figure(histograms(Results(list(runs)[:MOST_ROWS]), {"subtitle": subtitle, "note": note}, title), home / PICTURE)
    return [home / PICTURE]


def _named(runs: Results) -> Results:
    """Return the runs, each called by what was swept; the seed where nothing else was."""
    from nnreg.comparison.differences import find_axes
    from nnreg.comparison.naming import settings_name
    from nnreg.records.results import Results

    apart = find_axes(list(runs)) if len(runs) else None
    names = (
        [settings_name({key: values[key] for key in apart.shown if key in values}) for values in apart.values] if apart else []
    )
    seeded = [
        name or (f"seed {run.seed}" if len(runs) > 1 else run.summary["label"]) for name, run in zip(names, runs, strict=True)
    ]
    return Results(dataclasses.replace(run, arm=str(name)) for run, name in zip(runs, seeded, strict=True))


Summary = Mapping[str, Any]


def table_of_runs(runs: Mapping[Path, Summary]) -> Table:
    """Return the table of some runs, given by folder with what their ``summary.json`` says.

    Best is the highest final validation accuracy, or R², then the lowest final training loss; of descents the one that arrived
    first, then the one that ended lowest. Looks at untrained layers keep their order. Failed runs come last.
    """
    from rich.table import Table

    summaries = sorted(runs.values(), key=_rank)
    swept = differing(summaries)
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("#", justify="right")
    for key in swept:
        made.add_column(key, overflow="fold")
    known = metrics_in_order(name for summary in summaries for name in summary["metrics"])
    measured = [name for name in metrics_for_people(known) if metric_of(name).heading]
    for column in (*map(heading_of, measured), heading_of(SECONDS)):
        made.add_column(column, justify="right")
    made.add_column("")
    for summary in summaries:
        metrics, given = summary["metrics"], typed(summary)
        values = [(name, metrics.get(name)) for name in measured]
        cells = ["-" if value is None else exact_value(name, value) for name, value in values]
        made.add_row(
            str(summary["job"]), *(given.get(key, "") for key in swept), *cells, fixed(summary["seconds"], 1), _note(summary)
        )
    return made


def typed(summary: Summary) -> dict[str, str]:
    """Return what was typed for a run, by key."""
    return dict(override.split("=", 1) for override in summary["overrides"] if "=" in override)


def differing(summaries: Sequence[Summary]) -> list[str]:
    """Return the overridden keys that differ between runs; all of them where none does."""
    given = [typed(summary) for summary in summaries]
    keys = list(dict.fromkeys(key for overrides in given for key in overrides))
    return [key for key in keys if len({overrides.get(key) for overrides in given}) > 1] or keys


def _rank(summary: Summary) -> tuple[int, float, float]:
    order = ("finished", "pruned", "failed_to_train", "diverged", "killed", "failed").index(summary["status"])
    metrics = summary["metrics"]
    if task_of(summary) == DESCEND:
        return order, metrics.get(ARRIVAL, math.inf), metrics.get(DESCENT_VALUE, math.inf)
    quality = next((metrics[name] for name in leading_results(VALID) if name in metrics), 0.0)
    return order, -quality, metrics.get(TRAIN_FINAL, math.inf)


def _note(summary: Summary) -> str:
    notes = {"finished": "", "diverged": f"diverged at step {summary['diverged_at_step']}"}
    return notes.get(summary["status"], str(summary["status"]).replace("_", " "))


Runs = Mapping[Path, Mapping[str, Any]]

started: DictConfig | None = None
"""What this process has composed for a sweep, or None; its folder is that of an earlier one where that is gone on with."""


def sweep_folder() -> Path | None:
    """Return the folder of the sweep that this process has begun or gone on with, or None."""
    return None if started is None else Path(started.hydra.sweep.dir).absolute()


class Ending(Protocol):
    """What a protocol does when all runs have ended, in place of the table and the comparison."""

    def conclude(self, home: Path) -> bool:
        """Do it, and write what came of it below the sweep's folder; return whether all went well."""

    def show(self, console: Console) -> None:
        """Print what came of it."""


class SweepTable(Callback):
    """Hydra calls this around a sweep.

    Args:
        quiet: whether what an ending came to is told by whoever asked for it.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self.ending: Ending | None = None
        self.broken_off = 0  # runs that nobody recorded

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """Remember what was composed, and when."""
        global started
        started = config
        self._began = time.perf_counter()
        known = OmegaConf.masked_copy(config, [name for name in setting_names() if name in config])
        try:
            read_settings(known)
        except UserError:  # which is said of the first job, and is all that is said
            return
        task.tell_of_unused(config, request.typed(config.hydra.overrides.task))
        for word in request.typed(config.hydra.overrides.hydra):
            if word.startswith("hydra.run."):
                warn(f"{word} is not used by a sweep, whose folder is hydra.sweep.dir")

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        """Print the table and the answer; end the program with code 1 if a run failed."""
        settings = OmegaConf.to_container(config.get("sweep") or OmegaConf.create({}), resolve=True)
        assert isinstance(settings, dict)
        home, console = Path(config.hydra.sweep.dir).absolute(), terminal()
        try:
            if self.ending is not None:
                failed = not _concluded(self.ending, home, None if self._quiet else console)
            else:
                took = time.perf_counter() - self._began
                failed = report(home, console, {str(key): value for key, value in settings.items()}, took) > 0
            failed = failed or self.broken_off > 0
        except KeyboardInterrupt as interrupt:
            raise Interrupted(f"interrupted; `{_resuming(home)}` makes what was to be made of the runs") from interrupt
        if failed:
            raise SystemExit(1)


def _concluded(ending: Ending, home: Path, console: Console | None) -> bool:
    """Conclude a sweep as its protocol wants it; tell whether all went well."""
    try:
        is_well = ending.conclude(home)
    except Exception as error:  # Hydra would make a warning of it, and the exit code would be 0
        warn(f"the runs in {home} are kept, and nothing was made of them: {_why(error)}")
        return False
    if console is not None:
        ending.show(console)
    return is_well


def report(home: Path, console: Console, settings: Mapping[str, Any] | None = None, seconds: float | None = None) -> int:
    """Print all runs below a sweep's folder, best first, compare them, and return how many failed or broke off unrecorded.

    A comparison that cannot be made costs the sweep nothing: one line says why, and the table is one of single runs. One that
    could not be written is made again when the sweep is resumed.

    Args:
        home: of the sweep.
        console: where to.
        settings: ``metric``, ``target`` and ``axes`` of the comparison.
        seconds: that the sweep took, where its folder does not say.
    """
    manifest = read_manifest(home)
    places = _jobs(home, manifest)
    runs = {path: summary for path in places if (summary := read_summary(path)) is not None}
    unrecorded = [path for path in places if path.name.isdecimal() and path not in runs]
    if not runs and not unrecorded:
        raise SystemExit(_nothing(home))
    console.print()
    compared = _compared(home, runs, console, settings or {}) if runs else None
    failed = sum(1 for summary in runs.values() if summary["status"] == "failed") + len(unrecorded)
    for path, summary in runs.items():
        if summary["status"] == "failed":
            print_line(console, f"failed #{summary['job']}", f"{summary['error']}  ({path})")
    for path in unrecorded:
        print_line(console, f"failed #{path.name}", f"it left no readable {SUMMARY}  ({path})")
    pages = _saved(compared, home, console) if compared is not None else []
    if manifest is not None and pages is not None:
        _write_concluded(home, manifest)
    took = manifest.seconds if manifest is not None and manifest.seconds is not None else seconds
    print_line(console, "runs", f"{len(runs) + len(unrecorded)}" + (f", {failed} failed" if failed else "") + _took(took))
    print_line(console, "sweep folder", str(home))
    tracked = any((path / TRACKED).exists() for path in runs)
    for label, text in pages or ([("look at it", "python -m nnreg ui")] if tracked else []):
        print_line(console, label, text)
    return failed


def _resuming(home: Path) -> str:
    """Return the command line that goes on with a sweep."""
    from nnreg.sweeps import resuming  # not for a single run

    return resuming.how(home)


def _write_concluded(home: Path, manifest: Manifest) -> None:
    """Write that nothing is left to be done, if the disk lets it be written."""
    with contextlib.suppress(OSError):
        dataclasses.replace(manifest, concluded=True).save(home)


def _compared(home: Path, runs: Runs, console: Console, settings: Mapping[str, Any]) -> Comparison | None:
    """Compare the runs and print their table, or that of single runs where they cannot be compared."""
    if any(task_of(summary) == ACTIVATIONS for summary in runs.values()):
        console.print(table_of_runs(runs))
        for picture in draw_looks(runs, home):
            print_line(console, "picture", str(picture))
        return None
    from nnreg.comparison.compare import compare, show_comparison

    wanted = {name: settings.get(name) for name in ("metric", "target", "axes")}
    try:
        axes = tuple(wanted.pop("axes") or ()) or None
        compared = compare([home], **wanted, axes=axes)
    except Exception as error:  # whatever it is, the sweep and its exit code are what they were
        console.print(table_of_runs(runs))
        print_line(console, "not compared", _why(error))
        if any(settings.get(name) for name in ("metric", "target", "axes")):
            print_line(console, "to compare", f"python -m nnreg compare {home}, with another --metric, --target or --axes")
        return None
    show_comparison(compared, console)
    return compared


def _saved(compared: Comparison, home: Path, console: Console) -> list[tuple[str, str]] | None:
    """Write the report and log it where the runs are; return where to look, or None where it could not be written."""
    from nnreg.comparison.compare import log_comparison
    from nnreg.comparison.findings import FOLDER

    try:
        page = compared.save(home / FOLDER)
        print_line(console, "report", str(page))
        return list(log_comparison(compared, home, warn))
    except Exception as error:  # a full disk, or what nobody has thought of
        print_line(console, "no report", f"{_why(error)}; `{_resuming(home)}` writes it when there is room")
        return None


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {one_line(error)}"


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    from nnreg.comparison.naming import duration

    return f" in {duration(seconds)}"


def _nothing(home: Path) -> str:
    discard(home)
    return f"nnreg: {NO_RUNS}"


def _jobs(home: Path, manifest: Manifest | None) -> list[Path]:
    """Return the folders in a sweep's, in order: of its runs, and those of its tuning and its comparison."""
    compared = manifest.compared if manifest is not None else None
    inside = [path for path in home.iterdir() if path.is_dir()] if home.is_dir() else []
    found = [path for path in inside if compared is None or path.name in compared]
    return sorted(found, key=lambda path: (len(path.name), path.name))
