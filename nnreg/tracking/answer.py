"""An answer about many runs as a run of its own in MLflow, beside them: a study's claims, a sweep's comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnreg.records.card import Outcome, RunCard, Status
from nnreg.records.results import Result, Results
from nnreg.tracking import uploader
from nnreg.tracking.description import describe_run, process_tags
from nnreg.tracking.mirror import Tracked

INK = "#222222"


@dataclass(frozen=True)
class AnswerRun:
    """What is to be logged.

    Attributes:
        label: name of the run, such as ``comparison``.
        folder: whose files become artifacts.
        command: that gives the same answer again.
        sweep_id: what it has in common with the runs that it is about.
        metrics: by name.
        about: the answer in words, or "".
        page: file in the folder that shows it, or "".
        overrides: what was typed.
        seconds: that the runs took.
        error: in one line, where runs failed.
    """

    label: str
    folder: Path
    command: str
    sweep_id: str
    metrics: Mapping[str, float]
    about: str = ""
    page: str = ""
    overrides: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str | None = None


def log_answer(answer: AnswerRun, runs: Results, warn: Callable[[str], None]) -> Sequence[tuple[str, str]]:
    """Log an answer where its runs are; nothing happens where they are not tracked.

    Parameters of the run are those that all of them share, so that it does not pass for one of them.

    Args:
        answer: what to log.
        runs: that it is about; the first says where they are tracked.
        warn: takes one line for the user.

    Returns:
        Where to look, as (label, text) lines; none where nothing was logged.
    """
    first = next(iter(runs), None)
    if first is None or first.config.get("tracking") != "mlflow":
        return []
    from nnreg.tracking.sink import MlflowSink

    sink = MlflowSink(Path.cwd(), first.config.get("tracking_uri"), first.config.get("experiment_name"), warn=warn)
    card = _card(answer, runs)
    status: Status = "failed" if answer.error else "finished"
    outcome = Outcome(status, 1, answer.seconds, dict(answer.metrics), error=answer.error)
    # that of a resumed sweep stays one run
    sink.begin(card.folder, process_tags(card), Tracked.read(card.folder), describe_run(card, outcome))
    if (sender := uploader.current_uploader(card.folder)) is not None:
        sink.ids = sender.send(card.folder)
    return sink.where_to_look()


def _card(answer: AnswerRun, runs: Sequence[Result]) -> RunCard:
    config = common([run.config for run in runs])
    return RunCard(
        label=answer.label,
        folder=answer.folder.absolute(),
        choices={slot: str(name) for slot, name in common([run.summary["choices"] for run in runs]).items()},
        config=config,
        overrides=answer.overrides,
        command=answer.command,
        colour=INK,
        plugins={str(name): str(version) for run in runs for name, version in run.summary.get("plugins", {}).items()},
        dataset=None,
        parameters=None,
        seed=int(config.get("seed", 0)),
        steps=int(config.get("steps", 1)),
        sweep_id=answer.sweep_id,
        resumed_at=0 if Tracked.read(answer.folder) is not None else None,
        about=answer.about,
        page=answer.page,
    )


def common(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what some configurations share, nested ones too."""
    first, *others = configs
    shared: dict[str, Any] = {}
    for key, value in first.items():
        found = [other.get(key) for other in others]
        if isinstance(value, Mapping):
            nested = [other for other in found if isinstance(other, Mapping)]
            shared |= {key: common([value, *nested])} if len(nested) == len(found) else {}
        elif all(other == value for other in found):
            shared[key] = value
    return shared
