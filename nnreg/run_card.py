"""The card of a run: what its folder, its page and the terminal say of it, made from what was asked for."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf, SCMode

from nnreg.assembly import Assembled
from nnreg.engine.history import History
from nnreg.errors import UserError
from nnreg.records.card import RunCard
from nnreg.registry import entries, palette
from nnreg.registry.schemas import REQUIRED, parameters_of, schema_of
from nnreg.request import Request
from nnreg.settings import DESCEND, TRAIN, Settings, run_label, task_of
from nnreg.tracking.location import without_password


def describe(request: Request, assembled: Assembled | None = None) -> RunCard:
    """Return the card of a run, also of one that could not be assembled."""
    config = plain(request.config, request.choices)
    task, choices = task_of(config), request.choices
    chosen = [(kind, str(config[kind]["name"])) for kind in entries.kinds() if isinstance(config.get(kind), dict)]
    used = [entries.techniques(kind)[name] for kind, name in chosen if name in entries.techniques(kind)]
    return RunCard(
        label=run_label(task, choices),
        folder=request.folder,
        choices=dict(choices),
        config=config,
        overrides=tuple(map(without_password, request.overrides)),
        command=without_password(request.command),
        colour=_colour(task, choices),
        plugins={entry.distribution: entry.version for entry in used},
        dataset=assembled.dataset if assembled else None,
        parameters=assembled.network.parameters.theta.size if assembled else None,
        seed=int(config.get("seed", 0)),
        steps=int(config.get("steps", 0)),
        sweep_id=request.sweep_id,
        job=request.job,
        resumed_at=request.resumption.step if request.resumption else None,
        past=request.resumption.past if request.resumption else History(),
    )


def _colour(task: str, choices: Mapping[str, str]) -> str:
    if task == TRAIN:
        return palette.shaded(choices.get("optimizer", "none"), choices.get("init", "none"))
    kind = "optimizer" if task == DESCEND else "activation"
    return palette.colour(kind, choices.get(kind, "none"))


def plain(config: DictConfig, choices: Mapping[str, str]) -> dict[str, Any]:
    """Return a resolved configuration in plain containers: enums as their names, every technique named, defaults filled in."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True, structured_config_mode=SCMode.DICT)
    assert isinstance(container, dict)
    values = dataclasses.asdict(Settings()) | {str(key): value for key, value in container.items()}
    for slot, kind in entries.slots().items():
        node = values.get(slot)
        if isinstance(node, dict):
            name = str(node.get("name") or choices.get(slot, ""))
            values[slot] = {"name": name, **_defaults(kind, name), **node}
    if values["tracking_uri"] is not None:
        values["tracking_uri"] = without_password(str(values["tracking_uri"]))
    return values


def _defaults(kind: str, name: str) -> dict[str, Any]:
    entry = entries.techniques(kind).get(name)
    if entry is None:
        return {}
    with contextlib.suppress(UserError):
        schema_of(entry)
        found = [p for p in parameters_of(entries.load_class(entry)) if p.settable and p.default is not REQUIRED]
        return {p.name: list(p.default) if isinstance(p.default, tuple) else p.default for p in found}
    return {}
