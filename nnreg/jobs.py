"""One run of any task: training, a descent, or a look at untrained layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from omegaconf import DictConfig, OmegaConf

from nnreg import descent_job, job, outputs_job
from nnreg.errors import UserError, instead
from nnreg.records.card import Outcome
from nnreg.records.recorder import Sink
from nnreg.request import Request
from nnreg.settings import ACTIVATIONS, DESCEND, OF_A_SWEEP, TRAIN, task_of, used_choices

EXECUTE: Mapping[str, Callable[[Request, Sequence[Sink]], Outcome]] = {
    TRAIN: job.execute,
    DESCEND: descent_job.execute,
    ACTIVATIONS: outputs_job.execute,
}


def execute(request: Request, sinks: Sequence[Sink]) -> Outcome:
    """Run what is asked for, whatever its task, and record it; choices that mean nothing to the task are left out.

    Raises:
        UserError: outside a sweep, when the run cannot be assembled. Nothing has been recorded then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    task = task_of(request.config)
    if task not in EXECUTE:
        raise UserError(f"there is no task '{task}'{instead(task, EXECUTE)}")
    return EXECUTE[task](own(request), sinks)


def own(request: Request) -> Request:
    """Return a request without what means nothing to the run itself: choices of other tasks, the settings of its sweep."""
    keys = [str(key) for key in request.config if key not in OF_A_SWEEP]
    config = OmegaConf.masked_copy(request.config, keys) if len(keys) < len(request.config) else request.config
    assert isinstance(config, DictConfig)
    choices = used_choices(task_of(request.config), request.choices)
    return dataclasses.replace(request, config=config, choices=choices)
