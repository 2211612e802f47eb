"""``hydra/launcher=ray``: runs side by side on the cores of a Ray cluster, or of this machine where no cluster is named.

``hydra.launcher.ray.init.address=auto`` (or HOST:PORT, or the variable RAY_ADDRESS) names a cluster that was started by
``ray start``. Run folders are written where the sweep was started, so its folder is shared between the machines.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from nnreg import console
from nnreg.errors import UserError, one_line
from nnreg.process import terminable
from nnreg.sweeps.launchers.base import GRACE, ParallelLauncher, Tell, died
from nnreg.sweeps.launchers.work import Ended, Job, Work

_QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}
"""Lines of the runs are printed here, each once, without Ray's ``(pid=...)`` before it."""
_OWN = {"include_dashboard": False, "object_store_memory": 78_643_200}
"""Of a cluster that is started for one sweep: the least memory that Ray takes, as results are small."""
_PATIENCE = 5.0  # seconds for a cluster to answer
_TASK = {"max_retries": 0, "scheduling_strategy": "SPREAD"}
"""A run whose worker died would not do better the second time; machines get runs by turns."""


class RayLauncher(ParallelLauncher):
    """One task of Ray a run; each takes one core, unless ``hydra.launcher.ray.remote.num_cpus`` says otherwise.

    Args:
        ray: ``init``, the arguments of ``ray.init``, and ``remote``, the options of its tasks.
    """

    def __init__(self, ray: Mapping[str, Any]) -> None:
        settings = OmegaConf.to_container(OmegaConf.create(dict(ray)), resolve=True)
        assert isinstance(settings, dict)
        self._init, self._remote = settings.get("init") or {}, settings.get("remote") or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what the sweep is.

        Raises:
            UserError: the cluster does not answer.
        """
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._address = str(self._init.get("address") or os.environ.get("RAY_ADDRESS") or "local")
        _check_answer(self._address)

    def execute(self, shared: Work, jobs: Sequence[Job], tell: Tell) -> None:
        """Hand all jobs to Ray, which starts one on every core, and the next where one ends."""
        import ray

        self._connect()
        with terminable():  # Ray has a mind of its own about SIGTERM
            pickler: Any = ray.cloudpickle
            common = ray.put(pickler.dumps(shared))
            task = ray.remote(_run).options(**_TASK | self._remote)
            waiting = {task.remote(tuple(sys.path), common, job): job for job in jobs}
            try:
                while waiting:
                    console.tick()
                    for reference in ray.wait(list(waiting), timeout=1.0)[0]:
                        tell(_ended(reference, waiting.pop(reference)))
            except BaseException:
                _stop(waiting, tell)
                ray.shutdown()
                raise

    def _connect(self) -> None:
        import ray

        if ray.is_initialized():
            return
        try:
            ray.init(**(_QUIET | _OWN if self._address == "local" else _QUIET) | self._init)
        except (ConnectionError, ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"hydra/launcher=ray: {one_line(error)}") from error


def _check_answer(address: str) -> None:
    """Refuse a cluster that is not there; Ray itself would wait for minutes.

    Raises:
        UserError: nothing answers at HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:  # auto, or another way to name a cluster
        return
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise UserError(
            f"hydra/launcher=ray: no cluster answers at {address}; `ray start --head` starts one and says its address"
        ) from error


def _run(paths: Sequence[str], content: bytes, job: Job) -> Ended:
    """Run a job in a worker, which may have been started in another environment."""
    import ray

    sys.path.extend(path for path in paths if path not in sys.path)  # first: unpickling looks for plugins
    shared: Work = ray.cloudpickle.loads(content)
    return shared.run(job)


def _ended(reference: Any, job: Job, timeout: float | None = None) -> Ended:
    """Return what a worker told, or what became of it."""
    import ray

    try:
        ended: Ended = ray.get(reference, timeout=timeout)
    except ray.exceptions.TaskCancelledError:
        return Ended(job, None)
    except ray.exceptions.RayTaskError as error:
        return Ended(job, None, error=one_line(error.cause) if error.cause else one_line(error).rpartition("  ")[2])
    except ray.exceptions.RayError as error:
        return Ended(job, None, error=died(type(error).__name__))
    return ended


def _stop(waiting: Mapping[Any, Job], tell: Tell) -> None:
    """Let runs in progress record themselves as killed."""
    import ray

    for reference in waiting:
        ray.cancel(reference)
    if waiting:
        ray.wait(list(waiting), num_returns=len(waiting), timeout=GRACE)
    for reference, job in waiting.items():
        tell(dataclasses.replace(_ended(reference, job, timeout=0.0), error=None))
