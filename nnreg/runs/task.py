"""What Hydra calls for each configuration: which task, which sinks, which exit code, what a sweeper minimises."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg import figures
from nnreg.console import terminal, warn
from nnreg.engine.history import History, Record
from nnreg.errors import UserError, instead
from nnreg.records.card import Outcome, RunCard
from nnreg.records.files import write_whole
from nnreg.records.folder import CONFIG, RUNNING, SUMMARY, DiskSink, check_unused, discard, known_facts, occupied
from nnreg.records.manifest import read_manifest
from nnreg.records.metrics import DECIDING, SECONDS, STEPS
from nnreg.records.recorder import Sink
from nnreg.registry import entries
from nnreg.registry.nested import entry_at, techniques_inside
from nnreg.runs import attempt
from nnreg.runs.attempt import Prepare
from nnreg.runs.checkpoints import read_resumption
from nnreg.runs.console import ConsoleSink, SweepLineSink, is_training
from nnreg.runs.request import Request, Resumption, own_request, plain, request_of, typed
from nnreg.settings import ACTIVATIONS, DESCEND, TRAIN, task_of, unused_words

Value = float | tuple[float, ...]


def wanted(config: Mapping[str, Any]) -> list[str] | None:
    """Return what ``sweep.objectives`` names, or None."""
    named = (config.get("sweep") or {}).get("objectives")
    return None if named is None else [str(name) for name in named]


def objective_value(config: Mapping[str, Any], outcome: Outcome) -> Value:
    """Return the final validation loss, a descent's last value, or what was asked for; NaN of a run that did not finish.

    Raises:
        UserError: the run finished, and has nothing of a name that was asked for.
    """
    names = wanted(config)
    if outcome.status != "finished":
        return no_objective(config)
    if names is None:
        usual, *_ = DECIDING.get(task_of(config), [""])
        return outcome.summary.get(usual, math.nan)
    found = {**outcome.summary, SECONDS: outcome.seconds, STEPS: float(outcome.steps)}
    for name in names:
        if name not in found:
            raise UserError(f"the run has no {name} to be minimised{instead(name, found)}")
    return tuple(found[name] for name in names)


def no_objective(config: Mapping[str, Any]) -> Value:
    """Return what a run without a result gives."""
    names = wanted(config)
    return math.nan if names is None else tuple(math.nan for _ in names)


PREPARED_IN: Mapping[str, str] = {
    TRAIN: "nnreg.runs.train",
    DESCEND: "nnreg.runs.descend",
    ACTIVATIONS: "nnreg.runs.activations",
}
"""Module of each task, imported when it is asked for."""


def execute_task(request: Request, sinks: Sequence[Sink]) -> Outcome:
    """Run what is asked for, whatever its task, and record it; choices that mean nothing to the task are left out.

    Raises:
        UserError: outside a sweep, when the run cannot be assembled. Nothing has been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    task = task_of(request.config)
    if task not in PREPARED_IN:
        raise UserError(f"there is no task '{task}'{instead(task, PREPARED_IN)}")
    prepare: Prepare = importlib.import_module(PREPARED_IN[task]).prepare
    return attempt.attempt(_as_the_sweep(own_request(request)), sinks, prepare)


def _as_the_sweep(request: Request) -> Request:
    """Return a run of a sweep with the kernels that all of its runs have that leave it to nnreg."""
    asked = request.config.get("kernels")
    if request.sweep_id is None or getattr(asked, "name", asked) != "auto":  # a setting of few values is an enum there
        return request
    found = [read_manifest(home) for home in (request.folder.parent, request.folder.parent.parent)]
    kernels = next((each.kernels for each in found if each is not None and each.kernels in ("numpy", "numba")), "numpy")
    config = OmegaConf.merge(request.config, {"kernels": kernels})
    assert isinstance(config, DictConfig)
    return dataclasses.replace(request, config=config)


def task(config: DictConfig, is_enough: Callable[[Record], bool] | None = None) -> Value:
    """Run one configuration.

    Args:
        config: as composed.
        is_enough: is asked after every record whether to end the run there; see ``Request``.

    Returns:
        What a sweeper may minimise: see ``objective_value``.

    Raises:
        SystemExit: outside a sweep, if the run did not end as a result: 1 for a failure, 2 for a user's mistake.
    """
    request = dataclasses.replace(request_of(config), is_enough=is_enough)
    with where_typed():
        return _value(config, request)


@contextlib.contextmanager
def where_typed() -> Iterator[None]:
    """Work where the command was typed, which relative paths are of: ``hydra.job.chdir`` leads elsewhere."""
    before, wanted = os.path.realpath(os.curdir), os.path.realpath(HydraConfig.get().runtime.cwd)
    if before == wanted:
        yield
        return
    os.chdir(wanted)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it was removed meanwhile
            os.chdir(before)


def _value(config: DictConfig, request: Request) -> Value:
    if request.sweep_id is None:
        return objective_value(config, _run_or_exit(request))
    if not _goes_on(config) and known_facts(request.folder):  # of a sweeper that did not look
        raise UserError(f"the folder of job {request.job}, {request.folder}, holds another run, and none is overwritten")
    try:
        with occupied(request.folder):
            outcome = _go_on(request) if _goes_on(config) else execute_task(request, sinks(request, alone=False))
            if outcome.status == "failed" and not (request.folder / SUMMARY).exists():  # nothing else tells of it
                warn(f"#{request.job}: {outcome.error}")
            return objective_value(config, outcome)
    except UserError as error:  # another process is in the folder: the other jobs go on
        warn(f"#{request.job}: {error}")
        return no_objective(config)


class UnusedFolder(Callback):
    """Hydra calls this before a run, when it has written nothing yet."""

    def on_run_start(self, config: DictConfig, **kwargs: object) -> None:
        """End the program if another run is in the folder; Hydra swallows all other exceptions of callbacks."""
        HydraConfig.instance().set_config(config)  # its name may be made of Hydra's own, as ${hydra:job.name} is
        try:
            folder = str(config.hydra.run.dir)
        except OmegaConfBaseException:  # Hydra stumbles over it too, and that is said
            return
        try:
            check_unused(Path(folder), "hydra.run.dir")
        except UserError as error:
            raise SystemExit(f"nnreg: {error}") from error


def _run_or_exit(request: Request) -> Outcome:
    """Run what is no job of a sweep, and leave the program with a line and a code where nothing came of it."""
    try:
        outcome = alone(request, sinks(request, alone=True))
    except UserError as error:
        warn(str(error))
        raise SystemExit(2) from error
    except OSError as error:  # of recording: whatever else raises is a run that failed
        another = "make room, or choose another folder with hydra.run.dir=FOLDER"
        why = f"{error.strerror or error}; {another}" if request.folder.exists() else "the folder was removed meanwhile"
        warn(f"the run could not be recorded in {request.folder}: {why}")
        raise SystemExit(1) from error
    if outcome.status == "failed":
        warn(failure(request, outcome))
        raise SystemExit(1)
    return outcome


def alone(request: Request, to: Sequence[Sink]) -> Outcome:
    """Run one configuration that is no job of a sweep.

    Raises:
        UserError: it cannot be run; nothing is left behind then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    begun = request.folder / CONFIG
    try:
        _check_words(request.config)
        with occupied(request.folder):
            with contextlib.suppress(Exception):  # what is wrong with it is said when it is assembled
                own = own_request(request)
                write_whole(begun, OmegaConf.to_yaml(OmegaConf.create(plain(own.config, own.choices))))
            return execute_task(request, [*to[:1], _UnusedSink(request.config), *to[1:]])
    except (UserError, KeyboardInterrupt):
        if not (request.folder / SUMMARY).exists():
            begun.unlink(missing_ok=True)
            discard(request.folder)
        raise


made_again = False
"""Whether this process makes a run again, whose words are all that its folder says and not what a person typed."""


def tell_of_unused(config: DictConfig, words: Sequence[str]) -> None:
    """Say of what was typed and means nothing to the task, in a line each."""
    if made_again:
        return
    for line in unused_words(task_of(config), words, entries.groups(), config):
        warn(line)


def tell_of_small_batches(card: RunCard) -> None:
    """Say which update rules of a run are made for all training rows in every step, and get some of them."""
    rows, node = card.dataset.rows["train"] if card.dataset else 0, card.config.get("sampler")
    if not is_training(card) or (node or {}).get("name") == "full" or card.config["batch"] >= rows:
        return
    named = techniques_inside("optimizer", card.config.get("optimizer"))
    for place, name in named.items():
        entry = entry_at(place, named)
        if entry is not None and getattr(entries.load_class(entry), "full_batch", False):
            warn(f"{name} is made for all rows in every step, and has batches of {card.config['batch']} here: add sampler=full")


_OF_SWEEPS = ("sweep.", "protocol.", "hydra/launcher=", "hydra/sweeper=", "hydra.launcher.", "hydra.sweeper.", "hydra.sweep.")


class _UnusedSink:
    """Says what was typed for a single run and is not used, once it is known that the run begins."""

    period = math.inf

    def __init__(self, config: DictConfig) -> None:
        self._config = config

    def open(self, card: RunCard) -> None:
        """Say it, in a line each."""
        own, hydra = (typed(words) for words in (HydraConfig.get().overrides.task, HydraConfig.get().overrides.hydra))
        for word in [*own, *hydra]:
            if word.lstrip("+").startswith(_OF_SWEEPS):
                warn(f"{word} is not used by a single run: add -m for a sweep, or leave it out")
        tell_of_unused(self._config, own)
        tell_of_small_batches(card)

    def write(self, records: Sequence[Record]) -> None:
        """Stay quiet."""

    def close(self, outcome: Outcome, history: History) -> None:
        """Stay quiet."""


def _check_words(config: DictConfig) -> None:
    """Refuse what means something to sweeps only."""
    settings, protocol = config.get("sweep") or {}, config.get("protocol") or {}
    if config.get("hparams_search"):
        raise UserError(
            f"hparams_search={HydraConfig.get().runtime.choices.get('hparams_search')} chooses the runs of a sweep: add -m"
        )
    if config.get("resume") or settings.get("resume"):
        raise UserError("only sweeps are resumed so: add -m, or go on with one run by `python -m nnreg resume FOLDER`")
    if settings.get("dry_run"):
        raise UserError("sweep.dry_run lists the runs of a sweep: add -m; `--cfg job` shows what one run would be")
    if protocol.get("name", "grid") != "grid":
        raise UserError(f"protocol={protocol['name']} is for sweeps: add -m")


def _goes_on(config: DictConfig) -> bool:
    return bool((config.get("sweep") or {}).get("resume"))


def _go_on(request: Request) -> Outcome:
    """Run a job of a sweep whose folder may hold what an earlier attempt left: go on from there, or else begin again.

    An earlier attempt that raised an error begins again, as what raised it may have been mended. Either way it stays the same
    run in the tracking store.
    """
    facts = known_facts(request.folder)
    anew = dataclasses.replace(request, resumption=Resumption()) if facts else request
    try:
        status = facts.get("status")
        died = status == "failed" and not (request.folder / attempt.TRACEBACK).exists()  # as the sweep wrote of its process
        if (status in (RUNNING, "killed") or died) and task_of(request.config) == TRAIN:
            found = read_resumption(request.folder, own_request(request), warn)
            goes_on = dataclasses.replace(request, resumption=found)
            return execute_task(goes_on, sinks(goes_on, alone=False))
    except UserError as error:  # nothing has been recorded
        warn(f"#{request.job} begins again: {error}")
    try:
        return execute_task(anew, sinks(anew, alone=False))
    except UserError as error:
        return attempt.refuse(own_request(anew), sinks(anew, alone=False), error)


def sinks(request: Request, *, alone: bool) -> list[Sink]:
    """Return where the records of a run go: disk first, console last.

    Args:
        request: the run; ``tracking`` in its configuration is a word or an enum's member.
        alone: whether the terminal is its own, or a line is all that it gets: in a sweep, in a script.
    """
    config, console = request.config, terminal()
    found: list[Sink] = [DiskSink(figures.draw_pictures)]
    links = _no_links
    if getattr(config.get("tracking"), "name", config.get("tracking")) == "mlflow":
        from nnreg.tracking.sink import MlflowSink

        tracker = MlflowSink(Path.cwd(), config.get("tracking_uri"), config.get("experiment_name"), warn=warn)
        found.append(tracker)
        links = tracker.where_to_look
    return [*found, ConsoleSink(console, links) if alone else SweepLineSink(console)]


def failure(request: Request, outcome: Outcome) -> str:
    """Return the line that says how a run failed."""
    return f"the run failed: {outcome.error}; the traceback is in {request.folder / attempt.TRACEBACK}"


def _no_links() -> Sequence[tuple[str, str]]:
    return ()
