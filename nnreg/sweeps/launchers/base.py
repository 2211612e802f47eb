"""What launchers share, and what is done for a job that left no result.

Hydra's plugins give up a whole sweep when one worker dies, and leave the others running. Here a job without a result is
recorded as failed, the others go on, and Ctrl-C ends every worker with its run recorded as killed.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from nnreg import settings
from nnreg.engine.history import History
from nnreg.errors import UserError
from nnreg.process import terminable
from nnreg.records import folder
from nnreg.records.card import Outcome, Status, summarise
from nnreg.registry import entries
from nnreg.runs import attempt, task
from nnreg.runs.console import SweepLineSink
from nnreg.runs.request import Request, describe
from nnreg.runs.task import no_objective
from nnreg.sweeps.launchers import work
from nnreg.sweeps.launchers.work import Ended, Job, Work, composed_config, ended_job
from nnreg.tracking import uploader
from nnreg.tracking.commands import push_lost

SUBDIR = "hydra.sweep.subdir="


def record(shared: Work, lost: Job, error: str | None) -> None:
    """Write into the run folder how the run ended, and print the line of the job.

    Where its process wrote nothing, all is written now. Where it wrote a part, this stays, and ``resume`` goes on from it.

    Args:
        shared: what the jobs of the sweep have in common.
        lost: which job.
        error: what went wrong, in one line; None: it was interrupted, which is told of a run that had begun only.
    """
    try:
        request = shared.request(lost)
    except Exception:  # it cannot be composed, and for that reason has no result
        request = _as_typed(shared, lost)
    facts = folder.read_facts(request.folder)
    if facts is not None and facts["status"] == folder.RUNNING:
        _end(request, error)
    elif facts is None and error is not None:
        attempt.refuse(request, task.sinks(request, alone=False), UserError(error))


def _end(request: Request, error: str | None) -> None:
    """Complete the record of a run that began."""
    history = History()
    with contextlib.suppress(OSError, ValueError):  # cut off
        history = folder.read_history(request.folder)
    steps = max((record.step for record in history), default=0)
    status: Status = "killed" if error is None else "failed"
    card, outcome = describe(request), Outcome(status, steps, 0.0, summarise(history), error=error)
    folder.write_ending(card, outcome)
    if uploader.current_uploader(request.folder) is None:
        push_lost(Path.cwd(), request.folder)
    line = SweepLineSink(Console(highlight=False))
    line.open(card)
    line.close(outcome, history)


def _as_typed(shared: Work, lost: Job) -> Request:
    """Return what is known of a job without composing it."""
    slots = entries.groups()
    subdir = next((word.partition("=")[2] for word in lost.overrides if word.startswith(SUBDIR)), str(lost.number))
    words = [word for word in lost.overrides if not word.startswith("hydra") and not settings.is_of_a_sweep(word)]
    pairs = [(key, value) for key, _, value in (word.partition("=") for word in words)]
    sweep = Path(str(shared.config.hydra.sweep.dir)).absolute()
    config = OmegaConf.from_dotlist([f"{key}={value}" for key, value in pairs if key not in slots and key.isidentifier()])
    return Request(
        config=config,
        choices={slots[key]: value for key, value in pairs if key in slots},
        folder=sweep / subdir,
        overrides=tuple(words),
        command=f"python -m nnreg {' '.join(words)}",
        sweep_id=sweep.name,
        job=int(subdir) if subdir.isdecimal() else lost.number,
    )


GRACE = 20.0
"""Seconds in which interrupted runs may record what they have, the tracking store included."""

Tell = Callable[[Ended], None]


class JobLauncher(Launcher):
    """Takes jobs from a sweeper of ours as it has composed them; from any other as lists of words."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what the sweep is."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs that are yet to be composed: see ``launch_jobs``."""
        return self.launch_jobs([Job(number, tuple(words)) for number, words in enumerate(job_overrides, initial_job_idx)])

    def launch_jobs(self, jobs: Sequence[Job]) -> Sequence[JobReturn]:
        """Run every job and return what came of each, in order.

        Raises:
            KeyboardInterrupt: after every worker has ended.
        """
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        Path(str(self._config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        return self.run_jobs(jobs)

    @abstractmethod
    def run_jobs(self, jobs: Sequence[Job]) -> Sequence[JobReturn]:
        """Run every job and return what came of each, in order."""


class ParallelLauncher(JobLauncher):
    """Runs the jobs of a sweep side by side."""

    def prepare(self, sweep: Path) -> None:
        """Begin what takes its time while the jobs are still being composed; ``sweep`` is the folder of the sweep."""

    def run_jobs(self, jobs: Sequence[Job]) -> Sequence[JobReturn]:
        """Run every job and return what came of each, in order.

        Raises:
            KeyboardInterrupt: after every worker has ended.
        """
        shared = work.work_of(self._context, self._config, self._task)
        returned: dict[int, JobReturn] = {}

        def tell(ended: Ended) -> None:
            returned[ended.job.number] = _told(shared, ended)

        with terminable():
            self.execute(shared, jobs, tell)
        return [returned[job.number] for job in jobs]

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
    record(shared, ended.job, ended.error)
    sys.stdout.flush()
    return JobReturn(overrides=ended.job.overrides, _return_value=no_objective(shared.config), status=JobStatus.COMPLETED)


log = logging.getLogger("hydra")  # such as hydra/hydra_logging=default shows


class SerialLauncher(JobLauncher):
    """Runs the jobs of a sweep one after the other, in the process that has it: ``hydra/launcher=basic``, the usual one.

    In the place of Hydra's own of this name, and all that it does; but that one composes again every job that the sweeper has
    composed to check it, which is a third of the time of a sweep of short runs.
    """

    def run_jobs(self, jobs: Sequence[Job]) -> Sequence[JobReturn]:
        """Run every job; one that raises an error costs itself alone."""
        log.info("Launching %d jobs locally", len(jobs))
        return [self._run(job) for job in jobs]

    def _run(self, job: Job) -> JobReturn:
        log.info("\t#%d : %s", job.number, " ".join(filter_overrides(job.overrides)))
        returned = ended_job(self._context, self._task, self._composed(job))
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)  # the job had its own
        return returned

    def _composed(self, job: Job) -> DictConfig:
        config = composed_config(job, self._config, self._context.config_loader)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        return config
