"""What Hydra calls for each configuration it has composed: a run, with the sinks and the exit code that belong to it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from nnreg import job, jobs, registry, tasks
from nnreg.errors import UserError
from nnreg.job import Request
from nnreg.recording.console import ConsoleSink, SweepLineSink
from nnreg.recording.disk import DiskSink, discard, occupied
from nnreg.recording.recorder import Sink
from nnreg.records import VALID_LOSS, Outcome

OBJECTIVE = {tasks.TRAIN: f"{VALID_LOSS}_final", tasks.DESCEND: "descent/value"}


def task(config: DictConfig) -> float:
    """Run one configuration.

    Returns:
        The final validation loss, or a descent's last value, for sweepers that minimise something; NaN if there is none.

    Raises:
        SystemExit: outside a sweep, if the run did not end as a result: 1 for a failure, 2 for a user's mistake.
    """
    request = _request(config)
    alone = request.sweep_id is None
    try:
        with occupied(request.folder):
            outcome = jobs.execute(request, sinks(request, alone=alone))
    except UserError as error:
        discard(request.folder)
        warn(str(error))
        raise SystemExit(2) from error
    if outcome.status == "failed" and alone:
        warn(failure(request, outcome))
        raise SystemExit(1)
    objective = OBJECTIVE.get(tasks.of(config), "")
    return outcome.summary.get(objective, float("nan")) if outcome.status == "finished" else float("nan")


def _request(config: DictConfig) -> Request:
    hydra = HydraConfig.get()
    sweeping = hydra.mode == RunMode.MULTIRUN
    overrides = tuple(hydra.overrides.task)
    return Request(
        config=config,
        choices=choices(hydra.runtime.choices),
        folder=Path(hydra.runtime.output_dir),
        overrides=overrides,
        command=_command(overrides, config),
        sweep_id=Path(hydra.sweep.dir).name if sweeping else None,
        job=int(hydra.job.num) if sweeping else None,
    )


def choices(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return slot to option, from what Hydra says was chosen in each of its groups."""
    keys = {slot: slot if slot == kind else f"{kind}@{slot}" for slot, kind in registry.slots().items()}
    return {slot: str(chosen[key]) for slot, key in keys.items() if key in chosen}


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
        alone: whether the terminal is its own, or shared with the other runs of a sweep.
    """
    config, console = request.config, Console(highlight=False)
    found: list[Sink] = [DiskSink()]
    links = _no_links
    if getattr(config.get("tracking"), "name", config.get("tracking")) == "mlflow":
        from nnreg.recording.mlflow_sink import MlflowSink

        tracker = MlflowSink(Path.cwd(), config.get("tracking_uri"), config.get("experiment_name"), warn=warn)
        found.append(tracker)
        links = tracker.where_to_look
    return [*found, ConsoleSink(console, links) if alone else SweepLineSink(console)]


def failure(request: Request, outcome: Outcome) -> str:
    """Return the line that says how a run failed."""
    return f"the run failed: {outcome.error}; the traceback is in {request.folder / job.TRACEBACK}"


def warn(message: str) -> None:
    """Print a line for the person, beside the output."""
    sys.stderr.write(f"nnreg: {message}\n")


def _no_links() -> Sequence[tuple[str, str]]:
    return ()
