"""A job that ended without a result: what became of its run is recorded by the process that has the sweep."""

from __future__ import annotations

import contextlib
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console

from nnreg import console, settings
from nnreg.engine.history import History
from nnreg.errors import UserError
from nnreg.launching.work import Job, Work
from nnreg.records import folder
from nnreg.records.card import Outcome, Status, summarise
from nnreg.registry import entries
from nnreg.runs import attempt, task
from nnreg.runs.console import SweepLineSink
from nnreg.runs.request import Request, describe
from nnreg.tracking import uploader
from nnreg.tracking.ledger import Tracked
from nnreg.tracking.location import resolve_target
from nnreg.tracking.store import Store

SUBDIR = "hydra.sweep.subdir="


def record(shared: Work, lost: Job, error: str | None) -> None:
    """Write into the run folder how the run ended, and print the line of the job.

    Where its process wrote nothing, all is written now. Where it wrote a part, this stays, and ``resume`` goes on from it.

    Args:
        shared: what the jobs of the sweep have in common.
        lost: which job.
        error: what went wrong, in one line; None: it was interrupted, which is told of a run that had begun only.
    """
    try:
        request = shared.request(lost)
    except Exception:  # it cannot be composed, and for that reason has no result
        request = _as_typed(shared, lost)
    facts = folder.read_facts(request.folder)
    if facts is not None and facts["status"] == folder.RUNNING:
        _end(request, error)
    elif facts is None and error is not None:
        attempt.refuse(request, task.sinks(request, alone=False), UserError(error))


def _end(request: Request, error: str | None) -> None:
    """Complete the record of a run that began."""
    history = History()
    with contextlib.suppress(OSError, ValueError):  # cut off
        history = folder.read_history(request.folder)
    steps = max((record.step for record in history), default=0)
    status: Status = "killed" if error is None else "failed"
    card, outcome = describe(request), Outcome(status, steps, 0.0, summarise(history), error=error)
    folder.write_ending(card, outcome)
    _end_tracking(request.folder)
    line = SweepLineSink(Console(highlight=False))
    line.open(card)
    line.close(outcome, history)


def _end_tracking(folder: Path) -> None:
    """Tell the tracking store that the process is gone; it may have gone too."""
    tracked = Tracked.read(folder)
    if uploader.kill_run(folder) or tracked is None or tracked.run_id is None:
        return
    with contextlib.suppress(Exception):  # `runs clean` does it later
        Store(resolve_target(Path.cwd(), tracked.uri, tracked.experiment, console.warn)).kill(tracked.run_id)


def _as_typed(shared: Work, lost: Job) -> Request:
    """Return what is known of a job without composing it."""
    slots = entries.groups()
    subdir = next((word.partition("=")[2] for word in lost.overrides if word.startswith(SUBDIR)), str(lost.number))
    words = [word for word in lost.overrides if not word.startswith("hydra") and not settings.is_of_a_sweep(word)]
    pairs = [(key, value) for key, _, value in (word.partition("=") for word in words)]
    sweep = Path(str(shared.config.hydra.sweep.dir)).absolute()
    config = OmegaConf.from_dotlist([f"{key}={value}" for key, value in pairs if key not in slots and key.isidentifier()])
    return Request(
        config=config,
        choices={slots[key]: value for key, value in pairs if key in slots},
        folder=sweep / subdir,
        overrides=tuple(words),
        command=f"python -m nnreg {' '.join(words)}",
        sweep_id=sweep.name,
        job=int(subdir) if subdir.isdecimal() else lost.number,
    )
