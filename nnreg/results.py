"""Finished runs as data: read from their folders, chosen by what was configured, ordered by seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnreg.recording.disk import CONFIG, read_history, read_summary
from nnreg.records import History


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


class Results(Sequence[Result]):
    """Runs, ordered as they were given; choosing keeps the order."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._results = tuple(results)

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

    def sorted_by_seed(self) -> Results:
        """Return the runs in the order of their seeds."""
        return Results(sorted(self, key=lambda run: run.seed))


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
