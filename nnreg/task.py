"""What Hydra calls for each configuration it has composed: a run, with the sinks and the exit code that belong to it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf

from nnreg import figures, job, jobs, objectives, resumption
from nnreg.console import terminal, warn
from nnreg.errors import UserError
from nnreg.recording.console import ConsoleSink, SweepLineSink
from nnreg.records.card import Outcome
from nnreg.records.folder import RUNNING, SUMMARY, DiskSink, discard, occupied, read_facts
from nnreg.records.manifest import TUNING
from nnreg.records.recorder import Sink
from nnreg.registry import entries
from nnreg.request import Request
from nnreg.settings import TRAIN, is_of_a_sweep, task_of
from nnreg.snapshot import Resumption
from nnreg.tracking import uploader


def task(config: DictConfig) -> objectives.Value:
    """Run one configuration.

    Returns:
        What a sweeper may minimise: see ``objectives``.

    Raises:
        SystemExit: outside a sweep, if the run did not end as a result: 1 for a failure, 2 for a user's mistake.
    """
    request = request_of(config)
    if request.sweep_id is None:
        try:
            outcome = alone(request, sinks(request, alone=True))
        except UserError as error:
            warn(str(error))
            raise SystemExit(2) from error
        except OSError as error:  # of recording: whatever else raises is a run that failed
            another = "choose another folder with hydra.run.dir=FOLDER"
            warn(f"the run could not be recorded in {request.folder}: {error.strerror or error}; make room, or {another}")
            raise SystemExit(1) from error
        if outcome.status == "failed":
            warn(failure(request, outcome))
            raise SystemExit(1)
        return objectives.value(config, outcome)
    try:
        with occupied(request.folder):
            outcome = _go_on(request) if _goes_on(config) else jobs.execute(request, sinks(request, alone=False))
            if outcome.status == "failed" and not (request.folder / SUMMARY).exists():  # nothing else tells of it
                warn(f"#{request.job}: {outcome.error}")
            return objectives.value(config, outcome)
    except UserError as error:  # another process is in the folder: the other jobs go on
        warn(f"#{request.job}: {error}")
        return objectives.nothing(config)


def alone(request: Request, to: Sequence[Sink]) -> Outcome:
    """Run one configuration that is no job of a sweep.

    Raises:
        UserError: it cannot be run; nothing is left behind then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    try:
        _check_words(request.config)
        with occupied(request.folder):
            return jobs.execute(request, to)
    except UserError:
        discard(request.folder)
        raise


def _check_words(config: DictConfig) -> None:
    """Refuse what means something to sweeps only."""
    settings, protocol = config.get("sweep") or {}, config.get("protocol") or {}
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
    try:
        facts = read_facts(request.folder)
    except ValueError:  # damaged
        facts = None
    anew = dataclasses.replace(request, resumption=Resumption()) if facts else request
    try:
        status = facts.get("status") if facts else None
        died = status == "failed" and not (request.folder / job.TRACEBACK).exists()  # as the sweep wrote of its process
        if (status in (RUNNING, "killed") or died) and task_of(request.config) == TRAIN:
            found = resumption.read(request.folder, jobs.own(request), warn)
            goes_on = dataclasses.replace(request, resumption=found)
            return jobs.execute(goes_on, sinks(goes_on, alone=False))
    except UserError as error:  # nothing has been recorded
        warn(f"#{request.job} begins again: {error}")
    try:
        return jobs.execute(anew, sinks(anew, alone=False))
    except UserError as error:
        return job.refuse(jobs.own(anew), sinks(anew, alone=False), error)


def request_of(config: DictConfig) -> Request:
    """Return what a configuration asks for that Hydra has composed."""
    hydra = HydraConfig.get()
    sweeping = hydra.mode == RunMode.MULTIRUN
    overrides = tuple(word for word in typed(hydra.overrides.task) if not is_of_a_sweep(word))
    folder = Path(hydra.runtime.output_dir)
    return Request(
        config=config,
        choices=choices(hydra.runtime.choices),
        folder=folder,
        overrides=overrides,
        command=_command(overrides, config),
        sweep_id=_sweep_id(folder, Path(hydra.sweep.dir)) if sweeping else None,
        job=(int(folder.name) if folder.name.isdecimal() else int(hydra.job.num)) if sweeping else None,
    )


def _sweep_id(folder: Path, sweep: Path) -> str:
    """Return what the compared runs of a sweep have in common; the runs of its tuning are told from them."""
    return f"{sweep.name}/{TUNING}" if folder.parent.name == TUNING else sweep.name


def typed(words: Sequence[str]) -> list[str]:
    """Return overrides as they were typed: ``${oc.env:...}`` stays that, as what it stands for may be a password."""
    return list(OmegaConf.to_container(words, resolve=False)) if isinstance(words, ListConfig) else list(words)  # type: ignore[arg-type]


def choices(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return slot to option, from what Hydra says was chosen in each of its groups."""
    return {slot: str(chosen[group]) for group, slot in entries.groups().items() if group in chosen}


def _command(overrides: Sequence[str], config: DictConfig) -> str:
    """Return the command line that asks for the same run again, its seed and the user's own configuration folder spelt out."""
    hydra = HydraConfig.get()
    words = ["python", "-m", "nnreg"]
    words += [f"--config-dir={source.path}" for source in hydra.runtime.config_sources if source.provider == "command-line"]
    words += [f"--config-name={hydra.job.config_name}"] if hydra.job.config_name != "config" else []
    words += list(overrides)
    words += [f"seed={config.seed}"] if not any(override.startswith("seed=") for override in overrides) else []
    return shlex.join(words)


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

        uri, experiment = config.get("tracking_uri"), config.get("experiment_name")
        kept = uploader.current_uploader(uri, experiment) is not None and request.resumption is None
        tracker = MlflowSink(Path.cwd(), uri, experiment, warn=warn, kept=kept)
        found.append(tracker)
        links = tracker.where_to_look
    return [*found, ConsoleSink(console, links) if alone else SweepLineSink(console)]


def failure(request: Request, outcome: Outcome) -> str:
    """Return the line that says how a run failed."""
    return f"the run failed: {outcome.error}; the traceback is in {request.folder / job.TRACEBACK}"


def _no_links() -> Sequence[tuple[str, str]]:
    return ()
