"""``hydra/launcher=joblib``: runs side by side on the cores of this machine, in processes of joblib's loky.

Every core has a worker of its own, which goes from one run to the next: where one dies, its run alone is lost and its place is
taken by a new one. In joblib's usual pool the death of one worker ends all of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from nnreg.errors import UserError
from nnreg.launching.launcher import GRACE, ParallelLauncher, Tell, died, shielded
from nnreg.launching.work import Ended, Job, Work, end_with_the_sweep

IDLE = 60.0  # seconds after which a worker without work ends


class JoblibLauncher(ParallelLauncher):
    """One worker a core.

    Args:
        n_jobs: how many runs at once; -1: as many as there are cores for this process, -2: one less.
        others: joblib's settings of batching and of memory mapping, which have nothing to do here.
    """

    def __init__(self, n_jobs: int = -1, **others: Any) -> None:
        self._n_jobs, self._others = n_jobs, others
        self._workers: list[_Worker] = []

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

    def execute(self, shared: Work, jobs: Sequence[Job], tell: Tell) -> None:
        """Give every free worker the next job until all have ended."""
        from joblib import effective_n_jobs

        while len(self._workers) < min(effective_n_jobs(self._n_jobs), len(jobs)):
            self._workers.append(_Worker())
        waiting, busy = deque(jobs), dict[Future[Ended], tuple[_Worker, Job]]()
        free = list(self._workers)
        try:
            while waiting or busy:
                while waiting and free:
                    worker, job = free.pop(), waiting.popleft()
                    busy[worker.begin(shared, job)] = worker, job
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    worker, job = busy.pop(future)
                    free.append(worker)
                    tell(_ended(future, job))
        except BaseException:
            self._stop(busy, tell)
            raise

    def _stop(self, busy: dict[Future[Ended], tuple[_Worker, Job]], tell: Tell) -> None:
        """End every worker, after its run has recorded itself as killed."""
        for worker, _ in busy.values():
            worker.interrupt()
        wait(busy, timeout=GRACE)
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        for future, (_, job) in busy.items():
            tell(dataclasses.replace(_ended(future, job), error=None))


class _Worker:
    """A place for one process."""

    def __init__(self) -> None:
        self._pool: Any = None

    def begin(self, shared: Work, job: Job) -> Future[Ended]:
        """Start a job, in a new process where there is none or the last one died."""
        with shielded():
            if self._pool is None:
                self._pool = _pool()
            try:
                future: Future[Ended] = self._pool.submit(shared.run, job)
            except BrokenProcessPool:
                self._pool = _pool()
                future = self._pool.submit(shared.run, job)
        return future

    def interrupt(self) -> None:
        """Let the run in progress record itself as killed."""
        for process in list(self._pool._processes.values()):
            with contextlib.suppress(OSError):
                os.kill(process.pid, signal.SIGTERM)

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._pool is not None:
            self._pool.shutdown(kill_workers=True)


def _pool() -> Any:
    from joblib.externals.loky.process_executor import ProcessPoolExecutor

    return ProcessPoolExecutor(max_workers=1, timeout=IDLE, initializer=end_with_the_sweep)


def _ended(future: Future[Ended], job: Job) -> Ended:
    """Return what a worker told, or what became of it."""
    try:
        return future.result(timeout=GRACE)
    except BrokenProcessPool as death:
        cause = re.search(r"\{(\w+)", str(death))
        return Ended(job, None, error=died(cause[1] if cause else "no reason known"))
    except Exception as error:  # the result could not be sent
        return Ended(job, None, error=f"{type(error).__name__}: {error}")
