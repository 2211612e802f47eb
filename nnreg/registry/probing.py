"""A technique is used once on a few numbers before a run begins, so that what is wrong with it is said early.

This catches the mistakes that would otherwise train nothing, silently. The full conformance checks are another matter.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from nnreg.contracts import (
    Activation,
    Architecture,
    Array,
    Augmentation,
    Init,
    Layer,
    Loss,
    Optimizer,
    Parts,
    Place,
    Regularizer,
    Sampler,
    Schedule,
    Shape,
    Split,
    Surface,
    Weights,
)
from nnreg.contracts.batches import largest_batch, targets_taken
from nnreg.contracts.init import fill_of
from nnreg.contracts.objective import ACTS_ON, is_noisy, projection_of, target_of, targets_of, watched_by
from nnreg.errors import one_line
from nnreg.registry.entries import BrokenPlugin, Entry

SHAPE = (4, 3)
STEPS = 3


def probe(entry: Entry, technique: Any) -> None:
    """Use a technique once on a few numbers; the instance itself stays unused.

    Raises:
        BrokenPlugin: it raised, returned what it must not, or left its output unwritten; one line names plugin and cause.
    """
    check = PROBES.get(entry.kind)
    if check is None:
        return
    try:
        with np.errstate(all="ignore"):
            complaint = check(copy.deepcopy(technique))
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        complaint = f"{type(error).__name__}: {one_line(error)}"
    if complaint:
        raise BrokenPlugin(f"{entry} is broken: {complaint}")


class _Bowl:
    """½‖θ − c‖², for rules that look again."""

    def __init__(self, theta: Array, grad: Array) -> None:
        self._theta, self._grad, self._centre = theta, grad, theta - grad

    def loss_and_gradient(self) -> float:
        self._grad[...] = self._theta - self._centre
        return self.loss()

    def loss(self) -> float:
        return 0.5 * float(np.square(self._theta - self._centre).sum())


def _optimizer(rule: Optimizer) -> str:
    size = SHAPE[0] * SHAPE[1]
    theta, grad = np.linspace(0, 1, size), np.linspace(-1, 1, size)  # the 0 shows the smallest lr; steps may scale with theta
    before = theta.copy()
    named = {"W1": Weights(theta.reshape(SHAPE), grad.reshape(SHAPE))}
    places = {"W1": Place("W1", 1, 1, "weight", *SHAPE)}
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named=named, places=places))
    rule.equip(_Bowl(theta, grad), np.random.default_rng(0))
    if type(rule).step is Optimizer.step:
        returned = rule.update(theta, grad, *rule.state_vectors.values(), t=1, lr=rule.rate)
        if returned is not None:
            return f"update returned {_described(returned)}; it must change theta in place and return None"
    for t in range(1, STEPS + 1):
        rule.step(t)
    if np.array_equal(theta, before):
        return f"{STEPS} steps left theta as it was; update must write in place (theta -= ..., not theta = theta - ...)"
    return ""


def _init(init: Init) -> str:
    weight = np.full(SHAPE, np.nan)
    fill: Callable[..., object] = fill_of(init)
    returned = fill(weight, np.random.default_rng(0), lambda: Place("W1", 1, 2, "weight", *SHAPE))
    return _written("fill", "weight", weight, returned)


def _layer(layer: Layer) -> str:
    if not isinstance(layer, Layer):  # a plugin may not keep its promise
        return f"{type(layer).__name__} must inherit nnreg.contracts.Norm or nnreg.contracts.Dropout"
    if getattr(layer, "position", "before") not in ("before", "after"):
        return f"position is {layer.position!r}; it must be 'before' or 'after'"  # type: ignore[attr-defined]
    if (stood := _stood(layer)) is None:
        return ""
    layer, units, outputs, shapes = stood
    if outputs != units:
        return f"build returned {outputs} outputs for {units} inputs; a norm or dropout must keep the number of units"
    return _used(layer, units, outputs, shapes)


def _used(layer: Layer, units: int, outputs: int, shapes: Sequence[Shape]) -> str:
    """Use a layer that has been built on ``units`` inputs."""
    rows = max(SHAPE[0], layer.least_rows)
    weights = [Weights(np.full(s.shape, s.start or 0.0), np.full(s.shape, np.nan)) for s in shapes]
    layer.bind(weights, rows, np.float64, np.random.default_rng(0))
    x, dy = np.linspace(-2, 3, rows * units).reshape(rows, units) ** 2, np.ones((rows, outputs))
    x.flags.writeable = dy.flags.writeable = False
    uses: Mapping[str, tuple[Callable[[], Any], int]] = {
        "forward in evaluation": (lambda: layer.forward(x, training=False), outputs),
        "forward in training": (lambda: layer.forward(x, training=True), outputs),
        "backward": (lambda: layer.backward(dy, need_dx=True), units),
    }
    for method, (use, width) in uses.items():
        returned, shape = use(), (rows, width)
        if np.shape(returned) != shape or not np.isfinite(returned).all():
            return f"{method} returned {_described(returned)}; it must return finite numbers of shape {shape}"
    unwritten = [wanted.name for wanted, (_, grad) in zip(shapes, weights, strict=True) if np.isnan(grad).any()]
    return f"backward left the gradient of {', '.join(unwritten)} unwritten; it must fill all of it" if unwritten else ""


class _Part(Layer):
    """Stands for what a network is composed of; nothing flows through it."""

    def build(self, fan_in: int) -> tuple[int, tuple[()]]:
        return fan_in, ()

    def bind(self, *_: Any) -> None: ...

    def forward(self, x: Array, *, training: bool) -> Array:
        return x

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        return dy


class _AnyParts:
    """Makes whatever part it is asked for; those of the contract are known to the engine, which composes in earnest."""

    widths, shape = (5, 4), (8, 8)

    def __getattr__(self, part: str) -> Callable[..., Layer]:
        if not callable(getattr(Parts, part, None)):
            raise AttributeError(f"there is no part '{part}'")
        return lambda *_, **__: _Part()


def _network(network: Architecture) -> str:
    try:
        stacked = network.stack(_AnyParts(), 64, 3)
    except ValueError:  # it says that it does not fit these rows; the run's own are another matter
        return ""
    if not isinstance(stacked, Layer):
        return f"stack returned {_described(stacked)}; it must return a layer, such as parts.sequence(...)"
    target = getattr(network, "target", "targets")
    return "" if target in ("targets", "inputs") else f"target is {target!r}; it must be 'targets' or 'inputs'"


WIDTHS = range(3, 65)
"""Units that a layer is tried on, until it takes them: what halves or thirds its width refuses some."""


def _activation(activation: Activation | Layer) -> str:
    if isinstance(activation, Layer):
        return _activation_layer(activation)
    z, dy = np.linspace(-2, 2, 12).reshape(SHAPE), np.ones(SHAPE)
    y, dz = np.full(SHAPE, np.nan), np.full(SHAPE, np.nan)
    returned = activation.forward(z, y)
    complaint = _written("forward", "out", y, returned)
    if complaint:
        return complaint
    returned = activation.backward(dy, z, y, dz)
    return _written("backward", "out", dz, returned)


def _activation_layer(prototype: Layer) -> str:
    stood = _stood(prototype)
    return _used(*stood) if stood else ""


def _stood(prototype: Layer) -> tuple[Layer, int, int, Sequence[Shape]] | None:
    """Return a copy that was built, its inputs, outputs and arrays; None where it takes none of the widths that are tried."""
    for units in WIDTHS:
        layer = copy.deepcopy(prototype)
        try:
            outputs, shapes = layer.build(units)
        except ValueError:  # it refuses this width; that of the network is asked when the network is stacked
            continue
        return layer, units, outputs, shapes
    return None


def _loss(loss: Loss) -> str:
    logits, possible = np.zeros(SHAPE), {"classes": np.zeros(SHAPE[0], dtype=np.intp), "values": np.zeros(SHAPE)}
    possible["soft"] = np.full(SHAPE, 1 / SHAPE[1])
    if complaint := _taken(targets_of(loss), possible):
        return complaint
    for kind in targets_of(loss):
        targets, out = possible[kind], np.full(SHAPE, np.nan)
        for method, value in (
            ("value", loss.value(logits, targets)),
            ("value_and_gradient", loss.value_and_gradient(logits, targets, out)),
        ):
            if not _is_number(value):
                return f"{method} returned {_described(value)}; it must return one number, the mean over the rows"
        if complaint := _written("value_and_gradient", "out", out, None):
            return complaint
    return ""


def _regularizer(regularizer: Regularizer) -> str:
    target = target_of(regularizer)
    if target not in ACTS_ON:
        return f"acts_on is {target!r}; it must be one of {', '.join(ACTS_ON)}"
    flat, arrays = np.ones(SHAPE[0]), {name: np.ones(SHAPE) for name in ("W1", "W2")}
    given: Any = {"weights": flat, "layers": arrays, "outputs": arrays["W1"]}[target]
    value = regularizer.penalty(given)
    if not _is_number(value):
        return f"penalty returned {_described(value)}; it must return one number"
    uses: dict[str, tuple[str, Callable[[], object]]] = {
        "add_gradient": ("add to grad", lambda: regularizer.add_gradient(given, copy.deepcopy(given))),
        "decay": ("shrink weights", lambda: regularizer.decay(flat, 0.1)),
    }
    if project := projection_of(regularizer):
        uses["project"] = ("write to the weights", lambda: project(arrays))
    for method, (does, use) in uses.items():
        returned = use()
        if returned is not None:
            return f"{method} returned {_described(returned)}; it must {does} in place and return None"
    return ""


def _schedule(schedule: Schedule) -> str:
    for t in range(1, STEPS + 1):
        factor = schedule.factor(t, STEPS)
        if not _is_number(factor) or not np.isfinite(factor):
            return f"factor returned {_described(factor)} ({factor}); it must return one finite number"
    if isinstance(getattr(schedule, "watches", ()), str):
        return f"watches is {schedule.watches!r}; it must be a tuple of names, ({schedule.watches!r},)"
    for metric in watched_by(schedule):
        returned = schedule.observe(1, metric, 1.0)  # type: ignore[func-returns-value] # a plugin may return something
        if returned is not None:
            return f"observe returned {_described(returned)}; it must take note and return None"
    unmade = [name for name in getattr(schedule, "scalars", ()) if not isinstance(getattr(schedule, name, None), int | float)]
    return f"scalars names {', '.join(unmade)}, which must be a number from the constructor on" if unmade else ""


def _surface(surface: Surface) -> str:
    start = np.asarray(surface.start, dtype=np.float64)
    if start.ndim != 1 or not start.size or np.shape(surface.domain) != (start.size, 2):
        return "start must be a point (x, y), and domain ((x from, x to), (y from, y to)), or as many coordinates in both"
    if any(np.shape(minimum) != start.shape for minimum in surface.minima):
        return f"minima must be points of {start.size} coordinates, as start is"
    grid = np.stack([start, start + 0.5])[None]
    grid.flags.writeable = False
    for points in (start, grid):
        for method, wanted in ((surface.value, points.shape[:-1]), (surface.gradient, points.shape)):
            returned = method(points)
            if np.shape(returned) != wanted:
                return f"{method.__name__} returned {_described(returned)} for points {points.shape}; it must return {wanted}"
    drawn: Any = surface.gradient(grid, rng=np.random.default_rng(0)) if is_noisy(surface) else grid  # type: ignore[call-arg]
    if np.shape(drawn) != grid.shape:
        return f"gradient with a generator must return one slope for each coordinate, {grid.shape}"
    return ""


def _sampler(sampler: Sampler) -> str:
    count, batch = 12, 4
    if complaint := _taken(targets_taken(sampler), ("classes", "values")):
        return complaint
    for kind in targets_taken(sampler):
        y = np.arange(count) % SHAPE[1] if kind == "classes" else np.linspace(0, 1, count).reshape(-1, 1)
        split, rng = Split(np.linspace(-1, 1, count * SHAPE[1]).reshape(count, -1), y), np.random.default_rng(0)
        largest, drawing = largest_batch(sampler, batch, count), copy.deepcopy(sampler)
        drawing.begin(split, batch)
        for t in range(1, STEPS + 1):
            rows = drawing.rows(t, STEPS, rng)
            if not isinstance(rows, np.ndarray) or rows.dtype != np.int64 or rows.ndim != 1:
                return f"rows returned {_described(rows)}; it must return row numbers, an int64 array (n,)"
            if not 1 <= len(rows) <= largest:
                return f"rows returned {len(rows)} row numbers, and largest says {largest}; it must return 1 to {largest}"
            if rows.min() < 0 or rows.max() >= count:
                return f"rows returned row {rows.min()} to {rows.max()} of {count}; it must draw from 0 to {count - 1}"
    return ""


def _augmentation(augmentation: Augmentation) -> str:
    if complaint := _taken(targets_taken(augmentation), ("classes", "values")):
        return complaint
    for kind in targets_taken(augmentation):
        x, y = np.linspace(-1, 1, 60).reshape(4, 5, 3), np.arange(4) % 3
        targets = y if kind == "classes" else np.linspace(0, 1, 12).reshape(4, 3)
        if (begin := getattr(augmentation, "begin", None)) is not None:
            begin(3)
        returned = augmentation.apply(x, targets, np.random.default_rng(0))
        if not isinstance(returned, tuple) or len(returned) != 2:
            return f"apply returned {_described(returned)}; it must return rows and targets"
        if np.shape(returned[0]) != x.shape or not np.isfinite(returned[0]).all():
            return f"apply returned rows as {_described(returned[0])}; it must return finite numbers of shape {x.shape}"
        wanted = (4, 3) if kind == "values" or getattr(augmentation, "softens", False) else (4,)
        if np.shape(returned[1]) != wanted:
            return f"apply returned targets as {_described(returned[1])}; it must return {wanted} here"
    return ""


def _written(method: str, argument: str, array: Array, returned: object) -> str:
    if returned is not None:
        return f"{method} returned {_described(returned)}; it must write to '{argument}' and return None"
    if np.isnan(array).any():
        return f"{method} left '{argument}' unwritten or wrote NaN; it must fill all of it"
    return ""


def _taken(kinds: object, known: Iterable[str]) -> str:
    """Say what is wrong with the kinds of targets that a technique takes."""
    if isinstance(kinds, tuple | list | set | frozenset) and kinds and {*kinds} <= {*known}:
        return ""
    return f"takes is {kinds!r}; it must be a tuple of {', '.join(map(repr, known))}, such as ('classes',)"


def _is_number(value: Any) -> bool:
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf"


def _described(value: object) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


PROBES: Mapping[str, Callable[[Any], str]] = {
    "optimizer": _optimizer,
    "init": _init,
    "activation": _activation,
    "network": _network,
    "norm": _layer,
    "dropout": _layer,
    "loss": _loss,
    "regularizer": _regularizer,
    "schedule": _schedule,
    "surface": _surface,
    "sampler": _sampler,
    "augmentation": _augmentation,
}
