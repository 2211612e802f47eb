"""What nnreg's launchers have in common: they run the jobs of a sweep on an engine, and lose none.

Hydra's plugins give up a whole sweep when one worker dies, and leave the others running. Here a job without a result is
recorded as failed, the others go on, and Ctrl-C ends every worker with its run recorded as killed.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from nnreg.launching import lost, work
from nnreg.launching.job_configs import JobConfigs
from nnreg.launching.work import Ended, Job, Work
from nnreg.process import terminable
from nnreg.runs.task import no_objective

GRACE = 20.0
"""Seconds in which interrupted runs may record what they have, the tracking store included."""

Tell = Callable[[Ended], None]


class ParallelLauncher(Launcher):
    """Runs the jobs of a sweep side by side."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what the sweep is."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def prepare(self, sweep: Path) -> None:
        """Begin what takes its time while the jobs are still being composed; ``sweep`` is the folder of the sweep."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run every job and return what came of each, in order.

        Raises:
            KeyboardInterrupt: after every worker has ended.
        """
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        Path(str(self._config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        shared = work.of(self._context, self._config, self._task)
        jobs = [
            Job(initial_job_idx + index, tuple(overrides), self._composed(overrides))
            for index, overrides in enumerate(job_overrides)
        ]
        returned: dict[int, JobReturn] = {}

        def tell(ended: Ended) -> None:
            returned[ended.job.number] = _told(shared, ended)

        with terminable():
            self.execute(shared, jobs, tell)
        return [returned[job.number] for job in jobs]

    def _composed(self, overrides: Sequence[str]) -> bytes | None:
        loader = self._context.config_loader
        return loader.take(self._config, overrides) if isinstance(loader, JobConfigs) else None

    @abstractmethod
    def execute(self, shared: Work, jobs: Sequence[Job], tell: Tell) -> None:
        """Run jobs, and tell of each as it ends.

        Args:
            shared: what they have in common.
            jobs: what to run.
            tell: called once for every job, in the main thread.

        Raises:
            KeyboardInterrupt: after every worker has ended.
        """


def died(cause: str) -> str:
    """Return the line on a run whose process is gone."""
    return f"its process died ({cause}); `python -m nnreg resume FOLDER` goes on with it"


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let processes that are started now never feel a Ctrl-C of the terminal: the sweep tells its workers itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _told(shared: Work, ended: Ended) -> JobReturn:
    sys.stderr.write(ended.notes)
    sys.stdout.write(ended.text)
    if ended.returned is not None:
        sys.stdout.flush()
        return ended.returned
    lost.record(shared, ended.job, ended.error)
    sys.stdout.flush()
    return JobReturn(overrides=ended.job.overrides, _return_value=no_objective(shared.config), status=JobStatus.COMPLETED)
