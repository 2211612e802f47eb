"""A first, tiny use of a plugin before a run relies on it: does it write what it must, in the shape it must?

This catches the mistakes that would otherwise train nothing, silently. The full conformance checks are another matter.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from nnreg.contracts import Activation, Array, Init, Layer, Loss, Optimizer, Regularizer, Schedule, Surface, Weights
from nnreg.contracts.objective import targets_of
from nnreg.errors import one_line
from nnreg.registry import BrokenPlugin, Entry

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
    except Exception as error:  # a plugin may fail in any way
        complaint = f"{type(error).__name__}: {one_line(error)}"
    if complaint:
        raise BrokenPlugin(f"{entry} is broken: {complaint}")


def _optimizer(rule: Optimizer) -> str:
    size = SHAPE[0] * SHAPE[1]
    theta, grad = np.linspace(0, 1, size), np.linspace(-1, 1, size)  # the 0 shows the smallest lr; steps may scale with theta
    before = theta.copy()
    named = {"W1": Weights(theta.reshape(SHAPE), grad.reshape(SHAPE))}
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named=named))
    if type(rule).step is Optimizer.step:
        returned = rule.update(theta, grad, *rule.state_vectors.values(), t=1, lr=rule.lr)
        if returned is not None:
            return f"update returned {_described(returned)}; it must change theta in place and return None"
    for t in range(1, STEPS + 1):
        rule.step(t)
    if np.array_equal(theta, before):
        return f"{STEPS} steps left theta as it was; update must write in place (theta -= ..., not theta = theta - ...)"
    return ""


def _init(init: Init) -> str:
    weight = np.full(SHAPE, np.nan)
    returned = init.fill(weight, np.random.default_rng(0))
    return _written("fill", "weight", weight, returned)


def _layer(layer: Layer) -> str:
    if not isinstance(layer, Layer):  # a plugin may not keep its promise
        return f"{type(layer).__name__} must inherit nnreg.contracts.Norm or nnreg.contracts.Dropout"
    shape = rows, units = max(SHAPE[0], layer.least_rows), SHAPE[1]
    outputs, shapes = layer.build(units)
    if outputs != units:
        return f"build returned {outputs} outputs for {units} inputs; a norm or dropout must keep the number of units"
    if getattr(layer, "position", "before") not in ("before", "after"):
        return f"position is {layer.position!r}; it must be 'before' or 'after'"  # type: ignore[attr-defined]
    weights = [Weights(np.full(s.shape, s.start or 0.0), np.full(s.shape, np.nan)) for s in shapes]
    layer.bind(weights, rows, np.float64, np.random.default_rng(0))
    x, dy = np.linspace(-2, 3, rows * units).reshape(shape) ** 2, np.ones(shape)
    x.flags.writeable = dy.flags.writeable = False
    uses: Mapping[str, Callable[[], Any]] = {
        "forward in evaluation": lambda: layer.forward(x, training=False),
        "forward in training": lambda: layer.forward(x, training=True),
        "backward": lambda: layer.backward(dy),
    }
    for method, use in uses.items():
        returned = use()
        if np.shape(returned) != shape or not np.isfinite(returned).all():
            return f"{method} returned {_described(returned)}; it must return finite numbers of shape {shape}"
    unwritten = [wanted.name for wanted, (_, grad) in zip(shapes, weights, strict=True) if np.isnan(grad).any()]
    return f"backward left the gradient of {', '.join(unwritten)} unwritten; it must fill all of it" if unwritten else ""


def _activation(activation: Activation) -> str:
    z, dy = np.linspace(-2, 2, 12).reshape(SHAPE), np.ones(SHAPE)
    y, dz = np.full(SHAPE, np.nan), np.full(SHAPE, np.nan)
    returned = activation.forward(z, y)
    complaint = _written("forward", "out", y, returned)
    if complaint:
        return complaint
    returned = activation.backward(dy, z, y, dz)
    return _written("backward", "out", dz, returned)


def _loss(loss: Loss) -> str:
    logits, possible = np.zeros(SHAPE), {"classes": np.zeros(SHAPE[0], dtype=np.intp), "values": np.zeros(SHAPE)}
    for kind in targets_of(loss):
        targets, out = possible[kind], np.full(SHAPE, np.nan)
        for method, value in (
            ("value", loss.value(logits, targets)),
            ("value_and_gradient", loss.value_and_gradient(logits, targets, out)),
        ):
            if np.ndim(value) != 0:
                return f"{method} returned {_described(value)}; it must return one number, the mean over the rows"
        if complaint := _written("value_and_gradient", "out", out, None):
            return complaint
    return ""


def _regularizer(regularizer: Regularizer) -> str:
    weights, grad = np.ones(SHAPE[0]), np.zeros(SHAPE[0])
    value = regularizer.penalty(weights)
    if np.ndim(value) != 0:
        return f"penalty returned {_described(value)}; it must return one number"
    for method, does, given in (("add_gradient", "add to grad", grad), ("decay", "shrink weights", 0.1)):
        returned = getattr(regularizer, method)(weights, given)
        if returned is not None:
            return f"{method} returned {_described(returned)}; it must {does} in place and return None"
    return ""


def _schedule(schedule: Schedule) -> str:
    for t in range(1, STEPS + 1):
        factor = schedule.factor(t, STEPS)
        if np.ndim(factor) != 0 or not np.isfinite(factor):
            return f"factor returned {_described(factor)} ({factor}); it must return one finite number"
    return ""


def _surface(surface: Surface) -> str:
    start = np.asarray(surface.start, dtype=np.float64)
    if start.shape != (2,) or np.shape(surface.domain) != (2, 2):
        return "start must be a point (x, y), and domain ((x from, x to), (y from, y to))"
    grid = np.stack([start, start + 0.5]).reshape(1, 2, 2)
    grid.flags.writeable = False
    for points in (start, grid):
        for method, wanted in ((surface.value, points.shape[:-1]), (surface.gradient, points.shape)):
            returned = method(points)
            if np.shape(returned) != wanted:
                return f"{method.__name__} returned {_described(returned)} for points {points.shape}; it must return {wanted}"
    return ""


def _written(method: str, argument: str, array: Array, returned: object) -> str:
    if returned is not None:
        return f"{method} returned {_described(returned)}; it must write to '{argument}' and return None"
    if np.isnan(array).any():
        return f"{method} left '{argument}' unwritten or wrote NaN; it must fill all of it"
    return ""


def _described(value: object) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


PROBES: Mapping[str, Callable[[Any], str]] = {
    "optimizer": _optimizer,
    "init": _init,
    "activation": _activation,
    "norm": _layer,
    "dropout": _layer,
    "loss": _loss,
    "regularizer": _regularizer,
    "schedule": _schedule,
    "surface": _surface,
}
