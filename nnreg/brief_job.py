"""A run that takes moments: prepared, worked off and recorded, whatever happens on the way; it needs no checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnreg.errors import UserError, one_line
from nnreg.job import TRACEBACK, close, keep_traceback, refuse
from nnreg.process import terminable
from nnreg.records.card import Outcome, RunCard
from nnreg.records.recorder import Recorder, Sink
from nnreg.request import Request

Work = Callable[[Recorder], Outcome]
Prepare = Callable[[Request], tuple[RunCard, Work]]


def execute(request: Request, sinks: Sequence[Sink], prepare: Prepare) -> Outcome:
    """Run what is asked for and record it.

    Args:
        request: what is asked for.
        sinks: where records go.
        prepare: builds and checks everything; returns the run's card, and what takes a recorder and returns the outcome.

    Raises:
        UserError: outside a sweep, when the run cannot be prepared; nothing has been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    try:
        card, work = prepare(request)
    except UserError as error:
        if request.sweep_id is None:
            raise
        return refuse(request, sinks, error)
    except Exception as failure:  # a plugin may raise anything at real sizes
        return refuse(request, sinks, failure)
    request.folder.mkdir(parents=True, exist_ok=True)
    with terminable():
        return _record(Recorder(card, sinks), card, work)


def _record(recorder: Recorder, card: RunCard, work: Work) -> Outcome:
    """Do the work and close the recorder in every ending."""
    interrupted: KeyboardInterrupt | None = None
    try:
        recorder.open()
        card.folder.joinpath(TRACEBACK).unlink(missing_ok=True)  # of an earlier failure
        outcome = work(recorder)
    except KeyboardInterrupt as interrupt:
        outcome, interrupted = Outcome("killed", 0, 0.0), interrupt
    except Exception as failure:  # a plugin may raise anything: the run failed, the program did not
        keep_traceback(card.folder, failure)
        outcome = Outcome("failed", 0, 0.0, error=f"{type(failure).__name__}: {one_line(failure)}")
    close(recorder, outcome, interrupted)
    return outcome
