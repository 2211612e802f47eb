"""``hydra/launcher=basic``, the usual one: jobs one after the other, in the process that has the sweep.

In the place of Hydra's own of this name, and all that it does; but that one composes again every job that the sweeper has
composed to check it, which is a third of the time of a sweep of short runs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from hydra.core.utils import JobReturn, configure_log, filter_overrides, run_job
from omegaconf import DictConfig, open_dict

from nnreg.sweeps.launchers.base import JobLauncher
from nnreg.sweeps.launchers.work import Job, composed_config

log = logging.getLogger("hydra")  # such as hydra/hydra_logging=default shows


class SerialLauncher(JobLauncher):
    """Runs the jobs of a sweep one after the other."""

    def run_jobs(self, jobs: Sequence[Job]) -> Sequence[JobReturn]:
        """Run every job; one that raises an error costs itself alone."""
        log.info("Launching %d jobs locally", len(jobs))
        return [self._run(job) for job in jobs]

    def _run(self, job: Job) -> JobReturn:
        log.info("\t#%d : %s", job.number, " ".join(filter_overrides(job.overrides)))
        returned = run_job(
            hydra_context=self._context,
            task_function=self._task,
            config=self._composed(job),
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)  # the job had its own
        return returned

    def _composed(self, job: Job) -> DictConfig:
        config = composed_config(job, self._config, self._context.config_loader)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        return config
