"""Configuration to objects: the one place where a run calls the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from nnreg import fitting, registry, schemas, shared_data, signature
from nnreg.contracts import Optimizer, Split, Splits
from nnreg.contracts.objective import targets_of
from nnreg.contracts.optimizer import execute_by
from nnreg.engine import compiled, workers
from nnreg.engine.network import Network
from nnreg.engine.training import Streams, paced
from nnreg.errors import UserError, instead, one_line
from nnreg.probing import probe
from nnreg.records import DatasetCard
from nnreg.registry import BrokenPlugin, Entry
from nnreg.settings import Settings


@dataclass(frozen=True)
class Assembled:
    """Everything one run needs, built and checked; nothing has been trained yet."""

    settings: Settings
    network: Network
    optimizer: Optimizer
    schedule: Callable[[int], float]
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
    slots = {slot: kind for slot, kind in registry.slots().items() if slot in config}
    entries = {slot: _entry(slot, kind, config[slot], choices) for slot, kind in slots.items()}
    built = {slot: technique(config, choices, slot) for slot in slots}
    fitting.check_trainable(entries["activation"].name, built["activation"])
    fitting.check_rows(entries["norm"], built["norm"], settings.batch)
    fitting.check_rows(entries["dropout"], built["dropout"], settings.batch)
    if settings.workers == 2:
        fitting.check_workers(settings, {entries[kind]: built[kind] for kind in ("norm", "dropout")})
    dataset, loss = entries["dataset"].name, entries["loss"].name
    splits, digest = shared_data.load(
        (entries["dataset"], repr(config["dataset"]), settings.train_size),
        lambda: _subset(_load(entries["dataset"], built["dataset"]), settings.train_size, dataset),
    )
    fitting.check_fit(settings, splits, dataset, loss, targets_of(built["loss"]))
    fitting.check_values(splits, dataset, loss, built["loss"])
    streams = Streams.from_seed(settings.seed)
    with fitting.within_memory(settings):
        network = _network(settings, built, splits, streams)
        if settings.kernels == "numba":
            execute_by(built["optimizer"], compiled.Loop)
        built["optimizer"].bind(network.parameters)
    schedule = paced(built["schedule"], settings.steps, settings.warmup)
    card = _dataset_card(choices["dataset"], splits, digest)
    return Assembled(settings, network, built["optimizer"], schedule, splits, streams, card)


def _network(settings: Settings, built: Mapping[str, Any], splits: Splits, streams: Streams) -> Network:
    """Stack the layers of a run and draw their starting values."""
    network = Network(
        splits.train.x.shape[1],
        settings.hidden,
        splits.outputs,
        activation=built["activation"],
        loss=built["loss"],
        regularizer=built["regularizer"],
        norm=built["norm"],
        dropout=built["dropout"],
        masks=streams.dropout,
        rows=settings.batch,
        dtype=settings.dtype,
        allocate=workers.zeros if settings.workers == 2 else np.zeros,
    )
    network.initialise(built["init"], streams.init, built["bias"])
    return network


def technique(config: DictConfig, choices: Mapping[str, str], slot: str) -> Any:
    """Build the technique in one place of a configuration and use it once on a few numbers.

    Args:
        config: settings at the top, one node for each kind.
        choices: kind to the option chosen, for a node that does not name its technique.
        slot: the kind, or ``bias``.

    Raises:
        UserError: the place is empty, a parameter is wrong, or the plugin is broken.
    """
    kind = registry.slots()[slot]
    entry = _entry(slot, kind, config.get(slot), choices)
    built = build(entry, config[slot], slot)
    probe(entry, built)
    return built


def read_settings(config: DictConfig) -> Settings:
    """Return the checked settings of a configuration.

    Raises:
        UserError: a key is neither a setting nor a kind, or a value is out of its range.
    """
    known = [field.name for field in dataclasses.fields(Settings)]
    for key in map(str, config):
        if key not in known and key not in registry.slots():
            raise UserError(f"'{key}' is neither a setting nor a kind{instead(key, known, 'Settings')}")
    given = {name: config[name] for name in known if name in config}
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schemas.settings()), given)
        values = OmegaConf.to_container(merged, resolve=True)
        assert isinstance(values, dict)
        return Settings(**{p.name: p.restore(values[p.name]) for p in signature.parameters(Settings)})
    except (ValueError, OmegaConfBaseException) as error:
        raise UserError(str(error).splitlines()[0]) from error


def build(entry: Entry, node: DictConfig, slot: str = "") -> Any:
    """Return an instance of a technique made from its configuration node.

    Args:
        entry: which technique.
        node: its name and parameters.
        slot: where the node stands in the configuration, if not under the technique's kind.

    Raises:
        UserError: a parameter is unknown, missing, of the wrong type, or refused by the technique.
    """
    made = registry.load_class(entry)
    values = _validated(entry, node, slot or entry.kind)
    try:
        arguments = {p.name: p.restore(values[p.name]) for p in signature.parameters(made) if p.settable}
        return made(**arguments)
    except ValueError as error:
        raise UserError(f"{entry.kind}={entry.name}: {one_line(error)}") from error
    except Exception as error:  # any other error in a constructor is the plugin's, not the user's
        raise BrokenPlugin(f"{entry} is broken: making it raised {type(error).__name__}: {one_line(error)}") from error


def _entry(slot: str, kind: str, node: Any, choices: Mapping[str, str]) -> Entry:
    """Return which technique a node configures: it says so itself, or it is the option of that name."""
    if not isinstance(node, DictConfig):
        raise UserError(f"{slot} must be chosen by name, such as {slot}={next(iter(registry.techniques(kind)))}, got {node}")
    name = str(node.get("name") or choices.get(slot, ""))
    if name not in registry.techniques(kind) and "name" not in node:
        raise UserError(
            f"{slot}={name} comes from a file that names no technique: begin it with `defaults: [TECHNIQUE, _self_]`, where "
            f"TECHNIQUE is one of {', '.join(registry.techniques(kind))}"
        )
    return registry.find_technique(kind, name)


def _validated(entry: Entry, node: DictConfig, slot: str) -> dict[str, Any]:
    """Check a node against the schema once more: a user's YAML of the same name as a technique comes here untyped."""
    schema = OmegaConf.structured(schemas.of(entry))
    known = [str(key) for key in schema if key != "name"]
    for key in map(str, node):
        if key not in ("name", *known):  # `in schema` would miss a parameter without a default
            raise UserError(f"{entry.kind}={entry.name} has no parameter '{key}'{instead(key, known)}")
    try:
        values = OmegaConf.to_container(OmegaConf.merge(schema, node), resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = str(error.full_key)
        raise UserError(f"{entry.kind}={entry.name} needs a value for {key}: add {slot}.{key}=VALUE") from error
    except OmegaConfBaseException as error:
        if "is not a subclass of" in str(error):  # a node of another technique, whose name was changed
            raise UserError(f"a technique is chosen by its kind: type {slot}={entry.name}, not {slot}.name=...") from error
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


def _subset(splits: Splits, size: int | None, dataset: str) -> Splits:
    rows = len(splits.train.x)
    if size is None:
        return splits
    if size > rows:
        raise UserError(f"train_size={size} is more than the {rows} training rows of {dataset}: use train_size={rows} or less")
    return dataclasses.replace(splits, train=Split(splits.train.x[:size], splits.train.y[:size]))


def _dataset_card(name: str, splits: Splits, digest: str) -> DatasetCard:
    rows = {part: len(split.x) for part, split in splits.present().items()}
    return DatasetCard(name, splits.source, digest, rows, splits.train.x.shape[1], splits.outputs)
