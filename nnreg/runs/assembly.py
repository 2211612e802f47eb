"""Every object of a run, built, checked against the others; its data loaded once."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from omegaconf import DictConfig, OmegaConf

from nnreg.contracts import (
    Activation,
    Array,
    Augmentation,
    Init,
    Layer,
    Loss,
    Optimizer,
    Sampler,
    Schedule,
    Split,
    Splits,
)
from nnreg.contracts.batches import largest_batch, targets_taken
from nnreg.contracts.objective import targets_of, watched_by, weighs_rows
from nnreg.contracts.optimizer import execute_by
from nnreg.engine import numerics
from nnreg.engine.again import Again
from nnreg.engine.augment import Augment
from nnreg.engine.network import Network
from nnreg.engine.pace import Pace
from nnreg.engine.rows import Batches, converted, reconstructing
from nnreg.engine.settling import settle
from nnreg.engine.training import Streams, clipper
from nnreg.errors import UserError, one_line
from nnreg.records.card import DatasetCard
from nnreg.records.earlier import ADDED
from nnreg.records.metrics import plain_name
from nnreg.registry import entries
from nnreg.registry.building import _entry, build_entry, build_technique, read_settings
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.runs.varying import varied_numbers
from nnreg.settings import DESCEND, TRAIN, Settings


def check_trainable(name: str, activation: Activation | Layer) -> None:
    """Refuse an activation that says why it cannot be trained.

    Raises:
        UserError: it does.
    """
    why = getattr(activation, "why_untrainable", "")
    if why:
        raise UserError(f"activation={name} cannot be trained: {why}")


LAYERED = ("activation", "norm", "dropout")
"""Kinds that are layers of a network, or may be."""


def check_rows(entered: Mapping[str, Entry], built: Mapping[str, Any], batch: int) -> None:
    """Refuse batches that are too small for a layer.

    Args:
        entered: techniques by kind, those of layers among them.
        built: their instances.
        batch: rows of a batch.

    Raises:
        UserError: they are.
    """
    for kind in LAYERED:
        least = getattr(built[kind], "least_rows", Layer.least_rows)
        if batch < least:
            name = f"{kind}={entered[kind].name}"
            raise UserError(f"{name} cannot be trained with batch={batch}: use batch={least} or more")


def check_fit(
    settings: Settings, splits: Splits, dataset: str, loss: str, takes: Sequence[str], *, may_be_either: bool = False
) -> None:
    """Refuse choices that do not go together, each with what would.

    Raises:
        UserError: they do not.
    """
    rows = len(splits.train.x)
    if splits.targets not in takes:
        suits = {"classes": "softmax_cross_entropy", "values": "mse"}[splits.targets]
        taken = " or ".join(sort for sort in takes if sort != "soft")
        targets = f"dataset={dataset} has {splits.targets} as targets, loss={loss} takes {taken}"
        other = ", or dataset.task=classes for labels" if may_be_either and splits.targets == "values" else ""
        raise UserError(f"{targets}: use loss={suits}{other}")
    check_warmup(settings)
    if settings.kernels == "numba" and not numerics.has_numba():
        raise UserError("kernels=numba needs numba: pip install 'nnreg[fast]'")
    if settings.watch_train and splits.targets == "values" and not np.ptp(splits.train.y, axis=0).any():
        raise UserError(
            f"watch_train=true measures R² on the training rows, which has no meaning where dataset={dataset} has a single "
            f"value there: use watch_train=false, or more rows than {rows}"
        )
    if settings.patience is not None and splits.valid is None:
        raise UserError(f"patience={settings.patience} needs a validation split, and dataset={dataset} has none as configured")


def check_weighted(splits: Splits, dataset: str, loss: str, measure: Loss) -> None:
    """Refuse weights of rows for a loss that has no loss of each row.

    Raises:
        UserError: there are such.
    """
    if any(split.weight is not None for split in splits.present().values()) and not weighs_rows(measure):
        raise UserError(
            f"rows of dataset={dataset} have weights, and loss={loss} weighs no rows: leave the weights out, or give "
            "the loss a method row_losses(logits, targets)"
        )


def check_augmentation(splits: Splits, dataset: str, loss: Entry, takes: Sequence[str], name: str, made: Augmentation) -> None:
    """Refuse an augmentation that is not made for the rows, for their targets, or for the loss.

    Raises:
        UserError: it is not.
    """
    taken, rest = targets_taken(made), "use augmentation=noise, or none"
    if splits.targets not in taken:
        raise UserError(
            f"augmentation={name} takes {' or '.join(taken)} as targets, dataset={dataset} has {splits.targets}: {rest}"
        )
    if getattr(made, "needs_shape", False) and len(splits.shape or ()) not in (2, 3):
        raise UserError(f"augmentation={name} is for pictures, and rows of dataset={dataset} have no shape: {rest}")
    if getattr(made, "softens", False) and splits.train.weight is not None:
        raise UserError(f"augmentation={name} mixes rows, and those of dataset={dataset} have weights of their own: {rest}")
    if getattr(made, "softens", False) and not {"soft", "values"} & set(takes):
        raise UserError(
            f"augmentation={name} makes shares of classes of class numbers, which loss={loss.name} does not take: use "
            "loss=softmax_cross_entropy"
        )


def check_sampler(settings: Settings, splits: Splits, dataset: str, name: str, sampler: Sampler) -> None:
    """Refuse a sampler that is not made for the data, or that asks for more rows than there are.

    Raises:
        UserError: it is, or does.
    """
    taken = targets_taken(sampler)
    if splits.targets not in taken:
        raise UserError(
            f"sampler={name} takes {' or '.join(taken)} as targets, dataset={dataset} has {splits.targets}: use "
            "sampler=with_replacement"
        )
    rows = len(splits.train.x)
    largest = largest_batch(sampler, settings.batch, rows)
    if largest > rows and largest == settings.batch:
        raise UserError(f"batch={largest} is larger than the {rows} training rows of {dataset}: use batch={rows} or less")
    if largest > rows:
        raise UserError(
            f"sampler={name} asks for {largest} rows in the end with batch={settings.batch}, and {dataset} has {rows} training "
            f"rows: use batch={max(1, settings.batch * rows // largest)} or less"
        )


@contextlib.contextmanager
def fitting(settings: Settings, entered: Mapping[str, Entry], built: Mapping[str, Any], rows: str) -> Iterator[None]:
    """Refuse a network in which a layer cannot stand, or that does not fit into memory, while it is being made.

    Args:
        settings: of the run.
        entered: techniques by kind, the network and those of layers among them.
        built: their instances.
        rows: what goes into the network, such as ``dataset=digits``.

    Raises:
        UserError: it is one; BrokenPlugin where it is no network at all.
    """
    widths, network = ",".join(map(str, settings.hidden)), entered["network"]
    try:
        yield
    except ValueError as refusal:
        cause = getattr(refusal, "technique", None)
        chosen = next((f"{kind}={entered[kind].name}" for kind in LAYERED if type(built[kind]) is cause), "")
        who = f"{chosen} does not fit hidden=[{widths}]" if chosen else f"network={network.name} does not fit {rows}"
        raise UserError(f"{who}: {one_line(refusal)}") from refusal
    except TypeError as error:
        raise BrokenPlugin(f"{network} is broken: {one_line(error)}") from error
    except MemoryError as error:
        raise UserError(
            f"hidden=[{widths}] needs more memory than there is ({one_line(error) or 'it was refused'}): use narrower or fewer "
            "layers, such as hidden=[100,100], or a smaller batch"
        ) from error


def check_warmup(settings: Settings) -> None:
    """Refuse a warm-up that is no shorter than the run.

    Raises:
        UserError: it is.
    """
    if settings.warmup >= settings.steps:
        raise UserError(f"warmup={settings.warmup} leaves none of the {settings.steps} steps to the schedule: use fewer")


def check_values(splits: Splits, dataset: str, name: str, loss: Loss, *, is_scaled: bool = False) -> None:
    """Let a loss refuse values that it is not made for before training starts.

    Raises:
        UserError: it does.
    """
    for part, split in splits.present().items() if splits.targets == "values" else ():
        try:
            loss.value(np.zeros(split.y.shape), split.y)
        except ValueError as error:
            how = "; dataset.standardise=false keeps values as they are" if is_scaled else ""
            what = f"loss={name} does not fit the {part} split of dataset={dataset}"
            raise UserError(f"{what}: {one_line(error)}{how}") from error


Loaded = tuple[Splits, str]
"""Data, and a hash of every row."""

DIGESTED = 4096  # rows at once

_sharing = 0
_last: dict[object, Loaded] = {}  # of one dataset: a sweep over several needs no more memory than a run


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


def assemble(config: DictConfig, choices: Mapping[str, str]) -> Assembled:
    """Build every object of a run from its composed configuration.

    Args:
        config: settings at the top, one node for each kind.
        choices: kind to the option chosen, for a node that does not name its technique.

    Raises:
        UserError: a setting or a parameter is wrong, a plugin is broken, data is missing; one line for the person.
    """
    settings, config = read_settings(config), _with_added_kinds(config)
    places = {slot: kind for slot, kind in entries.slots().items() if slot in config}
    entered = {slot: _entry(slot, kind, config[slot], choices) for slot, kind in places.items()}
    built = {slot: build_technique(config, choices, slot) for slot in places}
    check_trainable(entered["activation"].name, built["activation"])
    check_rows(entered, built, settings.batch)
    splits, digest = _fitting(settings, config["dataset"], entered, built)
    check_sampler(settings, splits, entered["dataset"].name, entered["sampler"].name, built["sampler"])
    named, takes = entered["dataset"].name, targets_of(built["loss"])
    check_augmentation(splits, named, entered["loss"], takes, entered["augmentation"].name, built["augmentation"])
    streams = Streams.from_seed(settings.seed)
    batches = _batches(entered["sampler"], built["sampler"], settings, splits, streams)
    card = _dataset_card(choices["dataset"], splits, digest)
    with fitting(settings, entered, built, f"dataset={card.name}"):
        network = _network(settings, built, splits, streams, batches.largest)
        settle_start(entered["init"].name, built["init"], network, lambda: _first(splits, settings, network.dtype), streams)
        if settings.kernels == "numba":
            execute_by(built["optimizer"], numerics.Loop)
        built["optimizer"].bind(network.parameters)
    again = Again(network, streams.dropout, clipper(settings.clip_value, settings.clip_norm))
    built["optimizer"].equip(again, streams.optimizer)
    is_changing = not getattr(built["augmentation"], "is_identity", False)
    augment = Augment(built["augmentation"], splits, streams.augmentation) if is_changing else None
    check_watched(built["schedule"], f"schedule={entered['schedule'].name}", settings, splits, entered["dataset"].name)
    varied = varied_numbers(config, built, settings.steps, network.layers)
    for number in varied:
        check_watched(number.schedule, f"vary.{number.place}", settings, splits, entered["dataset"].name)
    pace = Pace(built["schedule"], settings.steps, settings.warmup, built["optimizer"].rate, varied)
    return Assembled(settings, network, built["optimizer"], pace, splits, streams, batches, card, again, augment)


def _with_added_kinds(config: DictConfig) -> DictConfig:
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


def _first(splits: Splits, settings: Settings, dtype: npt.DTypeLike) -> Array:
    """Return the features of the first training rows, as many as a batch has."""
    first = Split(splits.train.x[: settings.batch], splits.train.y[: settings.batch])
    return np.asarray(converted(first, dtype, splits.divisor).x[:], dtype)


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
    settings, config = read_settings(config), _with_added_kinds(config)
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
        dataset = entered["dataset"].name
        check_sampler(settings, splits, dataset, entered["sampler"].name, built["sampler"])
        takes, augmentation = targets_of(built["loss"]), entered["augmentation"].name
        check_augmentation(splits, dataset, entered["loss"], takes, augmentation, built["augmentation"])
        for metric in metrics:
            check_recorded(metric, settings, splits, dataset)


def check_recorded(metric: str, settings: Settings, splits: Splits, dataset: str) -> None:
    """Refuse to compare by what is not measured.

    Raises:
        UserError: naming what is.
    """
    split, _, quantity = plain_name(metric).partition("/")
    wrong, right = ("accuracy", "r2") if splits.targets == "values" else ("r2", "accuracy")
    if quantity == wrong:
        raise UserError(f"{metric} is not measured where targets are {splits.targets}, as in {dataset}: {split}/{right} is")
    if split in ("valid", "test") and split not in splits.present():
        raise UserError(f"{metric} needs a {split} split, and dataset={dataset} has none as configured")
    if plain_name(metric) == f"train/{right}" and not settings.watch_train:
        raise UserError(f"{metric} is measured with watch_train=true only")


def check_watched(schedule: Schedule, where: str, settings: Settings, splits: Splits, dataset: str) -> None:
    """Refuse a schedule that waits for what a run does not measure.

    Raises:
        UserError: naming what is.
    """
    quantity = "r2" if splits.targets == "values" else "accuracy"
    measured = [f"{split}/{what}" for split in ("train", "valid") for what in ("loss", quantity)]
    for metric in watched_by(schedule):
        if not metric.startswith(("train/", "valid/")) or metric.partition("/")[2] not in ("loss", "accuracy", "r2"):
            raise UserError(f"{where} watches {metric}, which a training does not measure: it measures {', '.join(measured)}")
        try:
            check_recorded(metric, settings, splits, dataset)
        except UserError as error:
            raise UserError(f"{where} watches {metric}: {error}") from error


def _fitting(settings: Settings, node: DictConfig, entered: Mapping[str, Entry], built: Mapping[str, Any]) -> Loaded:
    """Return the data of a run with the targets that its network answers, checked against settings and loss.

    Where runs share, it is what the one before had of the same.
    """
    dataset, loss, made, measure = entered["dataset"], entered["loss"], built["dataset"], built["loss"]
    takes = targets_of(measure)
    answers_inputs = getattr(built["network"], "target", "targets") == "inputs"
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


def _network(settings: Settings, built: Mapping[str, Any], splits: Splits, streams: Streams, rows: int) -> Network:
    """Stack the layers of a run, for batches of at most so many rows, and draw their starting values."""
    network = Network(
        splits.train.x.shape[1],
        settings.hidden,
        splits.outputs,
        architecture=built["network"],
        shape=splits.shape,
        activation=built["activation"],
        loss=built["loss"],
        regularizer=built["regularizer"],
        norm=built["norm"],
        dropout=built["dropout"],
        masks=streams.dropout,
        rows=rows,
        dtype=settings.dtype,
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
    return dataclasses.replace(splits, train=splits.train.taken(slice(size)))


def _dataset_card(name: str, splits: Splits, digest: str) -> DatasetCard:
    rows = {part: len(split.x) for part, split in splits.present().items()}
    return DatasetCard(name, splits.source, digest, rows, splits.train.x.shape[1], splits.outputs)
