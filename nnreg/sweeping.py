"""The end of a sweep: a table of its arms, best first, failures named, the answer, and where the report is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from nnreg.console import print_line, terminal, warn
from nnreg.errors import UserError, one_line
from nnreg.records.folder import SUMMARY, TRACKED, discard, read_summary
from nnreg.records.manifest import Manifest, read_manifest
from nnreg.settings import ACTIVATIONS, task_of

if TYPE_CHECKING:
    from nnreg.comparison.compare import Comparison

Runs = Mapping[Path, Mapping[str, Any]]

started: DictConfig | None = None
"""What this process has composed for a sweep, or None; its folder is that of an earlier one where that is gone on with."""


def folder() -> Path | None:
    """Return the folder of the sweep that this process has begun or gone on with, or None."""
    return None if started is None else Path(started.hydra.sweep.dir).absolute()


class SweepTable(Callback):
    """Hydra calls this around a sweep."""

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """Remember what was composed, and when."""
        global started
        started = config
        self._began = time.perf_counter()

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        """Print the table and the answer; end the program with code 1 if a run failed."""
        settings = OmegaConf.to_container(config.get("sweep") or OmegaConf.create({}), resolve=True)
        assert isinstance(settings, dict)
        home = Path(config.hydra.sweep.dir).absolute()
        failed = report(
            home, terminal(), {str(key): value for key, value in settings.items()}, time.perf_counter() - self._began
        )
        if failed:
            raise SystemExit(1)


def report(home: Path, console: Console, settings: Mapping[str, Any] | None = None, seconds: float | None = None) -> int:
    """Print all runs below a sweep's folder, best first, compare them, and return how many failed or broke off unrecorded.

    A comparison that cannot be made costs the sweep nothing: one line says why, and the table is one of single runs.

    Args:
        home: of the sweep.
        console: where to.
        settings: ``metric``, ``target`` and ``axes`` of the comparison.
        seconds: that the sweep took, where its folder does not say.
    """
    manifest = read_manifest(home)
    places = _jobs(home, manifest)
    runs = {path: summary for path in places if (summary := _summary(path)) is not None}
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
    took = manifest.seconds if manifest is not None and manifest.seconds is not None else seconds
    print_line(console, "runs", f"{len(runs) + len(unrecorded)}" + (f", {failed} failed" if failed else "") + _took(took))
    print_line(console, "sweep folder", str(home))
    tracked = any((path / TRACKED).exists() for path in runs)
    for label, text in pages or ([("look at it", "python -m nnreg ui")] if tracked else []):
        print_line(console, label, text)
    return failed


def _compared(home: Path, runs: Runs, console: Console, settings: Mapping[str, Any]) -> Comparison | None:
    """Compare the runs and print their table, or that of single runs where they cannot be compared."""
    from nnreg.sweeps.run_table import table_of_runs

    if any(task_of(summary) == ACTIVATIONS for summary in runs.values()):
        from nnreg import looks

        console.print(table_of_runs(runs))
        for picture in looks.draw(runs, home):
            print_line(console, "picture", str(picture))
        return None
    from nnreg.comparison.compare import compare
    from nnreg.comparison.console import show_comparison

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


def _saved(compared: Comparison, home: Path, console: Console) -> list[tuple[str, str]]:
    """Write the report and log it where the runs are; return where to look."""
    from nnreg.comparison.command import log_comparison
    from nnreg.comparison.findings import FOLDER

    try:
        page = compared.save(home / FOLDER)
        print_line(console, "report", str(page))
        return list(log_comparison(compared, home, warn))
    except Exception as error:  # a full disk, or what nobody has thought of
        print_line(console, "no report", _why(error))
        return []


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {one_line(error)}"


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    from nnreg.comparison.naming import duration

    return f" in {duration(seconds)}"


def _nothing(home: Path) -> str:
    discard(home)
    return "nnreg: the sweep has no runs: its glob matches nothing; see `python -m nnreg plugins`"


def _jobs(home: Path, manifest: Manifest | None) -> list[Path]:
    """Return the folders in a sweep's, in order: of its runs, and those of its tuning and its comparison."""
    compared = manifest.compared if manifest is not None else None
    inside = [path for path in home.iterdir() if path.is_dir()] if home.is_dir() else []
    found = [path for path in inside if compared is None or path.name in compared]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def _summary(path: Path) -> dict[str, Any] | None:
    """Return what is known of a run that has ended; None for any other folder, and for a damaged one."""
    try:
        return read_summary(path)
    except (ValueError, TypeError, KeyError):
        return None
