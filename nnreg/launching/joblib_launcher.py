"""``hydra/launcher=joblib``: runs side by side on the cores of this machine.

Every core has a worker of its own, which goes from one run to the next: where one dies, its run alone is lost and its place is
taken by a new one. In joblib's usual pool the death of one worker ends all of them.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from nnreg import console
from nnreg.errors import UserError
from nnreg.launching.launcher import GRACE, ParallelLauncher, Tell
from nnreg.launching.work import Job, Work
from nnreg.launching.worker import Worker, first_ended
from nnreg.process import can_fork
from nnreg.runs.assembly import BESIDE_OTHERS
from nnreg.tracking import uploader


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
            UserError: a setting was changed that has nothing to do here, or runs shall have two workers each.
        """
        from hydra_plugins.hydra_joblib_launcher.config import JobLibLauncherConf

        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        if config.get("workers") == 2:  # where it is swept, each run of two says so itself
            raise UserError(BESIDE_OTHERS)
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
                for worker in first_ended(busy):
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
