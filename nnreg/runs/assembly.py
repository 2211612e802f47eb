"""Every object of a run, built; its data loaded once."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from omegaconf import DictConfig, OmegaConf

from nnreg.contracts import (
    Array,
    Init,
    Optimizer,
    Sampler,
    Split,
    Splits,
    Targets,
)
from nnreg.contracts.objective import targets_of
from nnreg.contracts.optimizer import execute_by
from nnreg.engine.again import Again
from nnreg.engine.network import Network
from nnreg.engine.pace import Pace
from nnreg.engine.rows import Batches, converted, reconstructing
from nnreg.engine.settling import settle
from nnreg.engine.training import Streams, clipper
from nnreg.errors import UserError, one_line
from nnreg.records.card import DatasetCard
from nnreg.records.earlier import ADDED
from nnreg.registry import entries
from nnreg.registry.building import _entry, build_entry, build_technique, read_settings
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.runs.fit import (
    check_augmentation,
    check_fit,
    check_recorded,
    check_rows,
    check_sampler,
    check_trainable,
    check_values,
    check_warmup,
    check_watched,
    check_weighted,
    chosen_kernels,
    fitting,
)
from nnreg.runs.varying import varied_numbers
from nnreg.settings import DESCEND, TRAIN, Settings

Loaded = tuple[Splits, str]
"""Data, and a hash of every row."""

DIGESTED = 4096  # rows at once

_sharing = 0
_last: dict[object, Loaded] = {}  # of one dataset: a sweep over several needs no more memory than a run

if TYPE_CHECKING:
    from nnreg.engine.augment import Augment


@contextlib.contextmanager
def sharing_data() -> Iterator[None]:
    """Keep the data of the last run for the next while the block lasts; files may be others after it."""
    global _sharing
    _sharing += 1
    try:
        yield
    finally:
        _sharing -= 1
        if not _sharing:
            _last.clear()


def load_shared(key: object, read: Callable[[], Splits]) -> Loaded:
    """Return data and its digest, what the run before had of the same key where runs share.

    Args:
        key: what makes it the same data, compared by ``==``.
        read: makes it; deterministic.

    Returns:
        Splits whose arrays are read-only, and the digest of their rows.
    """
    if key in _last:
        return _last[key]
    _last.clear()
    splits = _read_only(read())
    loaded = splits, digest_of(splits)
    if _sharing:
        _last[key] = loaded
    return loaded


def digest_of(splits: Splits) -> str:
    """Return a hash of every row as a network sees it, however it is kept, so that two runs can prove they saw the same."""
    digest = hashlib.sha256()
    for part, split in splits.present().items():
        dtype = np.float32 if split.x.dtype == np.uint8 else split.x.dtype
        seen = converted(split, dtype, splits.divisor)
        digest.update(f"{part} {split.x.shape} {seen.x.dtype} {split.y.dtype}".encode())
        for first in range(0, len(split.x), DIGESTED):
            digest.update(np.ascontiguousarray(seen.x[first : first + DIGESTED]).data)
        digest.update(np.ascontiguousarray(split.y).data)
        if split.weight is not None:
            digest.update(np.ascontiguousarray(split.weight, np.float64).data)
    return digest.hexdigest()


def _read_only(splits: Splits) -> Splits:
    """Return the same arrays in a form that no run can write into; whoever made them still can."""
    same = copy.copy(splits)
    for part, split in splits.present().items():
        weight = None if split.weight is None else _view(split.weight)
        kept = Split(_view(split.x), _view(split.y), weight)
        object.__setattr__(same, part, kept)  # `replace` would look at every number again
    return same


def _view(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True)
class Assembled:
    """Everything one run needs, built and checked; nothing has been trained yet."""

    settings: Settings
    network: Network
    optimizer: Optimizer
    pace: Pace
    splits: Splits
    streams: Streams
    batches: Batches
    dataset: DatasetCard
    again: Again
    augment: Augment | None
    answers_rows: bool


def assemble(config: DictConfig, choices: Mapping[str, str]) -> Assembled:
    """Build every object of a run from its composed configuration.

    Args:
        config: settings at the top, one node for each kind.
        choices: kind to the option chosen, for a node that does not name its technique.

    Raises:
        UserError: a setting or a parameter is wrong, a plugin is broken, data is missing; one line for the person.
    """
    settings, config = read_settings(config), with_added_kinds(config)
    places = {slot: kind for slot, kind in entries.slots().items() if slot in config}
    entered = {slot: _entry(slot, kind, config[slot], choices) for slot, kind in places.items()}
    built = {slot: build_technique(config, choices, slot) for slot in places}
    check_trainable(entered["activation"].name, built["activation"])
    check_rows(entered, built, settings.batch)
    splits, digest = _fitting(settings, config["dataset"], entered, built)
    check_sampler(settings, splits, entered, built)
    check_augmentation(splits, entered, built)
    streams = Streams.from_seed(settings.seed)
    batches = _batches(entered["sampler"], built["sampler"], settings, splits, streams)
    card = _dataset_card(choices["dataset"], splits, digest)
    with fitting(settings, entered, built, f"dataset={card.name}"):
        network = stack_network(
            settings, built, splits.train.x.shape[1], splits.outputs, splits.shape, rows=batches.largest, masks=streams.dropout
        )
        network.initialise(built["init"], streams.init, built["bias"])
        settle_start(
            entered["init"].name, built["init"], network, lambda: first_rows(splits, settings.batch, network.dtype)[0], streams
        )
        settings = dataclasses.replace(settings, kernels=chosen_kernels(settings, lambda: network.multiplications))
        if settings.kernels == "numba":
            from nnreg.engine import loops

            execute_by(built["optimizer"], loops.Loop)
            network.compile()
        built["optimizer"].bind(network.parameters)
    again = Again(network, streams.dropout, clipper(settings.clip_value, settings.clip_norm))
    built["optimizer"].equip(again, streams.optimizer)
    is_changing = not getattr(built["augmentation"], "is_identity", False)
    augment = None
    if is_changing:
        from nnreg.engine.augment import Augment

        augment = Augment(built["augmentation"], splits, streams.augmentation)
    check_watched(built["schedule"], f"schedule={entered['schedule'].name}", settings, splits, entered["dataset"].name)
    varied = varied_numbers(config, built, settings.steps, network.layers)
    for number in varied:
        check_watched(number.schedule, f"vary.{number.place}", settings, splits, entered["dataset"].name)
    pace = Pace(built["schedule"], settings.steps, settings.warmup, built["optimizer"].rate, varied)
    rows = answers_rows(built["network"])
    return Assembled(settings, network, built["optimizer"], pace, splits, streams, batches, card, again, augment, rows)


def answers_rows(architecture: object) -> bool:
    """Tell whether a network has the rows themselves as targets."""
    return getattr(architecture, "target", "targets") == "inputs"


def with_added_kinds(config: DictConfig) -> DictConfig:
    """Return a configuration with those kinds that a user's own, written before there were any, does not choose from."""
    missing = OmegaConf.create({kind: {"name": name} for kind, name in ADDED.items() if kind not in config})
    whole = OmegaConf.merge(config, missing) if missing else config
    assert isinstance(whole, DictConfig)
    return whole


FITTED = ("dataset", "loss", "sampler", "augmentation", "network")
"""Kinds whose techniques must go together, and with the settings."""


def settle_start(name: str, init: Init, network: Network, rows: Callable[[], Array], streams: Streams) -> None:
    """Let an init settle a network that has been filled, where it wants to.

    Raises:
        UserError: it refuses.
    """
    try:
        settle(network, init, rows, streams.dropout)
    except (ValueError, OSError) as error:
        raise UserError(f"init={name}: {one_line(error)}") from error


def first_rows(splits: Splits, count: int, dtype: npt.DTypeLike) -> tuple[Array, Targets]:
    """Return features and targets of the first training rows, float array (n, features) of a dtype, n <= ``count``."""
    x, y, _ = converted(splits.train.taken(slice(count)), dtype, splits.divisor)
    return np.asarray(x[:], dtype), y


def check_ahead(config: DictConfig, choices: Mapping[str, str], metrics: Sequence[str] = ()) -> None:
    """Refuse a run for its settings, or for data, loss and batch that do not go together, as ``assemble`` would.

    What a technique has against its own parameters it says itself: that run fails, others go on.

    Args:
        config: as that of ``assemble``.
        choices: likewise.
        metrics: that the run shall record, such as ``valid/accuracy``.

    Raises:
        UserError: it would be refused, or records no such metric.
    """
    settings, config = read_settings(config), with_added_kinds(config)
    if settings.task == DESCEND:
        check_warmup(settings)
    if settings.task != TRAIN:
        return
    try:
        entered = {kind: _entry(kind, kind, config.get(kind), choices) for kind in FITTED}
        built = {kind: build_entry(entry, config[kind]) for kind, entry in entered.items()}
    except UserError:
        return
    with contextlib.suppress(BrokenPlugin):
        splits, _ = _fitting(settings, config["dataset"], entered, built)
        check_sampler(settings, splits, entered, built)
        check_augmentation(splits, entered, built)
        for metric in metrics:
            check_recorded(metric, settings, splits, entered["dataset"].name)


def load_splits(config: DictConfig) -> Splits:
    """Return the data that a configuration trains on, in which every technique is named.

    Raises:
        UserError: it is not there, or does not go together with the loss or the network.
    """
    settings, config = read_settings(config), with_added_kinds(config)
    entered = {kind: _entry(kind, kind, config.get(kind), {}) for kind in ("dataset", "loss", "network")}
    built = {kind: build_entry(entry, config[kind]) for kind, entry in entered.items()}
    return _fitting(settings, config["dataset"], entered, built)[0]


STACKED = ("network", "activation", "loss", "regularizer", "norm", "dropout")
"""Kinds that a network is stacked of."""


def kernels_for_all(config: DictConfig, runs: int) -> str:
    """Return what computes the runs of a sweep that leave it to nnreg, by its first one; "" where that one does not."""
    settings = read_settings(config)
    if settings.task != TRAIN or settings.kernels != "auto":
        return ""

    def a_row() -> int:
        splits, whole = load_splits(config), with_added_kinds(config)
        entered = {slot: _entry(slot, slot, whole[slot], {}) for slot in STACKED}
        built = {slot: build_technique(whole, {}, slot) for slot in STACKED}
        with fitting(settings, entered, built, "its data"):
            return stack_network(settings, built, splits.train.x.shape[1], splits.outputs, splits.shape, rows=1).multiplications

    with contextlib.suppress(UserError, BrokenPlugin):
        return chosen_kernels(settings, a_row, runs)
    return "numpy"


def _fitting(settings: Settings, node: DictConfig, entered: Mapping[str, Entry], built: Mapping[str, Any]) -> Loaded:
    """Return the data of a run with the targets that its network answers, checked against settings and loss.

    Where runs share, it is what the one before had of the same.
    """
    dataset, loss, made, measure = entered["dataset"], entered["loss"], built["dataset"], built["loss"]
    takes = targets_of(measure)
    answers_inputs = answers_rows(built["network"])
    if answers_inputs and "values" not in takes:
        raise UserError(
            f"network={entered['network'].name} has the rows themselves as targets, which are values, loss={loss.name} takes "
            f"{' or '.join(sort for sort in takes if sort != 'soft')}: use loss=mse"
        )
    rows = made.suited(takes[0]) if hasattr(made, "suited") else made
    key = (dataset, repr(OmegaConf.to_container(node, resolve=True)), settings.train_size, takes[0])
    splits, digest = load_shared(key, lambda: _subset(_load(dataset, rows), settings.train_size, dataset.name))
    splits = reconstructing(splits) if answers_inputs else splits
    check_fit(settings, splits, dataset.name, loss.name, takes, may_be_either=rows is not made)
    check_weighted(splits, dataset.name, loss.name, measure)
    check_values(splits, dataset.name, loss.name, measure, is_scaled=bool(getattr(rows, "standardise", False)))
    return splits, digest


def _batches(entry: Entry, sampler: Sampler, settings: Settings, splits: Splits, streams: Streams) -> Batches:
    """Let a sampler begin."""
    try:
        return Batches(sampler, splits.train, settings.batch, streams.batches, settings.steps)
    except ValueError as error:
        raise UserError(f"sampler={entry.name}: {one_line(error)}") from error
    except Exception as error:  # any other error is the plugin's, not the user's
        raise BrokenPlugin(f"{entry} is broken: begin raised {type(error).__name__}: {one_line(error)}") from error


def stack_network(
    settings: Settings,
    built: Mapping[str, Any],
    features: int,
    outputs: int,
    shape: tuple[int, ...] | None,
    *,
    rows: int,
    masks: np.random.Generator | None = None,
) -> Network:
    """Stack the layers of a run's network, which are not filled yet.

    Args:
        settings: of the run.
        built: its techniques by kind.
        features: columns of a row.
        outputs: of the network.
        shape: the natural shape of a row, or None.
        rows: of a batch, at most.
        masks: that layers draw from in training; None for a network that trains no more.
    """
    return Network(
        features,
        settings.hidden,
        outputs,
        architecture=built["network"],
        shape=shape,
        activation=built["activation"],
        loss=built["loss"],
        regularizer=built["regularizer"],
        norm=built["norm"],
        dropout=built["dropout"],
        masks=masks,
        rows=rows,
        dtype=settings.dtype,
    )


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
    return dataclasses.replace(splits, train=splits.train.taken(slice(size)))


def _dataset_card(name: str, splits: Splits, digest: str) -> DatasetCard:
    rows = {part: len(split.x) for part, split in splits.present().items()}
    return DatasetCard(name, splits.source, digest, rows, splits.train.x.shape[1], splits.outputs)
