"""Where a sweep stands, from its folders alone: how many runs have ended, how long the others take, the best so far."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnreg import console
from nnreg.comparison.naming import duration
from nnreg.console import say, terminal
from nnreg.errors import UserError, one_line
from nnreg.records.card import TUNING, UNTRAINED, is_number
from nnreg.records.folder import HISTORY, LOCK, RUNNING, SUMMARY, known_facts
from nnreg.records.manifest import FILE, Manifest, read_manifest
from nnreg.records.metrics import (
    DECIDING,
    TRAIN_FINAL,
    VALID,
    called,
    format_value,
    is_higher_better,
    leading_results,
    summary_name,
)
from nnreg.settings import DESCEND, TRAIN
from nnreg.sweeps.resuming import how, typed_path

BEGUN = "multirun.yaml"
"""Written when a sweep begins, and again when it is gone on with."""
TAIL = 4096  # bytes of a history that are read for how far its run is
MOST = 100_000  # runs that are looked for
DEAD = 60.0  # seconds without a sign of life after which it is asked whether anybody is at it
PLAIN = (1.0, 10.0, 30.0, 60.0)  # seconds between two lines where there is no terminal; the last one again and again


@dataclass(frozen=True)
class Best:
    """The best so far: what it is, what it came to, by which metric, as a mean over so many runs."""

    label: str
    value: float
    metric: str
    runs: int

    def __str__(self) -> str:
        over = f", mean of {self.runs} seeds" if self.runs > 1 else ""
        return f"{self.label}: {called(self.metric)} {format_value(self.metric, self.value)}{over}"


@dataclass(frozen=True)
class Standing:
    """Where a sweep stands.

    Attributes:
        planned: runs, of tuning too, or None where nobody knows.
        ended: of them.
        failed: of those, without a result.
        going: runs that are going on.
        elapsed: seconds since it began, or that it took.
        left: seconds that the others will take, or None where nothing tells.
        best: of those that have ended, or None.
        is_over: all has been done.
        is_dead: nobody is at it.
    """

    planned: int | None
    ended: int
    failed: int
    going: int
    elapsed: float
    left: float | None
    best: Best | None
    is_over: bool = False
    is_dead: bool = False

    @property
    def counted(self) -> str:
        """How many of how many."""
        total = "" if self.planned is None else f" of {self.planned:,}"
        failed = f", {self.failed:,} failed" if self.failed else ""
        going = f", {self.going:,} going on" if self.going and not self.is_over else ""
        return f"{self.ended:,}{total} runs{failed}{going}"

    @property
    def time(self) -> str:
        """How long it will take, or took."""
        if self.is_over:
            return f"ended after {duration(self.elapsed)}"
        if self.is_dead:
            return "interrupted"
        return f"about {_about(self.left)} left" if self.left is not None else f"{duration(self.elapsed)} so far"

    def lines(self) -> list[str]:
        """Return it for a terminal that is narrow, or none at all."""
        return [f"{self.counted}, {self.time}", *([f"best so far: {self.best}"] if self.best else [])]

    def drawn(self) -> Group:
        """Return it with a bar."""
        row = Table.grid(padding=(0, 2))
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True)
        done = self.ended / self.planned if self.planned else 0.0
        bar = ProgressBar(total=1.0, completed=done, width=20) if self.planned else Text("")
        row.add_row(Text(self.counted), bar, Text(self.time))
        best = [Text(f"best so far: {self.best}", no_wrap=True, overflow="ellipsis")] if self.best else []
        return Group(row, *best)


def _about(seconds: float) -> str:
    """Return how long something will take, which nobody knows to the second."""
    if seconds < 90:
        return f"{math.ceil(seconds):d} s"
    minutes = round(seconds / 60)
    return f"{minutes:d} min" if minutes < 90 else f"{minutes // 60:,d} h {minutes % 60:d} min"


@dataclass
class Watcher:
    """Looks at the folder of a sweep again and again; what has ended is read once.

    Args:
        home: of the sweep.
    """

    home: Path
    _ended: dict[Path, Mapping[str, Any]] = field(default_factory=dict, init=False)

    def look(self) -> Standing:
        """Return where the sweep stands.

        Raises:
            UserError: the folder is not that of a sweep.
        """
        manifest = self._manifest()
        begun = _changed(self.home / BEGUN) or _changed(self.home / FILE) or time.time()
        going: dict[Path, float] = {}
        lately = begun
        for path in self._folders():
            if path in self._ended:
                continue
            facts = known_facts(path)
            if facts and facts["status"] != RUNNING:
                self._ended[path] = {**facts, "at": _changed(path / SUMMARY) or begun}
            elif facts:
                going[path], at = _far(path, facts)
                lately = max(lately, at)
        facts_of = list(self._ended.values())
        failed = sum(facts["status"] in ("failed", "killed") for facts in facts_of)
        lately = max([lately, *(facts["at"] for facts in facts_of)])
        is_over = manifest.seconds is not None
        now = max(time.time() - begun, 0.0)
        is_dead = not is_over and ((manifest.spent is not None and not _is_held(self.home)) or self._is_dead(lately))
        return Standing(
            planned=manifest.jobs,
            ended=len(facts_of),
            failed=failed,
            going=len(going),
            elapsed=float(manifest.seconds or 0.0) if is_over else now + float(manifest.spent or 0.0),
            left=None if is_over or is_dead else _left(manifest.jobs, facts_of, going, begun, now),
            best=self._best(manifest),
            is_over=is_over,
            is_dead=is_dead,
        )

    def _manifest(self) -> Manifest:
        shown = typed_path(self.home)
        if not self.home.is_dir():
            raise UserError(f"there is no folder {shown}: name that of a sweep, such as one in runs/")
        manifest = read_manifest(self.home)
        if manifest is None and (self.home / SUMMARY).exists():
            raise UserError(f"{shown} is the folder of a run: watch takes that of a sweep")
        if manifest is None:
            damaged = f"its {FILE} is damaged" if (self.home / FILE).exists() else f"it has no {FILE}"
            raise UserError(f"{shown} is not the folder of a sweep: {damaged}")
        return manifest

    def _folders(self) -> list[Path]:
        found: list[Path] = []
        for place in (self.home, self.home / TUNING):
            with suppress(OSError), os.scandir(place) as entries:
                found += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)][:MOST]
        return sorted(found)

    def _is_dead(self, lately: float) -> bool:
        """Tell whether nothing has happened for long, and nobody has the folder."""
        return time.time() - lately > DEAD and not _is_held(self.home)

    def _best(self, manifest: Manifest) -> Best | None:
        """Return the arm that is best so far: of the compared runs once there are any, the mean over its seeds."""
        compared = [facts for path, facts in self._ended.items() if path.parent == self.home]
        facts_of = [facts for facts in (compared or self._ended.values()) if isinstance(facts.get("metrics"), dict)]
        metric = _judged(facts_of, manifest)
        arms: dict[str, list[Mapping[str, Any]]] = {}
        for facts in facts_of:
            arms.setdefault(one_line(facts.get("label", "")), []).append(facts)
        found = []
        for label, runs in arms.items():
            once = {run.get("seed", number): run for number, run in enumerate(runs)}.values()  # a seed typed twice is one
            values = [run["metrics"].get(metric) for run in once if run["status"] == "finished"]
            numbers = [float(value) for value in values if is_number(value) and math.isfinite(value)]
            if numbers and not any(run["status"] in UNTRAINED for run in runs):
                found.append(Best(label, fmean(numbers), metric, len(numbers)))
        sign = -1 if metric and is_higher_better(metric) else 1
        return min(found, key=lambda best: sign * best.value, default=None)


def _judged(facts_of: Sequence[Mapping[str, Any]], manifest: Manifest) -> str:
    """Return the metric by which the best is told: what was wanted, else the usual one of what the runs do."""
    wanted = (manifest.settings or {}).get("metric")
    known = {name for facts in facts_of for name in facts["metrics"]}
    if isinstance(wanted, str):
        return wanted if wanted in known else summary_name(wanted)
    if any(facts.get("task", TRAIN) == DESCEND for facts in facts_of):
        return DECIDING[DESCEND][0]
    losses = {str((facts.get("choices") or {}).get("loss")) for facts in facts_of}
    quality = next((name for name in leading_results(VALID) if name in known), TRAIN_FINAL)
    return TRAIN_FINAL if len(losses) < 2 else quality  # losses of different kinds have no common unit


def _left(
    planned: int | None, ended: Sequence[Mapping[str, Any]], going: Mapping[Path, float], begun: float, elapsed: float
) -> float | None:
    """Return how long the other runs will take, at the pace of this attempt, runs that are going on counted by their share."""
    if planned is None:
        return None
    lately = sum(facts["at"] >= begun for facts in ended)
    done = lately + sum(going.values())
    todo = planned - len(ended) - sum(going.values())
    return None if done <= 0 or elapsed <= 0 else max(todo, 0.0) * elapsed / done


def _far(path: Path, facts: Mapping[str, Any]) -> tuple[float, float]:
    """Return which share of its steps a run has made, and when it wrote something last."""
    file = path / HISTORY
    try:
        with file.open("rb") as history:
            size = history.seek(0, os.SEEK_END)
            history.seek(max(0, size - TAIL))
            lines = history.read(TAIL).split(b"\n")[:-1]
        step = int(lines[-1].partition(b",")[0]) if len(lines) > 1 else 0
        return min(step / max(_steps(facts), 1), 1.0), file.stat().st_mtime
    except (OSError, ValueError):  # it is being packed when the run is at its end
        return float((path / f"{HISTORY}.gz").exists()), _changed(path / SUMMARY) or 0.0


def _steps(facts: Mapping[str, Any]) -> int:
    """Return how many steps a run was asked for, by its command, which says what it does not take from the defaults."""
    from nnreg.settings import Settings

    words = facts.get("overrides")
    typed = [str(word) for word in words if str(word).startswith("steps=")] if isinstance(words, list) else []
    number = typed[-1].partition("=")[2] if typed else ""
    return int(number) if number.isdecimal() else Settings().steps


def _changed(path: Path) -> float | None:
    """Return when a file was written, in seconds since 1970."""
    with suppress(OSError):
        return path.stat().st_mtime
    return None


def _is_held(home: Path) -> bool:
    """Tell whether a process has the folder of a sweep."""
    path = home / LOCK
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


class Teller:
    """Shows where the sweep of this process stands, whenever somebody calls it: a bar in a terminal, else a line now and then.

    It is called about once a second by whoever has a moment, and starts no thread: processes are copied while runs go on.

    Args:
        home: of the sweep.
    """

    def __init__(self, home: Path) -> None:
        self._watcher, self._pid = Watcher(home), os.getpid()
        shown = terminal()
        # a stream that nobody sees, as in a notebook, has no cursor to go up
        self._live = Live(console=shown, auto_refresh=False, transient=True) if shown.is_terminal else None
        self._due, self._told = time.monotonic() + (0.0 if self._live else PLAIN[0]), 0

    def __enter__(self) -> Teller:
        if self._live is not None:
            self._live.start()
        console.ticking = self
        self()
        return self

    def __exit__(self, *error: object) -> None:
        console.ticking = None
        if self._live is not None:
            self._live.stop()

    def __call__(self) -> None:
        """Show it, if it is time."""
        if time.monotonic() < self._due or os.getpid() != self._pid:
            return
        with suppress(UserError, OSError):  # the folder is not there yet
            standing = self._watcher.look()
            if self._live is not None:
                self._live.update(standing.drawn(), refresh=True)
            elif standing.planned != standing.ended:
                say("  ".join(standing.lines()))
        if self._live is None:
            self._told += 1
        self._due = time.monotonic() + (0.5 if self._live else PLAIN[min(self._told, len(PLAIN) - 1)])


def watch_sweep(home: Path, *, once: bool, seconds: float) -> int:
    """Show where a sweep stands that runs elsewhere, until it ends.

    Args:
        home: of the sweep.
        once: show it once.
        seconds: between two looks.

    Returns:
        The exit code: 0, or 1 where the sweep was interrupted.

    Raises:
        UserError: the folder is not that of a sweep.
    """
    watcher = Watcher(home.expanduser())
    standing = watcher.look()
    shown = terminal()
    if not once:
        standing = _follow(watcher, standing, shown, seconds)
    for line in standing.lines():
        say(line)
    if standing.is_dead:
        say(f"nobody is at it: `{how(home)}` goes on with the sweep")
    return int(standing.is_dead)


def _follow(watcher: Watcher, standing: Standing, shown: Console, seconds: float) -> Standing:
    if not shown.is_terminal:
        last = ""
        while not (standing.is_over or standing.is_dead):
            if standing.counted != last:
                say("  ".join(standing.lines()))
                last = standing.counted
            time.sleep(seconds)
            standing = watcher.look()
        return standing
    with Live(standing.drawn(), console=shown, auto_refresh=False, transient=True) as live:
        while not (standing.is_over or standing.is_dead):
            live.update(standing.drawn(), refresh=True)
            time.sleep(seconds)
            standing = watcher.look()
    return standing
