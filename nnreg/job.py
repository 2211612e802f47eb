"""One run from its composed configuration to its outcome: assemble, train, record, whatever happens on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import DictConfig, OmegaConf, SCMode

from nnreg import palette, registry, schemas, signature
from nnreg.assembly import Assembled, assemble
from nnreg.errors import UserError
from nnreg.recording.recorder import Recorder, Sink
from nnreg.records import TEST_ACCURACY, TEST_LOSS, Outcome, Record, RunCard, Status, summarise
from nnreg.registry import one_line
from nnreg.settings import Settings
from nnreg.training import Stopwatch, train

TRACEBACK = "traceback.txt"


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        config: the composed configuration, without Hydra's own part.
        choices: kind to chosen option.
        folder: run folder, absolute.
        overrides: what was typed.
        command: one line that asks for the same again.
        sweep_id: common to the runs of a sweep, or None.
        job: number within the sweep, or None.
    """

    config: DictConfig
    choices: Mapping[str, str]
    folder: Path
    overrides: tuple[str, ...]
    command: str
    sweep_id: str | None = None
    job: int | None = None


def execute(request: Request, sinks: Sequence[Sink]) -> Outcome:
    """Run what is asked for and record it.

    Raises:
        UserError: outside a sweep, when the run cannot be assembled; nothing has been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    try:
        assembled = assemble(request.config, request.choices)
    except UserError as error:
        if request.sweep_id is None:
            raise
        request.folder.joinpath(TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
        outcome = Outcome("failed", 0, 0.0, error=str(error))
        recorder = Recorder(describe(request), sinks)
        recorder.open()
        recorder.close(outcome)
        return outcome
    with _terminable():
        return _record(assembled, request, Recorder(describe(request, assembled), sinks))


def _record(run: Assembled, request: Request, recorder: Recorder) -> Outcome:
    """Consume the training and close the recorder in every ending."""
    stopwatch, progress = Stopwatch(), _Progress()
    status: Status = "finished"
    error: str | None = None
    interrupted: KeyboardInterrupt | None = None
    try:
        recorder.open()
        for record in progress.watch(_training(run, stopwatch)):
            recorder.add(record)
        if recorder.diverged_at is None:
            progress.steps = run.settings.steps
            _test(run, recorder)
    except KeyboardInterrupt as interrupt:
        status, interrupted = "killed", interrupt
    except Exception as failure:  # a plugin may raise anything in the middle of a run: the run failed, the program did not
        request.folder.joinpath(TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
        status, error = "failed", f"{type(failure).__name__}: {one_line(failure)}"
    if recorder.diverged_at is not None:
        status = "diverged"
    outcome = _outcome(status, progress.steps, stopwatch, recorder, error)
    recorder.close(outcome)
    if interrupted is not None:
        raise interrupted
    return outcome


class _Progress:
    """Counts the updates made while records pass by."""

    def __init__(self) -> None:
        self.steps = 0

    def watch(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self.steps = record.step
            yield record


def _training(run: Assembled, stopwatch: Stopwatch) -> Iterator[Record]:
    settings = run.settings
    return train(
        run.network,
        run.optimizer,
        run.splits,
        steps=settings.steps,
        batch=settings.batch,
        sampling=settings.sampling,
        rng=run.streams.batches,
        validate_every=settings.validate_every,
        stopwatch=stopwatch,
    )


def _test(run: Assembled, recorder: Recorder) -> None:
    """Look at the test split: once, here."""
    if run.splits.test is not None:
        loss, accuracy = run.network.evaluate(*run.splits.test)
        recorder.add(Record(run.settings.steps, TEST_LOSS, loss))
        recorder.add(Record(run.settings.steps, TEST_ACCURACY, accuracy))


def _outcome(status: Status, steps: int, stopwatch: Stopwatch, recorder: Recorder, error: str | None) -> Outcome:
    summary = summarise(recorder.history)
    if status == "finished" and stopwatch.seconds > 0:
        summary["steps_per_second"] = steps / stopwatch.seconds
    return Outcome(status, steps, stopwatch.seconds, summary, recorder.diverged_at, error)


def describe(request: Request, assembled: Assembled | None = None) -> RunCard:
    """Return the card of a run, also of one that could not be assembled."""
    config = plain(request.config, request.choices)
    optimizer, init = (request.choices.get(kind, "none") for kind in ("optimizer", "init"))
    techniques = [(kind, str(config[kind]["name"])) for kind in registry.kinds() if isinstance(config.get(kind), dict)]
    entries = [registry.entries(kind)[name] for kind, name in techniques if name in registry.entries(kind)]
    return RunCard(
        label=f"{optimizer}-{init}",
        folder=request.folder,
        choices=dict(request.choices),
        config=config,
        overrides=request.overrides,
        command=request.command,
        colour=palette.shaded(optimizer, init),
        plugins={entry.distribution: entry.version for entry in entries},
        dataset=assembled.dataset if assembled else None,
        parameters=assembled.network.parameters.theta.size if assembled else None,
        seed=int(config.get("seed", 0)),
        steps=int(config.get("steps", 0)),
        sweep_id=request.sweep_id,
        job=request.job,
    )


def plain(config: DictConfig, choices: Mapping[str, str]) -> dict[str, Any]:
    """Return a resolved configuration in plain containers: enums as their names, every technique named, defaults filled in."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True, structured_config_mode=SCMode.DICT)
    assert isinstance(container, dict)
    values = dataclasses.asdict(Settings()) | {str(key): value for key, value in container.items()}
    for kind in registry.kinds():
        node = values.get(kind)
        if isinstance(node, dict):
            name = str(node.get("name") or choices.get(kind, ""))
            values[kind] = {"name": name, **_defaults(kind, name), **node}
    return values


def _defaults(kind: str, name: str) -> dict[str, Any]:
    entry = registry.entries(kind).get(name)
    if entry is None:
        return {}
    with contextlib.suppress(UserError):
        schemas.of(entry)
        found = [p for p in signature.parameters(registry.load(entry)) if p.settable and p.default is not signature.REQUIRED]
        return {p.name: list(p.default) if isinstance(p.default, tuple) else p.default for p in found}
    return {}


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(signum).name)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
