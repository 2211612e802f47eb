"""Configuration to objects: the one place where a run calls the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from omegaconf import DictConfig

from nnreg import fitting, shared_data
from nnreg.contracts import Optimizer, Split, Splits
from nnreg.contracts.objective import targets_of
from nnreg.contracts.optimizer import execute_by
from nnreg.engine import compiled, workers
from nnreg.engine.network import Network
from nnreg.engine.training import Streams, paced
from nnreg.errors import UserError, one_line
from nnreg.records.card import DatasetCard
from nnreg.registry import entries
from nnreg.registry.building import _entry, build_technique, read_settings
from nnreg.registry.entries import BrokenPlugin, Entry
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
    places = {slot: kind for slot, kind in entries.slots().items() if slot in config}
    entered = {slot: _entry(slot, kind, config[slot], choices) for slot, kind in places.items()}
    built = {slot: build_technique(config, choices, slot) for slot in places}
    fitting.check_trainable(entered["activation"].name, built["activation"])
    fitting.check_rows(entered["norm"], built["norm"], settings.batch)
    fitting.check_rows(entered["dropout"], built["dropout"], settings.batch)
    if settings.workers == 2:
        fitting.check_workers(settings, {entered[kind]: built[kind] for kind in ("norm", "dropout")})
    dataset, loss = entered["dataset"].name, entered["loss"].name
    splits, digest = shared_data.load(
        (entered["dataset"], repr(config["dataset"]), settings.train_size),
        lambda: _subset(_load(entered["dataset"], built["dataset"]), settings.train_size, dataset),
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
