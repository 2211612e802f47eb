"""Configuration to objects: the one place where a run calls the registry."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from nnreg import registry, schemas, signature
from nnreg.contracts import Optimizer, Splits
from nnreg.errors import UserError
from nnreg.network import Network
from nnreg.probing import probe
from nnreg.records import DatasetCard
from nnreg.registry import BrokenPlugin, Entry, instead, one_line
from nnreg.settings import Settings
from nnreg.training import Streams


@dataclass(frozen=True)
class Assembled:
    """Everything one run needs, built and checked; nothing has been trained yet."""

    settings: Settings
    network: Network
    optimizer: Optimizer
    splits: Splits
    streams: Streams
    dataset: DatasetCard


def assemble(config: DictConfig, choices: Mapping[str, str]) -> Assembled:
    """Build every object of a run from its composed configuration.

    Args:
        config: settings at the top, one node for each kind.
        choices: kind to the option chosen, for a node that does not name its technique.

    Raises:
        UserError: a setting or a parameter is wrong, a plugin is broken, data is missing; one line for the person.
    """
    settings = read_settings(config)
    kinds = [kind for kind in registry.kinds() if kind in config]
    entries = {kind: _entry(kind, config[kind], choices) for kind in kinds}
    built = {kind: build(entries[kind], config[kind]) for kind in kinds}
    for kind in kinds:
        probe(entries[kind], built[kind])
    splits = _load(entries["dataset"], built["dataset"])
    _check_batch(settings, len(splits.train.x), entries["dataset"].name)
    streams = Streams.from_seed(settings.seed)
    network = Network(
        splits.train.x.shape[1],
        settings.hidden,
        splits.outputs,
        activation=built["activation"],
        loss=built["loss"],
        regularizer=built["regularizer"],
        rows=settings.batch,
        dtype=settings.dtype,
    )
    network.initialise(built["init"], streams.init)
    built["optimizer"].bind(network.parameters)
    return Assembled(settings, network, built["optimizer"], splits, streams, _dataset_card(choices["dataset"], splits))


def read_settings(config: DictConfig) -> Settings:
    """Return the checked settings of a configuration.

    Raises:
        UserError: a key is neither a setting nor a kind, or a value is out of its range.
    """
    known = [field.name for field in dataclasses.fields(Settings)]
    for key in map(str, config):
        if key not in known and key not in registry.kinds():
            raise UserError(f"'{key}' is neither a setting nor a kind{instead(key, known, 'Settings')}")
    given = {name: config[name] for name in known if name in config}
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schemas.settings()), given)
        values = OmegaConf.to_container(merged, resolve=True)
        assert isinstance(values, dict)
        return Settings(**{p.name: p.restore(values[p.name]) for p in signature.parameters(Settings)})
    except (ValueError, OmegaConfBaseException) as error:
        raise UserError(str(error).splitlines()[0]) from error


def build(entry: Entry, node: DictConfig) -> Any:
    """Return an instance of a technique made from its configuration node.

    Raises:
        UserError: a parameter is unknown, missing, of the wrong type, or refused by the technique.
    """
    technique = registry.load(entry)
    values = _validated(entry, node)
    try:
        arguments = {p.name: p.restore(values[p.name]) for p in signature.parameters(technique) if p.settable}
        return technique(**arguments)
    except ValueError as error:
        raise UserError(f"{entry.kind}={entry.name}: {one_line(error)}") from error
    except Exception as error:  # any other error in a constructor is the plugin's, not the user's
        raise BrokenPlugin(f"{entry} is broken: making it raised {type(error).__name__}: {one_line(error)}") from error


def _entry(kind: str, node: Any, choices: Mapping[str, str]) -> Entry:
    """Return which technique a node configures: it says so itself, or it is the option of that name."""
    if not isinstance(node, DictConfig):
        raise UserError(f"{kind} must be chosen by name, such as {kind}={next(iter(registry.entries(kind)))}, got {node}")
    name = str(node.get("name") or choices.get(kind, ""))
    if name not in registry.entries(kind) and "name" not in node:
        raise UserError(
            f"{kind}={name} comes from a file that names no technique: begin it with `defaults: [TECHNIQUE, _self_]`, where "
            f"TECHNIQUE is one of {', '.join(registry.entries(kind))}"
        )
    return registry.find(kind, name)


def _validated(entry: Entry, node: DictConfig) -> dict[str, Any]:
    """Check a node against the schema once more: a user's YAML of the same name as a technique comes here untyped."""
    schema = OmegaConf.structured(schemas.of(entry))
    known = [str(key) for key in schema if key != "name"]
    for key in map(str, node):
        if key not in schema:
            raise UserError(f"{entry.kind}={entry.name} has no parameter '{key}'{instead(key, known)}")
    try:
        values = OmegaConf.to_container(OmegaConf.merge(schema, node), resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = str(error.full_key)
        raise UserError(f"{entry.kind}={entry.name} needs a value for {key}: add {entry.kind}.{key}=VALUE") from error
    except OmegaConfBaseException as error:
        raise UserError(f"{entry.kind}={entry.name}: {error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _load(entry: Entry, dataset: Any) -> Splits:
    try:
        splits = dataset.load()
    except (ValueError, OSError) as error:
        raise UserError(f"dataset={entry.name}: {one_line(error)}") from error
    except Exception as error:  # any other error is the plugin's, not the user's
        raise BrokenPlugin(f"{entry} is broken: load raised {type(error).__name__}: {one_line(error)}") from error
    if not isinstance(splits, Splits):
        raise BrokenPlugin(f"{entry} is broken: load returned {type(splits).__name__}, must return nnreg.contracts.Splits")
    return splits


def _check_batch(settings: Settings, rows: int, dataset: str) -> None:
    if settings.batch > rows:
        raise UserError(
            f"batch={settings.batch} is larger than the {rows} training rows of {dataset}: use batch={rows} or less"
        )


def _dataset_card(name: str, splits: Splits) -> DatasetCard:
    digest = hashlib.sha256()
    for part, split in splits.present().items():
        digest.update(f"{part} {split.x.shape} {split.x.dtype} {split.y.dtype}".encode())
        for array in split:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    rows = {part: len(split.x) for part, split in splits.present().items()}
    return DatasetCard(name, splits.source, digest.hexdigest(), rows, splits.train.x.shape[1], splits.outputs)
