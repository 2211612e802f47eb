"""What Hydra calls for each configuration it has composed: a run, with the sinks and the exit code that belong to it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from nnreg import job, registry
from nnreg.errors import UserError
from nnreg.job import Request
from nnreg.recording.console import ConsoleSink, SweepLineSink
from nnreg.recording.disk import DiskSink, discard
from nnreg.recording.recorder import Sink
from nnreg.records import VALID_LOSS

OBJECTIVE = f"{VALID_LOSS}_final"


def task(config: DictConfig) -> float:
    """Train one configuration.

    Returns:
        The final validation loss, for sweepers that minimise something; NaN if the run did not finish.

    Raises:
        SystemExit: outside a sweep, if the run did not end as a result: 1 for a failure, 2 for a user's mistake.
    """
    request = _request(config)
    try:
        outcome = job.execute(request, _sinks(config, request))
    except UserError as error:
        discard(request.folder)
        sys.stderr.write(f"nnreg: {error}\n")
        raise SystemExit(2) from error
    if outcome.status == "failed" and request.sweep_id is None:
        sys.stderr.write(f"nnreg: the run failed: {outcome.error}; the traceback is in {request.folder / job.TRACEBACK}\n")
        raise SystemExit(1)
    return outcome.summary.get(OBJECTIVE, float("nan")) if outcome.status == "finished" else float("nan")


def _request(config: DictConfig) -> Request:
    hydra = HydraConfig.get()
    sweeping = hydra.mode == RunMode.MULTIRUN
    overrides = tuple(hydra.overrides.task)
    return Request(
        config=config,
        choices={kind: str(hydra.runtime.choices[kind]) for kind in registry.kinds() if kind in hydra.runtime.choices},
        folder=Path(hydra.runtime.output_dir),
        overrides=overrides,
        command=_command(overrides, config),
        sweep_id=Path(hydra.sweep.dir).name if sweeping else None,
        job=int(hydra.job.num) if sweeping else None,
    )


def _command(overrides: Sequence[str], config: DictConfig) -> str:
    """Return the command line that asks for the same run again, its seed and the user's own configuration folder spelt out."""
    hydra = HydraConfig.get()
    words = ["python", "-m", "nnreg"]
    words += [f"--config-dir={source.path}" for source in hydra.runtime.config_sources if source.provider == "command-line"]
    words += [f"--config-name={hydra.job.config_name}"] if hydra.job.config_name != "config" else []
    words += list(overrides)
    words += [f"seed={config.seed}"] if not any(override.startswith("seed=") for override in overrides) else []
    return shlex.join(words)


def _sinks(config: DictConfig, request: Request) -> list[Sink]:
    console = Console(highlight=False)
    sinks: list[Sink] = [DiskSink()]
    links = _no_links
    if config.get("tracking") is not None and str(config.tracking.name) == "mlflow":
        from nnreg.recording.mlflow_sink import MlflowSink

        tracker = MlflowSink(Path.cwd(), config.tracking_uri, config.experiment_name, warn=_warn)
        sinks.append(tracker)
        links = tracker.where_to_look
    return [*sinks, ConsoleSink(console, links) if request.sweep_id is None else SweepLineSink(console)]


def _no_links() -> Sequence[tuple[str, str]]:
    return ()


def _warn(message: str) -> None:
    sys.stderr.write(f"nnreg: {message}\n")
