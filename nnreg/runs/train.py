"""The task that trains a network, from its request to its outcome."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from nnreg.contracts import Array, Targets
from nnreg.engine.diagnostics import Diagnostics, check_gradient
from nnreg.engine.history import Record
from nnreg.engine.rows import converted
from nnreg.engine.stopping import EarlyStopping, Pruning
from nnreg.engine.training import PAUSE, Stopwatch, clipper, train
from nnreg.errors import UserError
from nnreg.process import terminable
from nnreg.records.card import Outcome, RunCard, Status, summarise
from nnreg.records.recorder import Recorder, Sink
from nnreg.runs.assembly import Assembled, assemble
from nnreg.runs.attempt import TRACEBACK, _said, close, keep_traceback, refuse
from nnreg.runs.checkpoints import Checkpoints, Live
from nnreg.runs.request import Request, describe


def execute(request: Request, sinks: Sequence[Sink]) -> Outcome:
    """Run what is asked for and record it.

    Raises:
        UserError: outside a sweep, when the run cannot be assembled; or when it cannot go on from where it shall. Nothing has
            been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    with contextlib.ExitStack() as held:
        try:
            card, live = _prepare(request)
            held.enter_context(terminable())
        except UserError as error:
            if request.sweep_id is None or request.resumption is not None:
                raise
            return refuse(request, sinks, error)
        except Exception as failure:  # a plugin may raise anything at real sizes
            return refuse(request, sinks, failure)
        pruning = Pruning(request.is_enough) if request.is_enough else None
        return _record(live, card, Recorder(card, sinks), pruning)


def _prepare(request: Request) -> tuple[RunCard, Live]:
    """Assemble a run and bring it to where it begins or goes on."""
    assembled = assemble(request.config, request.choices)
    card, live = describe(request, assembled), Live(assembled)
    if request.resumption is not None and request.resumption.checkpoint is not None:
        live.bring_back(request.resumption.checkpoint, card)
    return card, live


def _record(live: Live, card: RunCard, recorder: Recorder, pruning: Pruning | None) -> Outcome:
    """Consume the training and close the recorder in every ending."""
    run, stopping, progress = live.run, live.stopping, _Progress(card.resumed_at or 0)
    status: Status = "finished"
    error: str | None = None
    interrupted: KeyboardInterrupt | None = None
    try:
        recorder.open()
        card.folder.joinpath(TRACEBACK).unlink(missing_ok=True)  # of an earlier failure
        checkpoints = Checkpoints(
            run.settings.checkpoint_seconds, lambda step: live.take(step, recorder.history.size, card), card, recorder
        )
        if run.settings.check_gradient and card.resumed_at is None:
            for record in check_gradient(run.network, first_rows(run), run.streams.dropout):
                recorder.add(record)
        records = progress.watch(_training(live, progress.steps, checkpoints.due))
        records = stopping.watch(records) if stopping else records
        for record in pruning.watch(records) if pruning else records:
            if record.metric == PAUSE:
                checkpoints.write(record.step)
            else:
                recorder.add(record)
        if pruning is not None and pruning.pruned_at is not None:
            status, progress.steps = "pruned", pruning.pruned_at
        elif recorder.diverged_at is None:
            progress.steps = (stopping and stopping.stopped_at) or run.settings.steps
            if stopping is not None:
                stopping.restore()
            _test(run, recorder, progress.steps)
    except KeyboardInterrupt as interrupt:
        status, interrupted = "killed", interrupt
    except Exception as failure:  # a plugin may raise anything in the middle of a run: the run failed, the program did not
        keep_traceback(card.folder, failure)
        status, error = "failed", _said(failure)
    if recorder.diverged_at is not None:
        status = "diverged"
    outcome = _outcome(status, progress.steps, live.stopwatch, recorder, error, stopping)
    close(recorder, outcome, interrupted)
    return outcome


def first_rows(run: Assembled) -> tuple[Array, Targets]:
    """Return the first rows of the training split, as many as a batch has, in the network's dtype."""
    rows = converted(run.splits.train, run.network.dtype, run.splits.divisor)
    return rows.x[: run.settings.batch], rows.y[: run.settings.batch]


class _Progress:
    """Counts the updates made while records pass by."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def watch(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self.steps = record.step
            yield record


def _training(live: Live, start: int, pause: Callable[[], bool]) -> Iterator[Record]:
    run, settings = live.run, live.run.settings
    records = train(
        run.network,
        run.optimizer,
        run.splits,
        steps=settings.steps,
        batches=live.batches,
        validate_every=settings.validate_every,
        watch_train=settings.watch_train,
        start=start,
        schedule=run.schedule,
        clip=clipper(settings.clip_value, settings.clip_norm),
        stopwatch=live.stopwatch,
        pause=pause,
    )
    return Diagnostics(run.network, settings.diagnostics_every).watch(records) if settings.diagnostics == "on" else records


def _test(run: Assembled, recorder: Recorder, step: int) -> None:
    """Look at the test split: once, here."""
    if run.splits.test is not None:
        rows = converted(run.splits.test, run.network.dtype, run.splits.divisor)
        for quantity, value in run.network.evaluate(*rows).items():
            recorder.add(Record(step, f"test/{quantity}", value))


def _outcome(
    status: Status, steps: int, stopwatch: Stopwatch, recorder: Recorder, error: str | None, stopping: EarlyStopping | None
) -> Outcome:
    early_stop = stopping.ending() if stopping else None
    summary = summarise(recorder.history, early_stop.best_at if early_stop and status == "finished" else None)
    if status == "finished" and stopwatch.seconds > 0:
        summary["steps_per_second"] = steps / stopwatch.seconds
    return Outcome(status, steps, stopwatch.seconds, summary, recorder.diverged_at, error, early_stop)
