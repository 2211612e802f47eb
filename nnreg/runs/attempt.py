"""A run prepared, worked off and recorded, whatever happens on the way."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from nnreg.errors import UserError, one_line
from nnreg.process import on_cores, terminable, undisturbed
from nnreg.records.card import Outcome, RunCard, Status
from nnreg.records.files import write_whole
from nnreg.records.recorder import Recorder, Sink
from nnreg.runs.request import Request, describe
from nnreg.tracking.location import without_password

TRACEBACK = "traceback.txt"


def refuse(request: Request, sinks: Sequence[Sink], error: BaseException) -> Outcome:
    """Record a run that cannot be assembled: it failed, the others of its sweep go on."""
    request.folder.mkdir(parents=True, exist_ok=True)
    keep_traceback(request.folder, error)
    steps = request.resumption.step if request.resumption else 0
    outcome = Outcome("failed", steps, 0.0, error=_said(error))
    recorder = Recorder(describe(request), sinks)
    recorder.open()
    recorder.close(outcome)
    return outcome


def keep_traceback(folder: Path, error: BaseException) -> None:
    """Write the traceback of an error into a run folder, if the disk lets it be written."""
    with contextlib.suppress(OSError):  # a full disk: what is recorded elsewhere must still come to its end
        text = without_password("".join(traceback.format_exception(error)))
        write_whole(folder / TRACEBACK, text.encode(errors="replace"))


def _said(error: BaseException) -> str:
    return without_password(str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {one_line(error)}")


def _nothing_done(recorder: Recorder, status: Status, error: str | None) -> Outcome:
    return Outcome(status, 0, 0.0, error=error)


class Work(NamedTuple):
    """What a prepared run does.

    Attributes:
        do: takes the recorder and returns the outcome.
        cut_off: takes the recorder, ``killed`` or ``failed``, and the error in one line; returns the outcome of what was done
            until then.
    """

    do: Callable[[Recorder], Outcome]
    cut_off: Callable[[Recorder, Status, str | None], Outcome] = _nothing_done


Prepare = Callable[[Request], tuple[RunCard, Work]]


def attempt(request: Request, sinks: Sequence[Sink], prepare: Prepare) -> Outcome:
    """Run what is asked for and record it.

    Args:
        request: what is asked for.
        sinks: where records go.
        prepare: builds and checks everything; returns the run's card and its work.

    Raises:
        UserError: outside a sweep, when the run cannot be prepared; or when it cannot go on from where it shall. Nothing has
            been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    with contextlib.ExitStack() as held:
        held.enter_context(on_cores(request.config.get("threads")))  # products are laid out for them
        try:
            card, work = prepare(request)
            held.enter_context(terminable())
        except UserError as error:
            if request.sweep_id is None or request.resumption is not None:
                raise
            return refuse(request, sinks, error)
        except (Exception, SystemExit) as failure:  # a plugin may raise anything at real sizes
            return refuse(request, sinks, failure)
        return _record(Recorder(card, sinks), card, work)


def _record(recorder: Recorder, card: RunCard, work: Work) -> Outcome:
    """Do the work and close the recorder in every ending."""
    interrupted: KeyboardInterrupt | None = None
    try:
        card.folder.mkdir(parents=True, exist_ok=True)
        recorder.open()
        card.folder.joinpath(TRACEBACK).unlink(missing_ok=True)  # of an earlier failure
        outcome = work.do(recorder)
    except KeyboardInterrupt as interrupt:
        outcome, interrupted = work.cut_off(recorder, "killed", None), interrupt
    except (Exception, SystemExit) as failure:  # a plugin may raise anything: the run failed, the program did not
        keep_traceback(card.folder, failure)
        outcome = work.cut_off(recorder, "failed", _said(failure))
    try:
        with undisturbed():
            recorder.close(outcome)
    finally:  # the interrupt is passed on also where the disk is full
        if interrupted is not None:
            raise interrupted
    return outcome
