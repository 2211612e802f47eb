"""A run as it goes to the tracking store, in a form that also waits on disk until that store can be reached."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from nnreg.records.checkpoint import FILE
from nnreg.records.folder import SPOOL, TRACKED

_LOCAL = (SPOOL, TRACKED, FILE)
"""Files that only this machine can do something with."""


class Point(NamedTuple):
    """One point of a curve: ``millis`` is when it was measured, in milliseconds since 1970."""

    metric: str
    value: float
    millis: int
    step: int

    @property
    def identity(self) -> tuple[str, int, float]:
        """What makes it the same point, whenever it was measured: a resumed run measures some again."""
        return self.metric, self.step, self.value


@dataclass
class Ledger:
    """Everything the store shall know of one run; sending it twice changes nothing.

    Attributes:
        key: unique; a tag of the run, by which it is found again.
        uri: the store it was meant for.
        experiment: its name.
        name: name of the run.
        folder: run folder; every file in it becomes an artifact.
        params: configuration by dotted key.
        tags: by name.
        dataset: name, digest, source and profile of the data; empty where none was loaded.
        started: milliseconds since 1970.
        points: thinned curves.
        status: RUNNING, FINISHED, FAILED or KILLED.
        ended: milliseconds since 1970, or None while it runs.
        resumed: whether an earlier process may have sent parts of it.
        about: begins the description, or "".
        page: the artifact that the description links, or "" for the task's own figure.
    """

    key: str
    uri: str
    experiment: str
    name: str
    folder: str
    params: dict[str, str]
    tags: dict[str, str]
    dataset: dict[str, str]
    started: int
    points: list[Point] = field(default_factory=list)
    status: str = "RUNNING"
    ended: int | None = None
    resumed: bool = False
    about: str = ""
    page: str = ""

    def save(self) -> None:
        """Write the ledger to the run folder, whole or not at all."""
        path = Path(self.folder) / SPOOL
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".json.{os.getpid()}")
        aside.write_text(json.dumps(asdict(self)), encoding="utf-8")
        aside.replace(path)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Read what ``save`` wrote; the folder is where the file is now.

        Raises:
            ValueError: the file is damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            points = [Point(*point) for point in content.pop("points")]
            return cls(**content | {"points": points, "folder": str(path.parent)})
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


@dataclass(frozen=True)
class Tracked:
    """Where a run is tracked, for the process that resumes it.

    Attributes:
        key: unique; a tag of the run, by which it is found again.
        uri: the store, without a password.
        experiment: its name.
        started: milliseconds since 1970.
        run_id: for people; None before the store has the run.
    """

    key: str
    uri: str
    experiment: str
    started: int
    run_id: str | None = None

    def save(self, folder: Path) -> None:
        """Write it to the run folder, whole or not at all."""
        aside = folder / f"{TRACKED}.part"
        aside.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        aside.replace(folder / TRACKED)

    @classmethod
    def read(cls, folder: Path) -> Tracked | None:
        """Return what ``save`` wrote, or None for a run that was not tracked or whose file is damaged."""
        try:
            found = cls(**json.loads((folder / TRACKED).read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError):
            return None
        is_whole = all(isinstance(text, str) for text in (found.key, found.uri, found.experiment))
        return found if is_whole and found.key.isalnum() and isinstance(found.started, int) else None


def files_of(folder: Path) -> list[Path]:
    """Return the files of a run folder that become artifacts: all but hidden ones and those for this machine only."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        path
        for path in files
        if not path.name.startswith(_LOCAL) and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def now() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000
