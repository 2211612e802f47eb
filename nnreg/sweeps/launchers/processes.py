"""`hydra/launcher=joblib`: jobs in processes side by side.

A copy has everything imported and needs a hundredth of a second. Elsewhere, in a notebook for one, workers start anew.

Every core has a worker of its own, which goes from one run to the next: where one dies, its run alone is lost and its place is
taken by a new one. In joblib's usual pool the death of one worker ends all of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import multiprocessing
import os
import pickle
import signal
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from nnreg import console
from nnreg.errors import UserError
from nnreg.process import can_fork, leave_signals_to_parent
from nnreg.runs.assembly import sharing_data
from nnreg.sweeps.launchers.base import GRACE, ParallelLauncher, Tell, died, shielded
from nnreg.sweeps.launchers.work import Ended, Job, Work, end_with_the_sweep
from nnreg.tracking import uploader

IDLE = 60.0  # seconds after which a worker without work ends


class Worker:
    """A place for one process at a time."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Connection | None = None
        self._job: Job | None = None
        self._shared: Work | None = None
        self._since = time.monotonic()  # without work

    def begin(self, shared: Work, job: Job) -> None:
        """Start a job, in a new process where there is none or the last one has ended."""
        self._job = job
        tired = time.monotonic() - self._since > IDLE / 2  # it may be ending at this moment
        if self._process is None or not self._process.is_alive() or shared is not self._shared or tired:
            self.end()
            self._start(shared)
        assert self._pipe is not None
        with contextlib.suppress(OSError):  # it has ended this moment; ``ended`` tells
            self._pipe.send(job)

    def ended(self) -> Ended:
        """Wait for the end of the job, and return what the process told or what became of it."""
        assert self._job is not None
        self._since = time.monotonic()
        if self._pipe is None:  # interrupted before it began
            return Ended(self._job, None)
        try:
            ended: Ended = pickle.loads(self._pipe.recv_bytes())
            return ended
        except (EOFError, OSError):
            self._process.join(GRACE)
            code = self._process.exitcode
            return Ended(self._job, None, error=died(signal.Signals(-code).name if code and code < 0 else f"exit code {code}"))
        except Exception as error:  # the result could be sent, but not read
            return Ended(self._job, None, error=f"{type(error).__name__}: {error}")

    def interrupt(self) -> None:
        """Let the run in progress record itself as killed."""
        if self._process is not None:
            self._process.terminate()

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            with contextlib.suppress(OSError):  # Windows has no harder way than SIGTERM
                os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _start(self, shared: Work) -> None:
        context = _context()
        if can_fork():
            importlib.import_module("nnreg.figures.run")  # every run draws, and the sweep at its end: a third of a second, once
        self._pipe, theirs = context.Pipe()
        self._shared = shared
        self._process = context.Process(target=_serve, args=(theirs, shared), daemon=True)
        with shielded():
            self._process.start()
        theirs.close()


PAUSE = 1.0  # seconds after which it is shown where the sweep stands, though no run has ended


def first_ended(busy: Sequence[Worker], timeout: float | None = None) -> list[Worker]:
    """Wait until one of some workers has something to tell, or ``timeout`` seconds; return those that have."""
    ready = wait([worker._pipe for worker in busy if worker._pipe is not None], timeout)
    return [worker for worker in busy if worker._pipe in ready]


def _context() -> Any:
    if can_fork():
        return multiprocessing.get_context("fork")
    from joblib.externals.loky.backend.context import get_context

    return get_context("loky")


def _serve(pipe: Connection, shared: Work) -> None:
    """Run what is asked for until nothing is for a while, or the sweep is gone."""
    import numpy as np

    leave_signals_to_parent()
    end_with_the_sweep()
    np.random.seed()  # noqa: NPY002 # a plugin that uses the global stream must not draw the same in every copy
    gc.freeze()  # what was there before is not looked at again
    with sharing_data(), contextlib.suppress(EOFError, OSError):
        while pipe.poll(IDLE):
            pipe.send_bytes(_told(shared.run(pipe.recv())))


def _told(ended: Ended) -> bytes:
    import cloudpickle

    try:
        told: bytes = cloudpickle.dumps(ended)
    except Exception as error:  # a plugin's exception may hold anything
        told = pickle.dumps(Ended(ended.job, None, ended.text, ended.notes, f"{type(error).__name__}: {error}"))
    return told


class JoblibLauncher(ParallelLauncher):
    """One worker a core.

    Args:
        n_jobs: how many runs at once; -1: as many as there are cores for this process, -2: one less.
        others: joblib's settings of batching and of memory mapping, which have nothing to do here.
    """

    def __init__(self, n_jobs: int = -1, **others: Any) -> None:
        self._n_jobs, self._others = n_jobs, others
        self._workers: list[Worker] = []

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what the sweep is.

        Raises:
            UserError: a setting was changed that has nothing to do here.
        """
        from hydra_plugins.hydra_joblib_launcher.config import JobLibLauncherConf

        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        usual = dataclasses.asdict(JobLibLauncherConf())
        changed = [name for name, value in self._others.items() if value != usual.get(name, value)]
        if changed or self._n_jobs == 0:
            raise UserError(
                f"hydra.launcher.{'n_jobs=0' if not changed else changed[0]} has no meaning here: every run has a process to "
                "itself, and hydra.launcher.n_jobs says how many run at once (-1: one on every core)"
            )

    def prepare(self, sweep: Path) -> None:
        """Start the process that sends runs to MLflow, if they are tracked and this process can be copied."""
        config = self._config
        if config.get("tracking") is not None and config.tracking.name == "mlflow" and can_fork():
            uploader.begin_uploading(Path.cwd(), config.get("tracking_uri"), config.get("experiment_name"), sweep, console.warn)

    def execute(self, shared: Work, jobs: Sequence[Job], tell: Tell) -> None:
        """Give every free worker the next job until all have ended."""
        from joblib import effective_n_jobs

        while len(self._workers) < min(effective_n_jobs(self._n_jobs), len(jobs)):
            self._workers.append(Worker())
        waiting, busy, free = deque(jobs), list[Worker](), list(self._workers)
        try:
            while waiting or busy:
                while waiting and free:
                    busy.append(free.pop())
                    busy[-1].begin(shared, waiting.popleft())
                console.tick()
                for worker in first_ended(busy, PAUSE):
                    busy.remove(worker)
                    free.append(worker)
                    tell(worker.ended())
        except BaseException:
            self._stop(busy, tell)
            raise

    def _stop(self, busy: Sequence[Worker], tell: Tell) -> None:
        """End every worker, after its run has recorded itself as killed."""
        for worker in busy:
            worker.interrupt()
        deadline, waited = time.monotonic() + GRACE, list(busy)
        while waited and time.monotonic() < deadline:
            for worker in first_ended(waited, deadline - time.monotonic()):
                waited.remove(worker)
                tell(dataclasses.replace(worker.ended(), error=None))
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        for worker in waited:
            tell(dataclasses.replace(worker.ended(), error=None))
