"""Which run a composed job is."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg.errors import UserError
from nnreg.records.card import config_hash
from nnreg.runs import request
from nnreg.runs.descend import prepare
from nnreg.runs.request import Request, own_request, plain
from nnreg.settings import DESCEND, task_of


def _request_of(config: DictConfig) -> Request:
    """Return what a composed job asks for, without the folder that it will have."""
    chosen = request.choices(dict(config.hydra.runtime.choices))
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return own_request(Request(own, chosen, Path(), (), ""))


def _settled(request: Request) -> Mapping[str, Any]:
    """Return the configuration as the run writes it: a descent says where on its surface it begins."""
    if task_of(request.config) == DESCEND:
        with contextlib.suppress(UserError):  # then the run fails, and writes what was asked for
            return prepare(request)[0].config
    return plain(request.config, request.choices)


def digest_of(config: DictConfig) -> str:
    """Return the hash of a composed job's configuration, as its summary will have it; "" where only the job itself can tell."""
    request = _request_of(config)
    try:
        return config_hash(_settled(request))
    except OmegaConfBaseException:  # it refers to something that only a job knows, such as its number
        return ""
