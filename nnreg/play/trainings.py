"""Networks that train under one's hands: a few updates at a time, and what they look like then.

They consume the records of a run as a run does, so that what is seen is what ``python -m nnreg`` records, to the bit. Whatever
is looked at, is looked at between two steps, where a run pauses for its checkpoints; only outputs and gradients of the layers
are looked at within a step, when they belong together, and are read as they lie there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnreg.contracts import Array, Splits
from nnreg.contracts.objective import reads_probabilities
from nnreg.engine.diagnostics import Stage, of_outputs, stages_of
from nnreg.engine.history import TRAIN_LOSS, Record
from nnreg.engine.numerics import silently
from nnreg.engine.training import PAUSE
from nnreg.errors import UserError, one_line
from nnreg.play.configuration import Asked, told
from nnreg.play.knobs import checked_whole
from nnreg.play.packing import packed
from nnreg.play.pictures import Plane, class_colours, first_weights, mistakes, normalised, softmax
from nnreg.play.strokes import row_of
from nnreg.registry import palette
from nnreg.runs.assembly import assemble
from nnreg.runs.checkpoints import Live
from nnreg.runs.train import final_records, start_record, training_records

PLACES = (
    *("dataset", "activation", "init", "bias", "optimizer", "norm", "dropout"),
    *("network", "loss", "regularizer", "schedule", "sampler", "augmentation"),
)
SETTINGS = ("hidden", "steps", "batch", "seed", "train_size", "clip_norm", "clip_value", "warmup", "patience")
MOST_NETWORKS = 2
MOST_UPDATES = 500
"""Updates from one picture to the next."""
MOST_POINTS = 600
BINS = 40
FADED = 12
"""Powers of ten below which a gradient is as good as none."""


@dataclass
class Axes:
    """The ends of the histograms of a page, which only move apart, so that what moves on them can be seen to move.

    Attributes:
        low: least output so far.
        high: greatest output so far.
        steep: largest power of ten of a gradient so far.
        flat: least power of ten of a gradient so far, -12 at the least.
    """

    low: float = 0.0
    high: float = 0.0
    steep: float = -math.inf
    flat: float = math.inf

    @property
    def ends(self) -> dict[str, list[float]]:
        """Return the ends of outputs and of gradients, as they are now."""
        return {"outputs": [self.low, self.high or 1.0], "gradient": [self.flat, self.steep]}

    def hold(self, powers: Array, outputs: Array | None) -> None:
        """Move the ends apart until they hold nearly all of a layer's outputs, and its gradients."""
        if powers.size:
            self.flat = min(self.flat, math.floor(np.quantile(powers, 0.01)))
            self.steep = max(self.steep, math.ceil(powers.max()))
        if outputs is not None and outputs.size:
            low, high = np.quantile(outputs, (0.002, 0.998))
            self.low, self.high = min(self.low, rounded_out(low)), max(self.high, rounded_out(high))


@dataclass
class Look:
    """A layer in the middle of a step.

    Attributes:
        told: its name, and what is said of it in numbers.
        powers: powers of ten of its weights' gradients that are not zero, array.
        outputs: of its activation that are finite, array; None of the last layer, which has none.
    """

    told: dict[str, Any]
    powers: Array
    outputs: Array | None

    def drawn(self, axes: Axes) -> dict[str, Any]:
        """Return it with its histograms between the ends of axes that hold it."""
        (low, high), (flat, steep) = axes.ends["outputs"], axes.ends["gradient"]
        found = dict(self.told)
        if self.powers.size:
            found["gradient"] = np.histogram(np.maximum(self.powers, flat), BINS, (flat, steep))[0].tolist()
        if self.outputs is not None and self.outputs.size:
            found["outputs"] = np.histogram(np.clip(self.outputs, low, high), BINS, (low, high))[0].tolist()
        return found


class Training:
    """One network that trains.

    Args:
        asked: the run.
        axes: of its histograms, and of those of the network beside it.

    Raises:
        UserError: it cannot be trained, or is none that can be shown.
    """

    def __init__(self, asked: Asked, axes: Axes) -> None:
        self.asked, self.axes = asked, axes
        self.config = asked.config()
        run = assemble(self.config, asked.choices(self.config))
        check_shown(run.splits)
        self.live, self.run = Live(run), run
        self.step, self.ended, self.final = 0, "", dict[str, float]()
        self._looks: list[Look] = []
        self._due, self._stages = 0, stages_of(run.network)
        self._records = training_records(self.live, 0, lambda: self.step >= self._due)
        self._plane = Plane(run.splits.train.x) if run.splits.train.x.shape[1] == 2 else None

    def begin(self) -> list[Record]:
        """Return what is known before the first update."""
        return [start_record(self.run)]

    def advance(self, updates: int) -> list[Record]:
        """Make some updates, or as many as are left, and return what was recorded."""
        self._due, found = self.step + updates, list[Record]()
        last = min(self._due, self.run.settings.steps) - 1
        if self.ended:
            return []
        for record in self._records:
            if record.metric == PAUSE:
                return found
            found.append(record)
            if record.metric == TRAIN_LOSS:
                if record.step == last or not math.isfinite(record.value):
                    self._looks = self._looked_at()
                self.step = record.step + math.isfinite(record.value)
        return found + self._end(found)

    def _end(self, found: list[Record]) -> list[Record]:
        """Say how training ended, and return what is recorded of the network that is kept."""
        lost = next((record for record in found if "loss" in record.metric and not math.isfinite(record.value)), None)
        if lost is not None:
            self.ended = f"diverged at update {lost.step:,}: the loss is no longer a number; a smaller learning rate may help"
            return []
        stopping = self.live.stopping
        is_early = stopping is not None and stopping.stopped_at is not None
        self.ended = f"stopped early after {self.step:,} updates" if is_early else f"trained for {self.step:,} updates"
        final = list(final_records(self.live, self.step))
        self.final = {record.metric: record.value for record in final}
        return final

    def picture(self) -> dict[str, Any]:
        """Return what the network answers now, with the parameters that it would be evaluated with."""
        with self.live.elsewhere.swapped():
            if self._plane is not None:
                return self._plane.picture(self.probabilities)
            weights = self._stages[0].head.weights.theta
            return mistakes(self.run.splits, self.probabilities) | first_weights(weights, self.run.splits.shape or ())

    def probabilities(self, x: Array) -> Array:
        """Return the probability of each class, float64 array (n, classes)."""
        logits = self.run.network.logits(x)
        loss: Any = self.run.network.loss
        found: Array = normalised(loss.probabilities(logits)) if reads_probabilities(loss) else softmax(logits)
        return found

    def read(self, row: Array) -> Array:
        """Return the probability of each class for one row, float64 array (classes,)."""
        with self.live.elsewhere.swapped():
            found: Array = self.probabilities(np.asarray(row, self.run.network.dtype)[np.newaxis])[0]
        return found

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Return histograms, spread, dead and saturated shares of all layers, as they were when they were last looked at."""
        return [look.drawn(self.axes) for look in self._looks]

    @silently
    def _looked_at(self) -> list[Look]:
        """Return all layers in the middle of a step, and let the axes hold them; nothing else is changed."""
        found = [self._look(stage) for stage in self._stages]
        for look in found:
            self.axes.hold(look.powers, look.outputs)
        return found

    def _look(self, stage: Stage) -> Look:
        gradient = np.abs(stage.head.weights.grad).ravel()
        alive = gradient[(gradient > 0) & np.isfinite(gradient)]
        told = {"name": stage.name.replace("layer", "layer "), "still": float(np.mean(gradient == 0))}
        if alive.size:
            told["gradient_size"] = float(np.sqrt(np.mean(np.square(alive, dtype=np.float64)) * alive.size / gradient.size))
        outputs = None
        if stage.hidden is not None:
            _, y = stage.hidden.last
            outputs = y[np.isfinite(y)]
            told |= of_outputs(stage.hidden, stage.steepest)
        return Look(told, np.maximum(np.log10(alive), -FADED), outputs)


def rounded_out(value: float) -> float:
    """Return a number of one digit, or one and a half, that is at least as far from zero."""
    if not value:
        return 0.0
    power = 10.0 ** math.floor(math.log10(abs(value)))
    step = next(step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= abs(value) * (1 - 1e-9))
    return math.copysign(step * power, value)


def check_shown(splits: Splits) -> None:
    """Refuse data that has no picture here.

    Raises:
        UserError: it has none.
    """
    features = splits.train.x.shape[1]
    if splits.targets != "classes":
        raise UserError("this page shows networks that tell classes apart: choose data and a network that do")
    if features != 2 and len(splits.shape or ()) != 2:
        raise UserError(
            f"this page shows points in the plane and small pictures, and rows of this data have {features} features"
        )


@dataclass
class Shown:
    """What a page looks at: the networks, each with what is wrong with it."""

    trainings: list[Training | None]
    errors: list[str]


_shown = Shown([], [])


def begin(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Build the networks that a page asks for, and return what is known of them before the first update.

    Args:
        asked: ``networks``, one or two, each as ``Asked.read`` takes it.

    Raises:
        UserError: there is no such thing to show.
    """
    said = asked.get("networks")
    if not isinstance(said, list) or not 0 < len(said) <= MOST_NETWORKS:
        raise UserError(f"networks must be 1 to {MOST_NETWORKS}")
    _shown.trainings, _shown.errors, axes = [], [], Axes()
    for each in said:
        made, error, wanted = None, "", None
        try:
            wanted = Asked.read(each, PLACES, SETTINGS)
            made = Training(wanted, axes)
        except Exception as raised:  # a plugin may fail in any way
            error = told(raised, wanted)
        _shown.trainings.append(made)
        _shown.errors.append(error)
    about = [None if training is None else facts_of(training) for training in _shown.trainings]
    started = [training.begin() if training else [] for training in _shown.trainings]
    return {"about": about} | frame(started)


def advance(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Let all networks make some updates, and return how they stand then.

    Args:
        asked: ``updates``, in [1, 500].

    Raises:
        UserError: nothing was begun, as after a file of a plugin was saved.
    """
    updates = checked_whole("updates", asked.get("updates", 1), 1, MOST_UPDATES)
    if not _shown.trainings:
        raise UserError("nothing is being trained here: begin again")
    found = []
    for place, training in enumerate(_shown.trainings):
        records: list[Record] = []
        if training is not None and not _shown.errors[place]:
            try:
                records = training.advance(updates)
            except Exception as raised:  # a plugin may fail in any way
                _shown.errors[place] = told(raised, training.asked)
        found.append(records)
    return frame(found)


def frame(records: list[list[Record]]) -> dict[str, Any]:
    """Return how all networks stand, with what was recorded since the last frame."""
    began = time.perf_counter()
    networks = []
    for place, training in enumerate(_shown.trainings):
        one: dict[str, Any] = {"error": _shown.errors[place], "records": by_metric(records[place])}
        if training is not None:
            one |= {"step": training.step, "ended": training.ended, "layers": training.layers, "ends": training.axes.ends}
            if not one["error"]:
                try:
                    one |= training.picture()
                except Exception as raised:  # a plugin may fail in any way
                    one["error"] = _shown.errors[place] = told(raised, training.asked)
        networks.append(one)
    return {
        "networks": networks,
        "is_over": all(training is None or training.ended or _shown.errors[i] for i, training in enumerate(_shown.trainings)),
        "milliseconds": 1000 * (time.perf_counter() - began),
    }


def by_metric(records: list[Record]) -> dict[str, list[list[float]]]:
    """Return steps and values of records by metric."""
    found: dict[str, list[list[float]]] = {}
    for step, metric, value in records:
        steps, values = found.setdefault(metric, [[], []])
        steps.append(step)
        values.append(value)
    return found


def facts_of(training: Training) -> dict[str, Any]:
    """Return what stays while a network trains: its data as points, colours, command and size."""
    run, splits = training.run, training.run.splits
    found: dict[str, Any] = {
        "command": training.asked.command(),
        "classes": splits.outputs,
        "parameters": int(run.network.parameters.theta.size),
        "steps": run.settings.steps,
        "rows": {part: len(split.x) for part, split in splits.present().items()},
        "colours": [[light, palette.on_dark(light)] for light in class_colours(splits.outputs)],
        "shape": list(splits.shape) if splits.shape else None,
    }
    if training._plane is not None:
        every = np.linspace(0, len(splits.train.x) - 1, min(MOST_POINTS, len(splits.train.x))).astype(int)
        points = splits.train.x[every].astype(np.float64)
        found |= {
            "domain": training._plane.domain,
            "points": np.round(points, 4).tolist(),
            "labels": splits.train.y[every].tolist(),
        }
    return found


def read_drawing(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each network reads in a drawing, and the picture of it that they are given.

    Args:
        asked: ``strokes``, each a list of points [x, y] in a field from 0 to 1, y downwards.

    Raises:
        UserError: nothing is drawn, or nothing is there to read it.
    """
    shape = next((training.run.splits.shape for training in _shown.trainings if training is not None), None)
    if shape is None or len(shape) != 2:
        raise UserError("nothing is being trained on pictures here")
    row = row_of(asked.get("strokes"), (shape[0], shape[1]))
    answers: list[list[float] | None] = []
    for training in _shown.trainings:
        try:
            most = 1.0 if training is None else float(training.run.splits.train.x.max()) / training.run.splits.divisor
            answers.append(None if training is None else training.read(row * most).tolist())
        except Exception as raised:  # a plugin may fail in any way
            raise UserError(one_line(told(raised, None))) from raised
    return {"pixels": packed(np.round(row * 255).astype(np.uint8)), "shape": list(shape), "answers": answers}
