"""What a run may do (train, descend, look at layers) and what it may be told: settings, and which words belong to a sweep."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from nnreg.contracts import check_range

TRAIN, DESCEND, ACTIVATIONS = "train", "descend", "activations"

_USED: Mapping[str, tuple[str, ...]] = {
    DESCEND: ("optimizer", "surface", "schedule"),
    ACTIVATIONS: ("init", "bias", "activation", "network", "norm", "dropout"),
}
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    DESCEND: ("task", "seed", "steps", "clip_value", "clip_norm", "warmup", "start", "tolerance"),
    ACTIVATIONS: ("task", "seed", "hidden", "batch", "dtype"),
}
_NOT_OF_TRAINING = ("start", "tolerance", "animate")
LABELLED: Mapping[str, tuple[str, str]] = {
    TRAIN: ("optimizer", "init"),
    DESCEND: ("optimizer", "surface"),
    ACTIVATIONS: ("activation", "init"),
}
"""What the label of a run names, by task."""
PICTURES: Mapping[str, str] = {TRAIN: "loss.png", DESCEND: "path.png", ACTIVATIONS: "outputs.png"}
"""File in the run folder that shows a run of each task."""


def conf_folder() -> Path:
    """Return where the YAML lives: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    return package / "conf" if (package / "conf").is_dir() else package.parent / "conf"


def task_of(config: Mapping[str, Any]) -> str:
    """Return the task of a configuration: an enum's member, a word, or left out in one that is older than tasks."""
    task = config.get("task") or TRAIN
    return str(getattr(task, "name", task))


def used_choices(task: str, choices: Mapping[str, str]) -> dict[str, str]:
    """Return those choices that mean something to a task; training uses all but the surface."""
    wanted = _USED.get(task)
    return {slot: name for slot, name in choices.items() if (slot in wanted if wanted else slot != "surface")}


def is_setting_of(task: str, setting: str) -> bool:
    """Tell whether a setting, which is no technique, means something to a task."""
    return setting in _SETTINGS[task] if task in _SETTINGS else setting not in _NOT_OF_TRAINING


_OF_TRAINING = (
    *("hidden", "batch", "train_size", "patience", "watch_train", "validate_every", "check_gradient"),
    *("diagnostics", "diagnostics_every", "checkpoint_seconds", "dtype", "kernels", "threads", "pictures", "log_model"),
)
_OF_STEPS = ("steps", "clip_value", "clip_norm", "warmup")


def setting_names() -> list[str]:
    """Return the names of all settings of a run."""
    return [field.name for field in fields(Settings)]


def key_of(word: str) -> str:
    """Return what an override sets, however it does: ``optimizer.lr`` for ``+optimizer.lr=0.1``."""
    return word.lstrip("+~").partition("=")[0]


def unused_words(task: str, words: Iterable[str], slots: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for what was typed and means nothing to a run.

    Args:
        task: of the run.
        words: overrides, as they were typed.
        slots: group to the place of its technique in the configuration.
        values: of the settings.
    """
    words, told = list(words), dict[str, str]()
    if any(word.startswith("task=") and "," in word for word in words):  # each is for one of the tasks
        return []
    of_another = {TRAIN: _NOT_OF_TRAINING, DESCEND: _OF_TRAINING, ACTIVATIONS: (*_OF_TRAINING, *_OF_STEPS, *_NOT_OF_TRAINING)}
    for word in words:
        key = word.lstrip("+").partition("=")[0]
        slot = slots.get(key) or key.partition(".")[0]
        if slot in slots.values() and slot not in used_choices(task, dict.fromkeys(slots.values(), "")):
            told[slot] = f"{word} is not used by task={task}{_elsewhere('surface' if slot == 'surface' else 'dataset')}"
        elif key in of_another.get(task, ()) and not is_setting_of(task, key):
            told[key] = f"{word} is not used by task={task}{_elsewhere('surface' if key in _NOT_OF_TRAINING else 'dataset')}"
        elif key in _NEEDS and str(getattr(values.get(_NEEDS[key][0]), "name", values.get(_NEEDS[key][0]))) == _NEEDS[key][1]:
            told[key] = f"{word} is not used with {_NEEDS[key][0]}={_NEEDS[key][1]}"
    return list(told.values())


_NEEDS = {"diagnostics_every": ("diagnostics", "off"), "batch": ("sampler", "full")} | dict.fromkeys(
    ("tracking_uri", "experiment_name", "log_model"), ("tracking", "off")
)
"""Settings that mean nothing where another has a value, or a technique is chosen."""


def _elsewhere(of: str) -> str:
    return ": add task=descend to descend it" if of == "surface" else ": leave it out, or train with task=train"


def run_label(task: str, choices: Mapping[str, str]) -> str:
    """Return a run's short name, such as ``adam-he``, ``adam-rosenbrock`` or ``sigmoid-normal``."""
    return "-".join(choices.get(slot, "none") for slot in LABELLED[task])


WITHDRAWN: Mapping[str, str] = {
    "workers": "there is no setting 'workers' any more: a run trains in one process, and with -m hydra/launcher=joblib "
    "gives every core a run of its own; threads=2 lets one run use two cores",
    "sampling": "there is no setting 'sampling' any more: type sampler=with_replacement for sampling=replacement, "
    "sampler=epoch for sampling=epoch",
}
"""Settings of earlier versions, with what is said to whoever types one."""

NO_DELETING = "every run has it; to have it as it is by default, do not type it"
"""What is said to whoever leaves a setting or a parameter out, as ``~seed`` does."""


@dataclass(frozen=True)
class Settings:
    """The settings of one run; ``python -m nnreg steps=500`` changes one.

    Args:
        task: ``train`` trains a network; ``descend`` lets the optimizer loose on the surface; ``activations`` looks at the
            outputs of an untrained network's hidden layers on ``batch`` rows of normal noise.
        seed: starts every random stream; same seed, same initial weights, batches and masks, whatever the optimizer.
        hidden: widths of the hidden layers, first to last, each 1 or more.
        steps: number of updates.
        batch: rows of one mini-batch.
        train_size: how many of the first training rows to use, for studies of small data; null: all.
        clip_value: bound on each component of the gradient; null: none.
        clip_norm: bound on the gradient's length, a longer one is scaled down; null: none. Applied after clip_value.
        warmup: updates over which the learning rate rises linearly from 0 to where the schedule begins; 0: none.
        patience: steps without a lower validation loss after which a run stops early and returns to its best parameters;
            null: never.
        watch_train: measure the whole training split too whenever validation is due: ``train/accuracy`` or ``train/r2``.
        validate_every: steps between two validations; ``auto``: spread on a log scale over the run, as many as cost at most a
            tenth of its training, and 50 at most.
        diagnostics: ``on`` records mean, spread, saturation, gradient and update of every layer and draws them.
        diagnostics_every: steps between two such measurements.
        check_gradient: compare the backward pass with central differences on the first batch, before the first update.
        checkpoint_seconds: seconds between two checkpoints, from which ``python -m nnreg resume`` goes on; 0: after every
            step; null: none.
        pictures: ``all`` draws besides what the network answers on its validation rows: which classes it confuses, its worst
            mistakes, its first layer's weights where rows are pictures, the plane that it divides where they have two
            features; of values the predicted against the true.
        start: point at which a descent begins, such as [-7,2], a number for each dimension; null: the surface's own.
        tolerance: distance from a minimum within which a descent has arrived.
        animate: ``gif`` or ``mp4`` (needs ffmpeg) shows a descent grow; in a sweep one animation for all its paths.
        dtype: precision of parameters, gradients and activations; descents are in float64.
        kernels: ``auto`` is ``numba`` where that is installed and the run, or the whole sweep, would train for some five
            seconds or more, else ``numpy``; what it chose is recorded. ``numba`` compiles all of a step but its matrix products
            (``pip install 'nnreg[fast]'``), the same but for the order of sums.
        threads: cores for one run: its products, and those compiled loops that are long enough; products may add up in another
            order then. null: as OMP_NUM_THREADS says, else 1. Sweeps use more cores better by ``hydra/launcher=joblib``.
        tracking: ``mlflow`` logs the run there; ``off`` keeps it in the run folder only.
        tracking_uri: MLflow store or server; null: MLFLOW_TRACKING_URI, else mlflow.db in the working directory.
        experiment_name: MLflow experiment; null: that of mlflow.set_experiment, MLFLOW_EXPERIMENT_NAME or
            MLFLOW_EXPERIMENT_ID, else nnreg.
        run_name: name of the run in MLflow; null: MLFLOW_RUN_NAME, else its techniques. What is swept follows.
        tags: further tags of the run in MLflow, such as {paper:fig2,batch:7}.
        notes: text above the run's description in MLflow.
        log_model: log the network in MLflow as a model too, which ``mlflow.pyfunc.load_model`` loads; it takes a second or two.

    Raises:
        ValueError: a setting is out of its range.
    """

    task: Literal["train", "descend", "activations"] = "train"
    seed: int = 0
    hidden: list[int] = field(default_factory=lambda: [100, 100, 100, 100])
    steps: int = 2000
    batch: int = 128
    train_size: int | None = None
    clip_value: float | None = None
    clip_norm: float | None = None
    warmup: int = 0
    patience: int | None = None
    watch_train: bool = False
    validate_every: int | Literal["auto"] = "auto"
    diagnostics: Literal["off", "on"] = "off"
    diagnostics_every: int = 100
    check_gradient: bool = False
    checkpoint_seconds: float | None = 10.0
    pictures: Literal["one", "all"] = "one"
    start: list[float] | None = None
    tolerance: float = 0.01
    animate: Literal["off", "gif", "mp4"] = "off"
    dtype: Literal["float32", "float64"] = "float32"
    kernels: Literal["auto", "numpy", "numba"] = "auto"
    threads: int | None = None
    tracking: Literal["mlflow", "off"] = "mlflow"
    tracking_uri: str | None = None
    experiment_name: str | None = None
    run_name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    notes: str | None = None
    log_model: bool = False

    def __post_init__(self) -> None:
        check_range(self, seed="[0, inf)", steps="[1, inf)", batch="[1, inf)", warmup="[0, inf)")
        if self.validate_every != "auto":
            if isinstance(self.validate_every, bool) or not isinstance(self.validate_every, int):
                raise ValueError(f"validate_every must be auto or a whole number of steps, got {self.validate_every!r}")
            check_range(self, validate_every="[1, inf)")
        check_range(self, diagnostics_every="[1, inf)", tolerance="(0, inf)")
        bounds = {"train_size": "[1, inf)", "clip_value": "(0, inf)", "clip_norm": "(0, inf)", "patience": "[1, inf)"}
        bounds |= {"checkpoint_seconds": "[0, inf)", "threads": "[1, inf)"}
        check_range(self, **{name: bound for name, bound in bounds.items() if getattr(self, name) is not None})
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(
                f"hidden must list at least one layer width of 1 or more, such as hidden=[100,100], got {self.hidden}"
            )
        if self.start is not None and (not self.start or not all(map(math.isfinite, self.start))):
            raise ValueError(f"start must be a point, such as start=[-7,2], got {self.start}")
        _check_experiment(self.experiment_name)


LONGEST_EXPERIMENT = 200  # characters


def _check_experiment(name: str | None) -> None:
    """Refuse the name of an experiment that is a path, that cannot be seen, or that MLflow does not take."""
    if name is None:
        return
    parts = {part.strip() for part in re.split(r"[/\\]", name)}
    if not (name.isprintable() and name.strip() and len(name) <= LONGEST_EXPERIMENT) or parts & {".", ".."}:
        raise ValueError(
            f"experiment_name must be a name of 1 to {LONGEST_EXPERIMENT} letters and signs, no path with . or .. in it, "
            f"got {name[:LONGEST_EXPERIMENT]!r}"
        )


@dataclass(frozen=True)
class SweepSettings:
    """The settings of a sweep as a whole, below ``sweep``; they are no part of any of its runs.

    Args:
        resume: folder of a sweep to go on with; what is complete there is not done again.
        mix_code: go on with a sweep whose techniques have other code now; what is left becomes arms of their own.
        dry_run: list the runs and write nothing.
        max_jobs: more runs than this are asked about first.
        metric: by which the runs are judged, and settings are chosen; null: the final training loss, or the validation loss by
            protocol=tune_then_seeds, or the validation accuracy or R² where the loss was swept; a descent's final value.
        target: to be reached, such as valid/accuracy:0.95; null: what the median arm reaches, a descent's tolerance.
        axes: two swept settings for the heatmap, such as [optimizer,init]; null: the first two.
        objectives: what a search of several minimises, such as [valid/loss_final,seconds]; null: the final validation loss.

    Raises:
        ValueError: a setting is out of its range.
    """

    resume: str | None = None
    mix_code: bool = False
    dry_run: bool = False
    max_jobs: int = 500
    metric: str | None = None
    target: str | None = None
    axes: list[str] | None = None
    objectives: list[str] | None = None

    def __post_init__(self) -> None:
        check_range(self, max_jobs="[1, inf)")
        if self.axes is not None and len(self.axes) != 2:
            raise ValueError(f"sweep.axes must name two swept settings, such as [optimizer,init], got {self.axes}")


OF_A_SWEEP = ("sweep", "protocol", "hparams_search", "resume", "study")
"""Keys of a configuration that say how a sweep is made, not what its runs are."""


def is_of_a_sweep(word: str) -> bool:
    """Tell whether an override says how a sweep is made, not what its runs are."""
    key = key_of(word)
    return key.partition(".")[0] in OF_A_SWEEP and key != "hparams_search"  # a YAML of one's own may set more than the search
