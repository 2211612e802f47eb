"""Finished runs as data: read from their folders, chosen by what was configured, ordered by seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from nnreg.engine.history import TRAIN_LOSS, History
from nnreg.recording.disk import CONFIG, read_history, read_summary
from nnreg.registry import entries

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("train/loss_final", "valid/accuracy_final", "valid/r2_final", "descent/value")


@dataclass(frozen=True)
class Result:
    """One run that has ended.

    Attributes:
        folder: run folder.
        summary: what ``summary.json`` says.
        config: resolved configuration.
        arm: name of the study's arm that it belongs to, or "".
    """

    folder: Path
    summary: Mapping[str, Any]
    config: Mapping[str, Any]
    arm: str = ""

    def __repr__(self) -> str:
        """Return what was run, and how it ended."""
        metrics = [name for name in SHOWN if name in self.summary["metrics"]]
        values = "".join(f", {name} {self.summary['metrics'][name]:.4g}" for name in metrics)
        return f"<{self.summary['label']}, seed {self.seed}: {self.summary['status']}{values}; {self.folder.name}>"

    @cached_property
    def history(self) -> History:
        """Every record of the run."""
        return read_history(self.folder)

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.config["seed"])

    def value(self, key: str) -> Any:
        """Return what was configured: ``arm``, a choice such as ``optimizer``, or a parameter such as ``init.std``.

        Raises:
            KeyError: there is no such key.
        """
        if key == "arm":
            return self.arm
        if key in self.summary["choices"]:
            return self.summary["choices"][key]
        node: Any = self.config
        for part in key.split("."):
            node = node[part]
        return node

    @property
    def typed(self) -> dict[str, Any]:
        """What was typed for this run, as configured: ``{"optimizer": "adam", "optimizer.lr": 0.1}``; lists as tuples."""
        slots = entries.groups()
        keys = [word.lstrip("+").partition("=")[0] for word in self.summary["overrides"] if not word.startswith("~")]
        found: dict[str, Any] = {}
        for key in (slots.get(key, key) for key in keys):
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


def _named(run: Result) -> dict[str, Any]:
    """Return what tells a run from others."""
    arm = {"arm": run.arm} if run.arm else {}
    return {"run": run.summary["label"], **arm, **run.typed, "seed": run.seed}


def read(folders: Mapping[Path, str]) -> Results:
    """Return the ended runs among some folders, given with the name of the arm that each belongs to."""
    found = []
    for folder, arm in folders.items():
        summary = read_summary(folder)
        if summary is not None:
            config = OmegaConf.to_container(OmegaConf.load(folder / CONFIG))
            assert isinstance(config, dict)
            found.append(Result(folder, summary, {str(key): value for key, value in config.items()}, arm))
    return Results(found)


def _same(configured: Any, wanted: Any) -> bool:
    if isinstance(configured, int | float) and isinstance(wanted, int | float):
        return abs(configured - wanted) <= 1e-9 * max(abs(configured), abs(wanted))
    return bool(configured == wanted or str(configured) == str(wanted))
