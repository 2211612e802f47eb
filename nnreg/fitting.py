"""Which choices go together: a run that cannot be trained is refused before it starts, in one line that says what would do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nnreg.contracts import Activation, Layer, Loss, Splits
from nnreg.engine import compiled
from nnreg.errors import UserError, one_line
from nnreg.registry.entries import Entry
from nnreg.settings import Settings


def check_trainable(name: str, activation: Activation) -> None:
    """Refuse an activation that says why it cannot be trained.

    Raises:
        UserError: it does.
    """
    why = getattr(activation, "why_untrainable", "")
    if why:
        raise UserError(f"activation={name} cannot be trained: {why}")


def check_rows(entry: Entry, layer: Layer, batch: int) -> None:
    """Refuse batches that are too small for a layer.

    Raises:
        UserError: they are.
    """
    if batch < layer.least_rows:
        raise UserError(f"{entry.kind}={entry.name} cannot be trained with batch={batch}: use batch={layer.least_rows} or more")


BESIDE_OTHERS = "workers=2 gives a run two cores, hydra/launcher=joblib gives each core a run of its own: leave out one"


def check_workers(settings: Settings, layers: Mapping[Entry, Layer]) -> None:
    """Refuse what two processes with half a batch each cannot do.

    Raises:
        UserError: it is asked for.
    """
    if not hasattr(os, "fork"):
        raise UserError("workers=2 needs a system that can fork, such as Linux or macOS: use workers=1")
    import multiprocessing  # here: most runs are one process's, and start sooner without

    if multiprocessing.current_process().daemon:
        raise UserError(BESIDE_OTHERS)
    if settings.batch < 2:
        raise UserError(f"workers=2 needs at least a row each: use batch=2 or more, got batch={settings.batch}")
    if settings.diagnostics == "on":
        raise UserError("diagnostics=on looks at whole batches, of which workers=2 have a half each: use workers=1")
    for entry, layer in layers.items():
        if not (layer.is_identity or layer.spreads):
            raise UserError(f"{entry.kind}={entry.name} needs the whole batch in one process: use workers=1")


def check_fit(settings: Settings, splits: Splits, dataset: str, loss: str, takes: Sequence[str]) -> None:
    """Refuse choices that do not go together, each with what would.

    Raises:
        UserError: they do not.
    """
    rows = len(splits.train.x)
    if splits.targets not in takes:
        suits = {"classes": "softmax_cross_entropy", "values": "mse"}[splits.targets]
        targets = f"dataset={dataset} has {splits.targets} as targets, loss={loss} takes {' or '.join(takes)}"
        raise UserError(f"{targets}: use loss={suits}")
    if settings.batch > rows:
        raise UserError(
            f"batch={settings.batch} is larger than the {rows} training rows of {dataset}: use batch={rows} or less"
        )
    check_warmup(settings)
    if settings.kernels == "numba" and not compiled.available():
        raise UserError("kernels=numba needs numba: pip install 'nnreg[fast]'")
    if settings.watch_train and splits.targets == "values" and not np.ptp(splits.train.y, axis=0).any():
        raise UserError(
            f"watch_train=true measures R² on the training rows, which has no meaning where dataset={dataset} has a single "
            f"value there: use watch_train=false, or more rows than {rows}"
        )
    if settings.patience is not None and splits.valid is None:
        raise UserError(f"patience={settings.patience} needs a validation split, and dataset={dataset} has none as configured")


@contextlib.contextmanager
def within_memory(settings: Settings) -> Iterator[None]:
    """Refuse a network that does not fit into memory, while it is being made.

    Raises:
        UserError: it does not.
    """
    try:
        yield
    except MemoryError as error:
        widths = ",".join(map(str, settings.hidden))
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


def check_values(splits: Splits, dataset: str, name: str, loss: Loss) -> None:
    """Let a loss refuse values that it is not made for before training starts.

    Raises:
        UserError: it does.
    """
    for part, split in splits.present().items() if splits.targets == "values" else ():
        try:
            loss.value(np.zeros(split.y.shape), split.y)
        except ValueError as error:
            raise UserError(f"loss={name} does not fit the {part} split of dataset={dataset}: {one_line(error)}") from error
