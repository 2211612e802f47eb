"""One ordinary use of each kind, without a network."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from nnreg.contracts import (
    Array,
    Augmentation,
    Dropout,
    Indices,
    Layer,
    Norm,
    Place,
    Sampler,
    Split,
    Splits,
    Targets,
)
from nnreg.contracts.arrays import Role
from nnreg.contracts.batches import targets_taken
from nnreg.contracts.init import fill_of
from nnreg.contracts.objective import is_noisy, projection_of, target_of, targets_of, watched_by
from nnreg.engine.network import Network, Parameters
from nnreg.testing.bowl import bowl, descend, driving
from nnreg.testing.composing import TARGETS, Tanh, X, composed
from nnreg.testing.report import Subject, expect, skip

EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})

_refused: list[str] | None = None  # an audit hook cannot be removed, only told to stand by: None


@contextmanager
def offline() -> Iterator[list[str]]:
    """Let every attempt to reach a network raise OSError, whatever library makes it; gives the list of attempts."""
    global _refused
    _install()
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # "downloading ..." would be a lie
    attempts: list[str] = []
    _refused = attempts
    try:
        yield attempts
    finally:
        _refused = None
        logging.disable(before)


@cache
def _install() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _refused is not None and event in EVENTS:
        _refused.append(event)
        raise OSError("a check does not use the network")


UNITS, MOST_UNITS, ROWS = 5, 64, 8
OBSERVED = tuple([1 / (1 + step) for step in range(6)] + [0.2, 0.25] * 6 + [0.1, 0.3] * 6)
"""A metric that gets better, stays where it is, gets better once, and stays."""


SORTS = ("classes", "values")
BATCH, DRAWS = 5, 200


class Batch(NamedTuple):
    """What a loss is given."""

    logits: Array
    targets: Targets


class Bound(NamedTuple):
    """A layer with its memory and its stream of random masks."""

    layer: Layer
    parameters: Parameters
    rng: np.random.Generator


def use(subject: Subject, seed: int = 0) -> list[Array]:
    """Use a technique once, as a run would, and return everything it computed."""
    if subject.sort not in USES:
        skip(f"nnreg.testing does not know how a {subject.kind} is used")
    return USES[subject.sort](subject, seed)


def bound(prototype: Layer, rows: int, dtype: npt.DTypeLike = np.float64, seed: int = 0, units: int | None = None) -> Bound:
    """Build a layer and give it memory; its parameters stand a little beside where they start.

    Args:
        prototype: not built yet.
        rows: the largest batch.
        dtype: of its memory.
        seed: of its stream of random masks.
        units: inputs; None for as many as it takes.
    """
    units = units_of(prototype) if units is None else units
    width, shapes = prototype.build(units)
    if isinstance(prototype, Norm | Dropout):
        expect(width == units, f"build turned {units} inputs into {width} outputs; such a layer keeps their number")
    parameters = Parameters(shapes, dtype)
    rng = np.random.default_rng(seed)
    prototype.bind([parameters.named[shape.name] for shape in shapes], rows, dtype, rng)
    beside = np.random.default_rng(99)
    for shape in shapes:  # after bind, as a network does it: what a layer copied in bind stays zero
        parameters.named[shape.name].theta[...] = (shape.start or 0) + 0.3 * beside.standard_normal(shape.shape)
    return Bound(prototype, parameters, rng)


def units_of(prototype: Layer) -> int:
    """Return how many inputs to check a layer with: 5, or the fewest more that it does not refuse."""
    units = next((units for units in range(UNITS, MOST_UNITS + 1) if _takes(prototype, units)), 0)
    if not units:
        skip(f"it takes no number of units from {UNITS} to {MOST_UNITS}")
    return units


def _takes(prototype: Layer, units: int) -> bool:
    try:
        copy.deepcopy(prototype).build(units)
    except ValueError:
        return False
    return True


def rows_of(count: int, units: int = UNITS, dtype: npt.DTypeLike = np.float64, seed: int = 1) -> Array:
    """Return what a hidden layer may be given: random rows, neither centred nor of one scale."""
    made = np.random.default_rng(seed).standard_normal((count, units)) * np.linspace(0.5, 3, units) + np.linspace(-1, 2, units)
    return made.astype(dtype)


def inputs(subject: Subject) -> Array:
    """Return a batch, as wide as the layer takes it."""
    return rows_of(ROWS, units_of(subject.make()))


def upstream(y: Array) -> Array:
    """Return an upstream gradient for outputs y."""
    made: Array = 0.3 + np.cos(5 * rows_of(*y.shape))
    return made


def batches(loss: Any, rows: int = 4, outputs: int = 3, dtype: npt.DTypeLike = np.float64) -> list[Batch]:
    """Return one batch for each sort of targets that a loss takes."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((rows, outputs)).astype(dtype)
    targets = {"classes": np.arange(rows)[::-1] % outputs, "values": rng.random((rows, outputs)).astype(dtype)}
    targets["soft"] = (targets["values"] / targets["values"].sum(axis=1, keepdims=True)).astype(dtype)
    return [Batch(logits.copy(), targets[sort]) for sort in targets_of(loss)]


def training_rows(sort: str, columns: int = 6) -> Split:
    """Return 23 rows of three classes of unlike size, or of two values each."""
    rng = np.random.default_rng(0)
    x, classes = rng.standard_normal((23, columns)), np.repeat(np.arange(3), (3, 8, 12))
    return Split(x, classes if sort == "classes" else rng.random((23, 2)))


def drawn(
    sampler: Sampler,
    sort: str,
    *,
    split: Split | None = None,
    rng: np.random.Generator | None = None,
    first: int = 1,
    last: int = DRAWS,
    begins: bool = True,
) -> list[Indices]:
    """Return a copy of the batches from number ``first`` to ``last`` of a run of 200, as a run draws them."""
    rng = rng or np.random.default_rng(0)
    if begins:
        sampler.begin(split or training_rows(sort), BATCH)
    return [copy.copy(sampler.rows(t, DRAWS, rng)) for t in range(first, last + 1)]


CLASSES = 3


def pictures(sort: str, shape: tuple[int, ...], dtype: npt.DTypeLike, rows: int = 9) -> tuple[Array, Targets]:
    """Return rows of a natural shape, and the classes or the values of each."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, *shape)).astype(dtype)
    return x, np.arange(rows) % CLASSES if sort == "classes" else rng.random((rows, 2)).astype(dtype)


def augmented(
    augmentation: Augmentation,
    sort: str,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    batch: tuple[Array, Targets] | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[Array, Targets]:
    """Return a batch as an augmentation leaves it; a copy of the same batch each time, where none is given."""
    x, y = batch or pictures(sort, shape, dtype)
    if (begin := getattr(augmentation, "begin", None)) is not None:
        begin(CLASSES if sort == "classes" else y.shape[1])
    return augmentation.apply(x, y, rng or np.random.default_rng(0))


def loaded(subject: Subject) -> Splits:
    """Return the splits of a dataset; ends the check as skipped where the data is not on this machine."""
    dataset = subject.make()
    with offline() as attempts:
        try:
            splits: Splits = dataset.load()
        except Exception as error:
            if attempts:
                skip("its data is not on this machine, and a check downloads nothing")
            if isinstance(error, FileNotFoundError):
                skip(f"its data is not on this machine: {error}")
            raise
    return splits


def _optimizer(subject: Subject, seed: int) -> list[Array]:
    parameters = bowl(seed=seed)
    rule = driving(subject, parameters)
    descend(rule, parameters, steps=4)
    return [parameters.theta, *rule.save().values()]


def _init(subject: Subject, seed: int) -> list[Array]:
    init, rng = subject.make(), np.random.default_rng(seed)
    weights = [np.full(shape, np.nan) for shape in ((6, 4), (4, 4), (1, 3))]
    for weight in weights:
        filled(init, weight, rng)
    return weights


def filled(init: Any, weight: Array, rng: np.random.Generator, layer: int = 2, layers: int = 3) -> object:
    """Fill an array, (fan_in, fan_out), and tell the place where the init takes one; return its answer."""
    role: Role = "bias" if weight.shape[0] == 1 else "weight"
    place = Place(f"{'b' if role == 'bias' else 'W'}{layer}", layer, layers, role, *weight.shape)
    answer: object = fill_of(init)(weight, rng, lambda: place)
    return answer


def network_for_inits() -> Network:
    """Return a network of 6 features, layers of 5 and 4, and 3 logits, in float64, without a loss."""
    never: Any = None  # nothing is trained
    return Network(6, (5, 4), 3, activation=Tanh(), loss=never, regularizer=never, rows=16, dtype=np.float64)


def _activation(subject: Subject, seed: int) -> list[Array]:
    z, y = rows_of(4, seed=seed), np.empty((4, UNITS))
    subject.make().forward(z, out=y)
    return [y]


def _network(subject: Subject, seed: int) -> list[Array]:
    network = composed(subject.make())
    network.loss_and_gradient(X, TARGETS)
    return [network.parameters.grad, network.forward(X, training=False)]


def _layer(subject: Subject, seed: int) -> list[Array]:
    layer, parameters, _ = bound(subject.make(), 8, seed=seed)
    x = rows_of(8, units_of(subject.make()))
    y = layer.forward(x.copy(), training=True).copy()
    dx = layer.backward(np.cos(rows_of(*y.shape))).copy()
    return [y, dx, parameters.grad, layer.forward(x, training=False).copy()]


def layers_of(weights: Array) -> dict[str, Array]:
    """Return views of a vector of weights, (n,), n divisible by 3, as the arrays of two layers; of none for n = 0."""
    half = len(weights) // 9 * 6
    parts = {"W1": weights[:half].reshape(-1, 3), "W2": weights[half:].reshape(3, -1)}
    return {name: array for name, array in parts.items() if array.size}


def regularized(regularizer: Any, weights: Array) -> Any:
    """Return a view of a vector, (n,), n divisible by 3, in the form in which a regularizer acts on it."""
    target = target_of(regularizer)
    return layers_of(weights) if target == "layers" else weights.reshape(-1, 3) if target == "outputs" else weights


def _regularizer(subject: Subject, seed: int) -> list[Array]:
    regularizer, weights = subject.make(), np.random.default_rng(seed).standard_normal(21)
    grad = np.zeros_like(weights)
    regularizer.add_gradient(regularized(regularizer, weights), regularized(regularizer, grad))
    penalty = regularizer.penalty(regularized(regularizer, weights))
    regularizer.decay(weights, 0.1)
    if project := projection_of(regularizer):
        project(layers_of(weights))
    return [np.array(penalty), grad, weights]


def _schedule(subject: Subject, seed: int) -> list[Array]:
    schedule, factors = subject.make(), []
    for step, value in enumerate(OBSERVED):
        factors.append(schedule.factor(step + 1, len(OBSERVED)))
        for metric in watched_by(schedule):
            schedule.observe(100 * step, metric, value)
    return [np.array(factors)]


def _loss(subject: Subject, seed: int) -> list[Array]:
    loss, found = subject.make(), []
    for logits, targets in batches(loss):
        out = np.empty_like(logits)
        found += [np.array(loss.value_and_gradient(logits, targets, out=out)), out, np.array(loss.value(logits, targets))]
    return found


def _dataset(subject: Subject, seed: int) -> list[Array]:
    return [array for split in loaded(subject).present().values() for array in split]


def _surface(subject: Subject, seed: int) -> list[Array]:
    surface, rng = subject.make(), np.random.default_rng(seed)
    points = rng.standard_normal((3, len(surface.start)))
    drawn = [surface.gradient(points, rng=np.random.default_rng(seed))] if is_noisy(surface) else []
    return [surface.value(points), surface.gradient(points), *drawn]


def _sampler(subject: Subject, seed: int) -> list[Array]:
    return [
        rows.astype(np.float64)
        for sort in targets_taken(subject.make())
        for rows in drawn(subject.make(), sort, rng=np.random.default_rng(seed), last=9)
    ]


def _augmentation(subject: Subject, seed: int) -> list[Array]:
    sorts, rng = targets_taken(subject.make()), np.random.default_rng(seed)
    return [
        array.astype(np.float64) for sort in sorts for array in augmented(subject.make(), sort, (6, 5), np.float64, rng=rng)
    ]


class _Set(Subject):
    """A technique whose instances have one of their numbers set after they were made, as a schedule does it."""

    varied: ClassVar[tuple[str, float, float]]

    def make(self, **changes: Any) -> Any:
        """Return an instance made with the first value, which has the second now."""
        name, first, then = self.varied
        made = super().make(**{name: first, **changes})
        _set(made, name, then)
        return made


def _set(made: Any, name: str, value: float) -> None:
    object.__setattr__(made, name, value)  # a frozen one too, as it says itself that this may vary


def use_varied(subject: Subject, name: str, values: tuple[float, float], *, afresh: bool = False) -> list[Array]:
    """Use a technique with one value of a number for a while, and return what it computes with another one from then on.

    Args:
        subject: the technique.
        name: of the number.
        values: the first, and the other.
        afresh: whether an instance that was made with the other value goes on, in the place of one that was changed.
    """
    first, then = values
    made, other = dict[str, Any]({name: first}), dict[str, Any]({name: then})
    if subject.kind == "optimizer":
        parameters = bowl()
        rule = driving(subject, parameters, **made)
        descend(rule, parameters, steps=2)
        if afresh:
            before, rule = rule, driving(subject, parameters, **other)
            rule.load(before.save())
        _set(rule, name, then)
        descend(rule, parameters, steps=2, first=3)
        return [parameters.theta]
    if subject.kind in ("norm", "dropout"):
        layer, parameters, _ = bound(subject.make(**(other if afresh else made)), 8)
        layer.forward(rows_of(8), training=True)
        _set(layer, name, then)
        y = layer.forward(rows_of(8), training=True).copy()
        return [y, layer.backward(np.cos(rows_of(8))).copy(), parameters.grad]
    changed = type("Varied", (_Set,), {"varied": (name, then if afresh else first, then)})
    return use(changed(subject.entry, subject.technique, subject.settings))


USES: Mapping[str, Callable[[Subject, int], list[Array]]] = {
    "optimizer": _optimizer,
    "init": _init,
    "activation": _activation,
    "network": _network,
    "norm": _layer,
    "dropout": _layer,
    "layer": _layer,
    "regularizer": _regularizer,
    "schedule": _schedule,
    "loss": _loss,
    "dataset": _dataset,
    "surface": _surface,
    "sampler": _sampler,
    "augmentation": _augmentation,
}
