"""The task that trains a network, from its request to its outcome."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from nnreg.console import warn
from nnreg.engine.history import FINAL_LOSS, START_LOSS, Record
from nnreg.engine.rows import Rows, converted, spread_rows
from nnreg.engine.settling import arrays_of
from nnreg.engine.stopping import Pruning
from nnreg.engine.training import PAUSE, clipper, spread_validations, train
from nnreg.errors import one_line
from nnreg.records.card import Outcome, RunCard, Status, summarise
from nnreg.records.folder import NETWORK
from nnreg.records.network import card_of, write_network
from nnreg.records.recorder import Recorder, Sink
from nnreg.runs.assembly import Assembled, assemble, first_rows
from nnreg.runs.attempt import Work, attempt
from nnreg.runs.checkpoints import Checkpoints, Live
from nnreg.runs.request import Request, describe


def execute(request: Request, sinks: Sequence[Sink]) -> Outcome:
    """Run what is asked for and record it.

    Raises:
        UserError: outside a sweep, when the run cannot be assembled; or when it cannot go on from where it shall. Nothing has
            been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    return attempt(request, sinks, prepare)


def prepare(request: Request) -> tuple[RunCard, Work]:
    """Assemble a run and bring it to where it begins or goes on."""
    assembled = assemble(request.config, request.choices)
    card, live = describe(request, assembled), Live(assembled)
    if request.resumption is not None and request.resumption.checkpoint is not None:
        live.bring_back(request.resumption.checkpoint, card)
    training = _Training(live, card, Pruning(request.is_enough) if request.is_enough else None)
    return card, Work(training.do, training.outcome)


class _Training:
    """What a run does: consumes the records of its training, writes checkpoints between them, and looks at the test split.

    Args:
        live: assembled, and where it begins or goes on.
        card: of the run.
        pruning: ends it early for whoever watches it, or None.
    """

    def __init__(self, live: Live, card: RunCard, pruning: Pruning | None) -> None:
        self._live, self._card, self._pruning = live, card, pruning
        self._steps = card.resumed_at or 0  # updates made

    def do(self, recorder: Recorder) -> Outcome:
        """Train to the end."""
        live, run, stopping = self._live, self._live.run, self._live.stopping
        checkpoints = Checkpoints(
            run.settings.checkpoint_seconds,
            lambda step: live.take(step, recorder.history.size, self._card),
            self._card,
            recorder,
        )
        if not self._steps:
            recorder.add(start_record(run))
        if run.settings.check_gradient and self._card.resumed_at is None:
            from nnreg.engine.diagnostics import check_gradient

            first = first_rows(run.splits, run.batches.largest, run.network.dtype)
            for record in check_gradient(run.network, first, run.streams.dropout):
                recorder.add(record)
        records = self._counted(training_records(live, self._steps, checkpoints.due))
        for record in self._pruning.watch(records) if self._pruning else records:
            if record.metric == PAUSE:
                checkpoints.write(record.step)
            else:
                recorder.add(record)
        if self._pruning is not None and self._pruning.pruned_at is not None:
            self._steps = self._pruning.pruned_at
            return self.outcome(recorder, "pruned", None)
        if recorder.diverged_at is None:
            self._steps = (stopping and stopping.stopped_at) or run.settings.steps
            for record in final_records(live, self._steps):
                recorder.add(record)
        if recorder.diverged_at is None:
            self._keep()
        return self.outcome(recorder, "finished", None)

    def _keep(self) -> None:
        """Write the network that training ended with, and what it needs to be asked again."""
        run, card = self._live.run, self._card
        kept = card_of(card.label, card.config, run.splits, answers_rows=run.answers_rows)
        write_network(card.folder / NETWORK, arrays_of(run.network), kept)
        if run.settings.pictures == "all":
            from nnreg.runs.pictures import draw_answers

            try:
                draw_answers(card.folder, run.network, kept, run.splits)
            except Exception as error:  # a run is what it was, whether it can be drawn or not
                warn(f"the network's answers cannot be drawn ({type(error).__name__}: {one_line(error)})")

    def outcome(self, recorder: Recorder, status: Status, error: str | None) -> Outcome:
        """Return what came of the steps made; a run that has diverged stays so, whatever happened afterwards."""
        stopping, seconds = self._live.stopping, self._live.stopwatch.seconds
        early_stop = stopping.ending() if stopping else None
        status = status if recorder.diverged_at is None else "diverged"
        summary = summarise(recorder.history, early_stop.best_at if early_stop and status == "finished" else None)
        if status == "finished" and seconds > 0:
            summary["steps_per_second"] = self._steps / seconds
        if status == "finished" and summary[FINAL_LOSS] > summary.get(START_LOSS, math.inf):
            status = "failed_to_train"
        return Outcome(status, self._steps, seconds, summary, recorder.diverged_at, error, early_stop)

    def _counted(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self._steps = record.step
            yield record


MOST_JUDGED = 10_000


def judged_rows(run: Assembled) -> Rows:
    """Return the rows on which the final training loss is measured: all of the training split, or 10,000 spread over it.

    They are the same for every run on the same data.
    """
    split = run.splits.train
    if len(split.x) > MOST_JUDGED:
        split = split.taken(spread_rows(MOST_JUDGED, len(split.x)))
    return converted(split, run.network.dtype, run.splits.divisor)


def start_record(run: Assembled) -> Record:
    """Return the loss of the training rows before the first update."""
    return Record(0, START_LOSS, run.network.measure_loss(*judged_rows(run)))


def training_records(live: Live, start: int, pause: Callable[[], bool]) -> Iterator[Record]:
    """Train to the end, or until early stopping has seen enough, one record after the other.

    Args:
        live: assembled, and where it begins or goes on.
        start: updates made by then.
        pause: asked between two steps whether the consumer wants a moment, in which a record ``PAUSE`` comes.
    """
    run, settings = live.run, live.run.settings
    records = train(
        run.network,
        run.optimizer,
        run.splits,
        steps=settings.steps,
        batches=live.batches,
        validate_every=_validations(run),
        watch_train=settings.watch_train,
        start=start,
        schedule=run.pace.factor,
        clip=clipper(settings.clip_value, settings.clip_norm),
        stopwatch=live.stopwatch,
        pause=pause,
        elsewhere=live.elsewhere,
        augment=run.augment,
        vary=run.pace.vary,
    )
    watched: Iterable[Record] = records
    if settings.diagnostics == "on":
        from nnreg.engine.diagnostics import Diagnostics

        watched = Diagnostics(run.network, settings.diagnostics_every).watch(records)
    paced = iter(run.pace.watch(watched))
    return paced if live.stopping is None else live.stopping.watch(paced)


def final_records(live: Live, steps: int) -> Iterator[Record]:
    """Bring a trained network to what a run keeps of it, and measure that: the training rows, and the test split once, here.

    Args:
        live: trained.
        steps: updates made.
    """
    run, stopping = live.run, live.stopping
    if stopping is not None and stopping.best_at is not None:
        stopping.restore()
    else:
        live.elsewhere.settle()
    yield Record(steps, FINAL_LOSS, run.network.measure_loss(*judged_rows(run)))
    if run.splits.test is not None:
        rows = converted(run.splits.test, run.network.dtype, run.splits.divisor)
        for quantity, value in run.network.evaluate(*rows).items():
            yield Record(steps, f"test/{quantity}", value)


def _validations(run: Assembled) -> int | Container[int]:
    """Return after how many updates, or after which, a run is validated."""
    settings = run.settings
    if settings.validate_every != "auto":
        return settings.validate_every
    looked_at = [run.splits.valid, run.splits.train if settings.watch_train else None]
    rows = sum(len(split.x) for split in looked_at if split is not None)
    return spread_validations(settings.steps, run.batches.largest, max(rows, 1))
