"""``hydra/launcher=submitit_slurm``: runs as jobs of a SLURM cluster; ``submitit_local``: as if they were, on this machine.

Ctrl-C at the sweep cancels its jobs.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from omegaconf import OmegaConf

from nnreg import console
from nnreg.sweeps.launchers.base import GRACE, ParallelLauncher, Tell, died, shielded
from nnreg.sweeps.launchers.work import Ended, Job, Work


class SubmititLauncher(ParallelLauncher):
    """One job of the queue a run.

    Args:
        settings: of the queue, such as ``timeout_min`` and ``partition``.
    """

    executor: str
    """Submitit's name of the queue."""
    pause: float
    """Seconds between two looks at it."""

    def __init__(self, **settings: Any) -> None:
        self._settings = {
            name: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for name, value in settings.items()
        }

    def execute(self, shared: Work, jobs: Sequence[Job], tell: Tell) -> None:
        """Submit the jobs, as many at once as the queue takes, and wait for them."""
        queue, waiting, running = self._queue(), deque(jobs), dict[Any, Job]()
        try:
            while waiting or running:
                batch = [waiting.popleft() for _ in range(min(len(waiting), self.room() - len(running)))]
                with shielded():
                    running |= dict(zip(self.submit(queue, shared, batch), batch, strict=True))
                ended = [submitted for submitted in running if submitted.done()]
                for submitted in ended:
                    tell(_ended(submitted, running.pop(submitted)))
                console.tick()
                if not ended:
                    time.sleep(self.pause)
        except BaseException:
            self._stop(running, tell)
            raise

    def room(self) -> int:
        """Return how many jobs the queue takes at once."""
        raise NotImplementedError

    def submit(self, queue: Any, shared: Work, batch: Sequence[Job]) -> Iterable[Any]:
        """Hand jobs to the queue."""
        return [queue.submit(shared.run, job) for job in batch]

    def interrupt(self, submitted: Any) -> None:
        """Let a run in progress record itself as killed."""
        submitted.cancel()

    def _queue(self) -> Any:
        import submitit
        from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

        common = set(OmegaConf.structured(BaseQueueConf).keys())
        first = {f"{self.executor}_{name}": self._settings[name] for name in ("max_num_timeout",) if name in self._settings}
        queue = submitit.AutoExecutor(folder=str(self._settings["submitit_folder"]), cluster=self.executor, **first)
        later = {name: value for name, value in self._settings.items() if name not in ("submitit_folder", "max_num_timeout")}
        named = {name if name in common else f"{self.executor}_{name}": value for name, value in later.items()}
        queue.update_parameters(**named)
        return queue

    def _stop(self, running: dict[Any, Job], tell: Tell) -> None:
        for submitted in running:
            self.interrupt(submitted)
        deadline = time.monotonic() + GRACE
        while not all(submitted.done() for submitted in running) and time.monotonic() < deadline:
            time.sleep(0.1)
        for submitted, job in running.items():
            if not submitted.done():
                submitted.cancel()
            tell(dataclasses.replace(_ended(submitted, job), error=None) if submitted.done() else Ended(job, None))


class LocalLauncher(SubmititLauncher):
    """One process a run, as many at once as there are cores."""

    executor = "local"
    pause = 0.1

    def room(self) -> int:
        """Return the number of cores."""
        return os.cpu_count() or 1

    def interrupt(self, submitted: Any) -> None:
        """Let the run in progress record itself as killed: what stands over it gives it a second only when told otherwise."""
        submitted._process.send_signal(signal.SIGTERM)


class SlurmLauncher(SubmititLauncher):
    """One job of an array a run; ``hydra.launcher.array_parallelism`` says how many run at once."""

    executor = "slurm"
    pause = 5.0

    def room(self) -> int:
        """Return more than any sweep has: SLURM keeps the queue."""
        return 1_000_000

    def submit(self, queue: Any, shared: Work, batch: Sequence[Job]) -> Iterable[Any]:
        """Hand all jobs to the queue as one array."""
        found: Iterable[Any] = queue.map_array(shared.run, batch) if batch else []
        return found


def _ended(submitted: Any, job: Job) -> Ended:
    """Return what a job of the queue told, or what became of it."""
    try:
        ended: Ended = submitted.result()
    except Exception as error:  # submitit raises what the job raised, and its own errors for one that died
        return Ended(job, None, error=died(f"{type(error).__name__}, see {submitted.paths.stdout}"))
    return ended
