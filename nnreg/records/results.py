"""Finished runs: found in folders, read whole or left out, chosen by what was configured, tabulated."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.engine.history import TRAIN_LOSS, History
from nnreg.errors import UserError
from nnreg.numerals import measured
from nnreg.records.card import ENDINGS, UNTRAINED, config_hash, is_number
from nnreg.records.earlier import current_choices, current_config
from nnreg.records.files import read_yaml
from nnreg.records.folder import CONFIG, HISTORY, RUNNING, SUMMARY, Damaged, read_facts, read_history, read_summary
from nnreg.records.metrics import DESCENT_VALUE, TRAIN_FINAL, VALID, leading_results
from nnreg.registry import entries
from nnreg.registry.nested import RATE, is_node, rate_of
from nnreg.settings import key_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """One run that has ended.

    Attributes:
        folder: run folder.
        summary: what ``summary.json`` says.
        config: resolved configuration.
        arm: name of the study's arm that it belongs to, or "".
        records: of its history where they have been read already; None: they are read when they are first asked for.
    """

    folder: Path
    summary: Mapping[str, Any]
    config: Mapping[str, Any]
    arm: str = ""
    records: History | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """Return what was run, and how it ended."""
        metrics, shown = self.summary["metrics"], (TRAIN_FINAL, *leading_results(VALID), DESCENT_VALUE)
        values = "".join(f", {name} {measured(metrics[name], 4)}" for name in shown if name in metrics)
        return f"<{self.summary['label']}, seed {self.seed}: {self.summary['status']}{values}; {self.folder.name}>"

    @cached_property
    def history(self) -> History:
        """Every record of the run."""
        return read_history(self.folder) if self.records is None else self.records

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.config["seed"])

    @property
    def is_untrained(self) -> bool:
        """Whether it diverged or failed to train: its values are in no mean."""
        return self.summary["status"] in UNTRAINED

    def value(self, key: str) -> Any:
        """Return what was configured: ``arm``, a choice such as ``optimizer``, or a parameter such as ``init.std``.

        The learning rate of an update rule that leaves it to the one inside is that one's.

        Raises:
            KeyError: there is no such key.
        """
        if key == "arm":
            return self.arm
        if key in self.summary["choices"]:
            return self.summary["choices"][key]
        node: Any = self.config
        for part in key.split("."):
            holder, node = node, node[part]
        if node is None and key.endswith(f".{RATE}"):
            return rate_of(holder)
        return node["name"] if is_node(node) else node

    @property
    def typed(self) -> dict[str, Any]:
        """What was typed for this run, as configured: ``{"optimizer": "adam", "optimizer.lr": 0.1}``; lists as tuples."""
        slots = entries.groups()
        keys = [key_of(word) for word in self.summary["overrides"] if not word.startswith("~")]
        found: dict[str, Any] = {}
        for key in (slots.get(key, key.removeprefix("schedule@")) for key in keys):
            with contextlib.suppress(KeyError, TypeError):  # it means nothing to this task
                value = self.value(key)
                found[key] = tuple(value) if isinstance(value, list) else value
        return found

    def table(self) -> pd.DataFrame:
        """Return every record, one a row: ``step``, ``metric``, ``value``."""
        import pandas as pd

        return pd.DataFrame(list(self.history), columns=["step", "metric", "value"])

    def curves(self) -> pd.DataFrame:
        """Return a column a metric and a row a step, NaN where a metric was not measured."""
        import pandas as pd

        columns = {metric: dict(zip(*self.history.series(metric), strict=True)) for metric in self.history.metrics}
        return pd.DataFrame(columns).sort_index().rename_axis("step")


class Results(Sequence[Result]):
    """Runs, ordered as they were given; choosing keeps the order."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._results = tuple(results)

    def __repr__(self) -> str:
        return f"<{len(self)} run{'' if len(self) == 1 else 's'}>"

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, index: Any) -> Any:
        found = self._results[index]
        return Results(found) if isinstance(index, slice) else found

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def where(self, **conditions: Any) -> Results:
        """Return the runs that were configured so; ``init__std=0.01`` stands for ``init.std=0.01``."""
        wanted = {key.replace("__", "."): value for key, value in conditions.items()}
        return Results(run for run in self if all(_same(run.value(key), value) for key, value in wanted.items()))

    def by(self, key: str) -> dict[Any, Results]:
        """Return the runs grouped by what was configured, groups in order of appearance."""
        groups: dict[Any, list[Result]] = {}
        for run in self:
            value = run.value(key)
            groups.setdefault(tuple(value) if isinstance(value, list) else value, []).append(run)
        return {value: Results(runs) for value, runs in groups.items()}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs, sorted, each once."""
        return tuple(sorted({run.seed for run in self}))

    def table(self) -> pd.DataFrame:
        """Return one row a run: its name, what was typed, the seed, how it ended, and its final and best metrics."""
        import pandas as pd

        ends = ("status", "diverged_at_step", "steps", "seconds")
        rows = [{**_named(run), **{end: run.summary[end] for end in ends}, **run.summary["metrics"]} for run in self]
        return pd.DataFrame(rows).dropna(axis="columns", how="all")

    def curves(self, metric: str = TRAIN_LOSS) -> pd.DataFrame:
        """Return every record of one metric, one a row: the run's name, what was typed, the seed, ``step``, ``value``."""
        import pandas as pd

        tables = []
        for run in self:
            steps, values = run.history.series(metric)
            whose = {key: [value] * len(steps) for key, value in _named(run).items()}
            tables.append(pd.DataFrame({**whose, "step": steps, "value": values}))
        return pd.concat(tables, ignore_index=True)

    def sorted_by_seed(self) -> Results:
        """Return the runs in the order of their seeds."""
        return Results(sorted(self, key=lambda run: run.seed))


def untrained_words(runs: Sequence[Result]) -> str:
    """Return ``2 of 5 diverged``, ``1 of 5 failed to train``, or both of some runs; "" where all trained."""
    counts = {status: sum(run.summary["status"] == status for run in runs) for status in UNTRAINED}
    return ", ".join(f"{count} of {len(runs)} {status.replace('_', ' ')}" for status, count in counts.items() if count)


def _named(run: Result) -> dict[str, Any]:
    """Return what tells a run from others."""
    arm = {"arm": run.arm} if run.arm else {}
    return {"run": run.summary["label"], **arm, **run.typed, "seed": run.seed}


def read_results(folders: Mapping[Path, str]) -> Results:
    """Return the ended runs among some folders, given with the name of the arm that each belongs to."""
    found = []
    for folder, arm in folders.items():
        summary = read_summary(folder)
        if summary is not None:
            config, _ = read_yaml(folder / CONFIG)
            found.append(_result(folder, summary, current_config(config), arm))
    return Results(found)


def _result(folder: Path, facts: Mapping[str, Any], config: Mapping[str, Any], arm: str = "", **read: Any) -> Result:
    """Return a run; what it chose includes kinds that are newer than itself."""
    return Result(folder, {**facts, "choices": current_choices(facts["choices"], config)}, config, arm, **read)


def _same(configured: Any, wanted: Any) -> bool:
    if isinstance(configured, int | float) and isinstance(wanted, int | float):
        return abs(configured - wanted) <= 1e-9 * max(abs(configured), abs(wanted))
    return bool(configured == wanted or str(configured) == str(wanted))


MARKS = (SUMMARY, CONFIG, HISTORY, f"{HISTORY}.gz")
MOST_NAMED = 3


@dataclass(frozen=True)
class LeftOut:
    """A folder that is in no arm, and why: damaged, half written, still running."""

    folder: Path
    why: str


def find_run_folders(given: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return the run folders in each given folder, which is that of a sweep, of a study or of one run; each once.

    Raises:
        UserError: there is no such folder, or no run in it.
    """
    if not given:
        raise UserError("nothing to compare: name the folder of a sweep, or those of some runs")
    seen: set[Path] = set()
    found: dict[Path, list[Path]] = {}
    for folder in given:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}: name that of a sweep, such as runs/..._sweep, or those of some runs")
        runs = [folder] if _is_run(folder) else _children(folder)
        if not runs:
            raise UserError(f"{folder} holds no run{_below(folder)}")
        fresh = [run for run in runs if run.resolve() not in seen]
        seen.update(run.resolve() for run in fresh)
        found.setdefault(folder, []).extend(fresh)
    return found


def read_run(folder: Path) -> Result | LeftOut:
    """Return the run in a folder, its history read, or why it is left out."""
    try:
        facts = read_facts(folder)
        if facts is None:
            raise Damaged(f"it has no {SUMMARY}: it has not begun, or was not written whole")
        if facts["status"] == RUNNING:
            return LeftOut(folder, "it is still running, or was killed without a word: python -m nnreg resume goes on with it")
        _check(facts)
        return _result(folder, facts, _config(folder, facts), records=_history(folder, facts))
    except Damaged as damage:
        return LeftOut(folder, str(damage))


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MARKS)


def _children(folder: Path) -> list[Path]:
    """Return the jobs of a sweep, in order: numbered folders, or ones of any name that look like a run."""
    inside = [path for path in folder.iterdir() if path.is_dir() and (path.name.isdecimal() or _is_run(path))]
    return sorted(inside, key=lambda path: (not path.name.isdecimal(), len(path.name), path.name))


def _below(folder: Path) -> str:
    """Return the end of a sentence that names sweeps or runs one floor down."""
    near = sorted(path for path in folder.iterdir() if path.is_dir() and _children(path))
    if not near:
        return ": name the folder of a sweep, such as runs/..._sweep, or those of some runs"
    more = f" and {len(near) - MOST_NAMED} more" if len(near) > MOST_NAMED else ""
    return f" itself; name a folder in it: {', '.join(map(str, near[-MOST_NAMED:]))}{more}"


def _check(facts: Mapping[str, Any]) -> None:
    """Make sure that a summary has what a comparison needs, of the right types."""
    choices, metrics, overrides = facts.get("choices"), facts.get("metrics"), facts.get("overrides")
    whole = (
        facts["status"] in ENDINGS
        and isinstance(choices, dict)
        and all(isinstance(choice, str) for choice in choices.values())
        and isinstance(metrics, dict)
        and all(is_number(value) and math.isfinite(value) for value in metrics.values())
        and isinstance(overrides, list)
        and all(isinstance(override, str) for override in overrides)
        and all(is_number(facts.get(key)) for key in ("steps", "seconds"))
        and isinstance(facts.get("dataset"), dict | None)
    )
    if not whole:
        raise Damaged(f"its {SUMMARY} is not that of a run")


def _config(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration; one that was cut off at the end of a line is still YAML, but lacks a chosen technique."""
    path = folder / CONFIG
    if not path.is_file():
        raise Damaged(f"it has no {CONFIG}")
    try:
        config, text = read_yaml(path)
    except (OSError, ValueError) as error:
        raise Damaged(f"its {CONFIG} is damaged") from error
    if not isinstance(config, dict) or not text.endswith("\n"):
        raise Damaged(f"its {CONFIG} is cut off")
    nodes = (config.get(slot) for slot in facts["choices"])
    if any(not isinstance(node, dict) or "name" not in node for node in nodes) or config.get("seed") != facts.get("seed"):
        raise Damaged(f"its {CONFIG} is cut off, or belongs to another run")
    whole = current_config(config)
    if facts.get("config_hash") not in (None, config_hash(whole)):  # older runs have none
        raise Damaged(f"its {CONFIG} is cut off, or was changed after the run")
    return whole


def _history(folder: Path, facts: Mapping[str, Any]) -> History:
    try:
        history = read_history(folder)
    except FileNotFoundError as error:
        raise Damaged(f"it has no {HISTORY}.gz") from error
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise Damaged(f"its {HISTORY}.gz is damaged") from error
    if facts["steps"] > 0 and not history.size:
        raise Damaged(f"its {HISTORY}.gz is empty")
    return history
