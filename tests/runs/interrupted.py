"""Runs that are killed, for tests: made up of whatever is registered, and dead the moment they shall be.

``python -m tests.runs.interrupted FOLDER`` kills a run, and its resumption, at every operation on a file, one after the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from omegaconf import OmegaConf

from nnreg import errors
from nnreg.contracts import Array
from nnreg.records.folder import DiskSink, read_history, read_summary
from nnreg.registry import entries
from nnreg.runs import resume, train
from nnreg.runs.assembly import Assembled, assemble
from nnreg.runs.checkpoints import Checkpoints
from nnreg.runs.request import Request
from tests.records.cards import PLAIN

TECHNIQUES = PLAIN | {"optimizer": "adam"}
SETTINGS = {"steps": 60, "hidden": [12, 8], "batch": 16, "validate_every": 7, "tracking": "off", "checkpoint_seconds": 0.0}
OPERATIONS = ("open", "os.rename", "os.remove")


class Killed(BaseException):
    """The end of a process, as far as one process can play it: no one catches it, so nothing is flushed or closed."""


def request(folder: Path, **choices: Any) -> Request:
    """Return a small run; techniques and settings by name."""
    techniques = TECHNIQUES | {key: value for key, value in choices.items() if key in TECHNIQUES}
    settings = SETTINGS | {key: value for key, value in choices.items() if key not in TECHNIQUES}
    config = OmegaConf.create({**settings, **{slot: {"name": name} for slot, name in techniques.items()}})
    folder.mkdir(parents=True, exist_ok=True)
    return Request(config, techniques, folder, ("steps=60",), "python -m nnreg steps=60")


def killing(at: int) -> Callable[..., Assembled]:
    """Return an ``assemble`` whose optimizer dies instead of making its update number ``at``."""

    def assemble_to_die(*arguments: Any) -> Assembled:
        run = assemble(*arguments)
        step = run.optimizer.step

        def stepping(t: int, factor: float = 1.0) -> None:
            if t == at:
                raise Killed
            step(t, factor)

        run.optimizer.step = stepping  # type: ignore[method-assign]
        return run

    return assemble_to_die


@contextlib.contextmanager
def killed(at: int, checkpoint_at: int | None = None) -> Iterator[None]:
    """Let a run die at an update; the only checkpoint is that after so many updates of the process, or there is none."""
    sinks: list[DiskSink] = []
    opened = DiskSink.open
    try:
        with (
            mock.patch.object(train, "assemble", killing(at)),
            mock.patch.object(DiskSink, "open", lambda sink, card: sinks.append(sink) or opened(sink, card)),
            checkpointed(lambda updates: updates == checkpoint_at),
            contextlib.suppress(Killed),
        ):
            yield
            raise AssertionError("the run ended before it was killed")
    finally:
        for sink in sinks:
            sink._file.close()  # as the system does; the sink itself holds nothing back


@contextlib.contextmanager
def checkpointed(wanted: Callable[[int], bool]) -> Iterator[None]:
    """Let checkpoints be due by the number of updates that the process has made."""
    updates = iter(range(1, sys.maxsize))
    with mock.patch.object(Checkpoints, "due", lambda _: wanted(next(updates))):
        yield


@contextlib.contextmanager
def watched() -> Iterator[list[Assembled]]:
    """Collect what is assembled, to look at after the run."""
    seen: list[Assembled] = []

    def assemble_and_tell(*arguments: Any) -> Assembled:
        seen.append(assemble(*arguments))
        return seen[-1]

    with mock.patch.object(train, "assemble", assemble_and_tell):
        yield seen


def whole(folder: Path, **choices: Any) -> tuple[Any, ...]:
    """Train without a checkpoint or an interruption; return everything that a resumed run must have in common with it."""
    with watched() as seen:
        train.execute(request(folder, checkpoint_seconds=None, **choices), [DiskSink()])
    return traces(folder, seen[0])


def resumed(folder: Path, *overrides: str) -> tuple[Any, ...]:
    """Go on with a run; return the same."""
    with watched() as seen:
        assert resume.resume_run(folder, overrides) == 0
    return traces(folder, seen[0])


def traces(folder: Path, run: Assembled | None = None) -> tuple[Any, ...]:
    """Return every bit of a run but the time it took."""
    summary = read_summary(folder)
    assert summary is not None
    numbers = {name: value for name, value in summary["metrics"].items() if name != "steps_per_second"}
    told = (summary["status"], summary["steps"], summary["early_stop"], numbers, list(read_history(folder)))
    return told if run is None else (*told, bits(run))


def bits(run: Assembled) -> dict[str, bytes]:
    """Return all that training has changed."""
    arrays: dict[str, Array] = {"theta": run.network.parameters.theta, **run.network.state(), **run.optimizer.save()}
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}


def everything(kind: str) -> list[str]:
    """Return the names of a kind."""
    return list(entries.techniques(kind))


def main(home: Path) -> None:
    """Kill at every operation; print how many there were."""
    choices = {"steps": 12, "hidden": [4], "validate_every": 5}
    with undrawn(), open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):  # noqa: PTH123
        reference = whole(home / "whole", **choices)[:-1]
        first = _killed_everywhere(lambda folder: lambda: begin(folder, **choices), reference, home / "first")
        second = _killed_everywhere(lambda folder: prepare(folder, **choices), reference, home / "second")
    sys.stdout.write(f"{first} {second}\n")


def undrawn() -> contextlib.AbstractContextManager[object]:
    """Leave out the figures: they take longer than these runs."""
    return mock.patch.multiple("nnreg.figures", loss_figure=lambda *_: mock.Mock())


def begin(folder: Path, **choices: Any) -> None:
    """Train with a checkpoint every fourth step."""
    with checkpointed(lambda updates: updates % 4 == 0):
        train.execute(request(folder, **choices), [DiskSink()])


def prepare(folder: Path, **choices: Any) -> Callable[[], None]:
    """Leave a run that was interrupted, which has packed its history; return its resumption."""
    with checkpointed(stopped_at_seven), contextlib.suppress(KeyboardInterrupt):
        train.execute(request(folder, **choices), [DiskSink()])

    def go_on() -> None:
        with checkpointed(lambda updates: updates % 4 == 0):
            resume.resume_run(folder, ())

    return go_on


def stopped_at_seven(updates: int) -> bool:
    """Ask for a checkpoint after the fourth update; press Ctrl-C after the seventh."""
    if updates == 7:
        raise KeyboardInterrupt
    return updates == 4


def _killed_everywhere(make: Callable[[Path], Callable[[], None]], reference: tuple[Any, ...], home: Path) -> int:
    """Run in a process that dies at its first operation, then in one that dies at its second, and so on; resume each."""
    for number in range(1, 1_000):
        folder = home / str(number)
        if not _dies(make(folder), folder, number):
            return number - 1
        try:
            resume.resume_run(folder, ())
        except errors.UserError as error:
            complete = "complete" in str(error)
            assert complete or not (folder / "config.yaml").exists(), f"operation {number}: {error}"
            if not complete:  # it died before anything was written
                continue
        assert traces(folder) == reference, f"operation {number}"
    raise AssertionError("it never ends")


def _dies(action: Callable[[], None], folder: Path, at: int) -> bool:
    """Do something in a process of its own that is killed at its operation number ``at`` on a file of the folder.

    It dies before a file is renamed or removed, and after one was opened to be written: the file is there, and empty.
    """
    child = os.fork()
    if child == 0:
        operations = iter(range(1, sys.maxsize))

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            if event in OPERATIONS and str(arguments[0]).startswith(str(folder)) and next(operations) == at:
                if event == "open" and "w" in str(arguments[1]):
                    Path(arguments[0]).write_bytes(b"")
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            action()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0, f"operation {at}"
    return os.WIFSIGNALED(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
