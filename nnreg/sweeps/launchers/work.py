"""One job of a sweep in a worker: the process may be another than the one that has the sweep, on another machine too.

What a worker needs to know is sent with the job; what it finds is printed by the process that has the sweep, so that lines of
several workers never mix. Imports no engine.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict
from threadpoolctl import threadpool_limits

from nnreg.errors import one_line
from nnreg.process import terminable
from nnreg.registry import mistakes
from nnreg.runs.request import Request, own_request, request_of

_SENT = ("MLFLOW_", "NNREG_")
_LOOK = 0.5  # seconds between two looks at whether the sweep is still there
_alone = threading.Event()  # it is not


@dataclass(frozen=True)
class Job:
    """One run that a sweep asks for.

    Attributes:
        number: within the sweep, from 0.
        overrides: what the sweeper chose for it, and what was typed for all.
        composed: its configuration, pickled, or None where it is to be composed.
    """

    number: int
    overrides: tuple[str, ...]
    composed: bytes | None = None


@dataclass(frozen=True)
class Ended:
    """How a job ended, as the worker or its engine tells it.

    Attributes:
        job: which it was.
        returned: what Hydra makes of it, or None where no result came back.
        text: what it printed.
        notes: what it printed beside the output, such as warnings.
        error: one line on why there is no result; None also for a run that was interrupted, which is no failure.
    """

    job: Job
    returned: JobReturn | None
    text: str = ""
    notes: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Work:
    """What the jobs of a sweep have in common; it pickles.

    Attributes:
        context: Hydra's, with the sources of configuration.
        config: of the sweep, from which those of its jobs are made.
        task: what is called with the configuration of a job.
        singletons: what Hydra keeps for the whole process, the resolvers of OmegaConf among it.
        home: the project folder, which paths in the configuration are relative to.
        environment: variables that say where runs are tracked and where data is.
        threads: of BLAS and OpenMP, for one run.
        host: name of the machine that has the sweep.
    """

    context: HydraContext
    config: DictConfig
    task: TaskFunction
    singletons: Any
    home: Path
    environment: Mapping[str, str]
    threads: int
    host: str

    def run(self, job: Job) -> Ended:
        """Run a job in this process and tell how it ended; raises nothing."""
        text, notes = io.StringIO(), io.StringIO()
        returned, error = None, None
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(notes), threadpool_limits(self.threads):
            try:
                with terminable():
                    returned = self._run(job)
                if returned.status is JobStatus.FAILED:
                    raise returned._return_value
            except KeyboardInterrupt:  # recorded by the run itself; the process that has the sweep decides how that goes on
                returned = None
            except SystemExit as stop:
                returned, error = None, f"ended with exit code {stop.code}"
            except Exception as failure:  # a configuration that only this job has, a machine that lacks something
                returned, error = None, self._said(failure)
        if _alone.is_set():
            os._exit(1)  # nobody takes the result
        return Ended(job, returned, text.getvalue(), notes.getvalue(), error)

    def request(self, job: Job) -> Request:
        """Return what a job asks for, in the process that has the sweep.

        Raises:
            Exception: it cannot be composed.
        """
        composed = self._composed(job)
        with _current(composed):
            folder = Path(str(composed.hydra.sweep.dir)).absolute() / str(composed.hydra.sweep.subdir)
            with open_dict(composed):
                composed.hydra.runtime.output_dir = str(folder)
            HydraConfig.instance().set_config(composed)
            with open_dict(composed):
                del composed["hydra"]
            return own_request(request_of(composed))

    def _run(self, job: Job) -> JobReturn:
        os.chdir(self.home)
        os.environ.update(self.environment)
        Singleton.set_state(self.singletons)
        setup_globals()
        return ended_job(self.context, self.task, self._composed(job))

    def _said(self, failure: Exception) -> str:
        line = mistakes.explain(failure) or f"{type(failure).__name__}: {one_line(failure)}"
        here = socket.gethostname()
        return line if here == self.host else f"on {here}: {line}"

    def _composed(self, job: Job) -> DictConfig:
        composed = composed_config(job, self.config, self.context.config_loader)
        with open_dict(composed):
            composed.hydra.job.id = f"{composed.hydra.job.name}_{job.number}"
            composed.hydra.job.num = job.number
        return composed


def ended_job(context: HydraContext, task: TaskFunction, config: DictConfig) -> JobReturn:
    """Run a job as Hydra does, and return what came of it without its configurations, of which nobody asks.

    They take 0.8 MiB a job, for as long as the sweep lasts; in its folder they are written down.
    """
    returned = run_job(
        hydra_context=context,
        task_function=task,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    returned.cfg = returned.hydra_cfg = None
    return returned


def composed_config(job: Job, sweep: DictConfig, loader: ConfigLoader) -> DictConfig:
    """Return the configuration of a job, as the sweeper has composed it or composed now; its number is not in it.

    Args:
        job: which.
        sweep: configuration of the sweep.
        loader: Hydra's.
    """
    if job.composed is None:
        return loader.load_sweep_config(sweep, list(job.overrides))
    composed: DictConfig = pickle.loads(job.composed)
    return composed


def work_of(context: HydraContext, config: DictConfig, task: TaskFunction) -> Work:
    """Gather what workers need to know, in the process that has the sweep."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(_SENT)}
    return Work(
        context=context,
        config=config,
        task=task,
        singletons=Singleton.get_state(),
        home=Path.cwd(),
        environment=environment,
        threads=_threads(),
        host=socket.gethostname(),
    )


def end_with_the_sweep() -> None:
    """Make this worker end soon after the process that started it, however that ended: no orphans."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    _alone.set()
    os.kill(os.getpid(), signal.SIGTERM)  # a run in progress is recorded as killed first


def _threads() -> int:
    """Return how many threads a run may use: what this process was told, as ``python -m nnreg`` tells itself 1."""
    told = os.environ.get("OPENBLAS_NUM_THREADS", "1")
    return int(told) if told.isdigit() and int(told) else 1


@contextlib.contextmanager
def _current(config: DictConfig) -> Iterator[None]:
    """Let ``${hydra:...}`` see this configuration."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before
