"""What of a run goes together: data, loss, batches and layers. What does not is refused, with what would."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nnreg.contracts import Activation, Layer, Loss, Schedule, Splits
from nnreg.contracts.batches import largest_batch, targets_taken
from nnreg.contracts.objective import targets_of, watched_by, weighs_rows
from nnreg.engine import numerics
from nnreg.engine.layers import Unfit
from nnreg.engine.parts import NoNetwork
from nnreg.errors import UserError, one_line
from nnreg.records.metrics import plain_name
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.registry.schemas import parameters_of
from nnreg.settings import Settings


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
    if settings.check_gradient and settings.dtype != "float64":
        raise UserError("check_gradient=true needs dtype=float64: in float32 differences are rounding")
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


def check_augmentation(splits: Splits, entered: Mapping[str, Entry], built: Mapping[str, Any]) -> None:
    """Refuse an augmentation that is not made for the rows, for their targets, or for the loss.

    Raises:
        UserError: it is not.
    """
    name, made, loss, source = entered["augmentation"].name, built["augmentation"], entered["loss"], _answered(entered, built)
    dataset, takes = entered["dataset"].name, targets_of(built["loss"])
    taken, rest = targets_taken(made), "use augmentation=noise, or none"
    if splits.targets not in taken:
        raise UserError(f"augmentation={name} takes {' or '.join(taken)} as targets, {source} has {splits.targets}: {rest}")
    if getattr(made, "needs_shape", False) and len(splits.shape or ()) not in (2, 3):
        raise UserError(f"augmentation={name} is for pictures, and rows of dataset={dataset} have no shape: {rest}")
    if getattr(made, "softens", False) and splits.train.weight is not None:
        raise UserError(f"augmentation={name} mixes rows, and those of dataset={dataset} have weights of their own: {rest}")
    if getattr(made, "softens", False) and not {"soft", "values"} & set(takes):
        raise UserError(
            f"augmentation={name} makes shares of classes of class numbers, which loss={loss.name} does not take: use "
            "loss=softmax_cross_entropy"
        )


def _answered(entered: Mapping[str, Entry], built: Mapping[str, Any]) -> str:
    """Return the choice that decides on the targets: the dataset, or a network that answers the rows themselves."""
    kind = "network" if getattr(built["network"], "target", "targets") == "inputs" else "dataset"
    return f"{kind}={entered[kind].name}"


def check_sampler(settings: Settings, splits: Splits, entered: Mapping[str, Entry], built: Mapping[str, Any]) -> None:
    """Refuse a sampler that is not made for the data, or that asks for more rows than there are.

    Raises:
        UserError: it is, or does.
    """
    name, sampler, source, dataset = (
        entered["sampler"].name,
        built["sampler"],
        _answered(entered, built),
        entered["dataset"].name,
    )
    taken = targets_taken(sampler)
    if splits.targets not in taken:
        raise UserError(
            f"sampler={name} takes {' or '.join(taken)} as targets, {source} has {splits.targets}: use sampler=with_replacement"
        )
    rows = len(splits.train.x)
    largest = largest_batch(sampler, settings.batch, rows)
    if largest > rows and largest == settings.batch:
        raise UserError(f"batch={largest} is larger than the {rows} training rows of {dataset}: use batch={rows} or less")
    if largest > rows:
        fits = settings.batch * rows // largest
        raise UserError(
            f"sampler={name} asks for {largest} rows in the end with batch={settings.batch}, and {dataset} has {rows} training "
            f"rows: {f'use batch={fits} or less' if fits else 'no batch is small enough, so let it ask for less'}"
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
    place = f"hidden=[{widths}]" if not parameters_of(type(built["network"])) else f"network={network.name} hidden=[{widths}]"
    try:
        yield
    except Unfit as refusal:
        chosen = next((f"{kind}={entered[kind].name}" for kind in LAYERED if type(built[kind]) is refusal.technique), "")
        who = f"{chosen} does not fit {place}" if chosen else f"network={network.name} does not fit {rows}"
        raise UserError(f"{who}: {one_line(refusal)}") from refusal
    except NoNetwork as error:
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


ENOUGH = 2e11
"""Multiplications of a run from which on ``kernels=auto`` takes compiled code: some five seconds, of which reading it takes
half of one; a step takes a tenth to a third less. The runs of a sweep are taken together."""
CALLS = 4e6  # what the calls of a step cost, as multiplications
PRODUCTS = 3  # of each weight matrix: forward, and two backward


def chosen_kernels(settings: Settings, a_row: Callable[[], int], runs: int = 1) -> Literal["numpy", "numba"]:
    """Return what computes a run: what is asked for, or what its length suggests.

    Args:
        settings: of the run.
        a_row: returns the multiplications of a row on its way forward; asked where it matters.
        runs: that are to use the same.
    """
    if settings.kernels != "auto":
        return settings.kernels
    if not numerics.has_numba():
        return "numpy"
    multiplications = PRODUCTS * settings.batch * a_row()
    return "numba" if runs * settings.steps * (multiplications + CALLS) >= ENOUGH else "numpy"
