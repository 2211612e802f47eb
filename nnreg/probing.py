"""A first, tiny use of a plugin before a run relies on it: does it write what it must, in the shape it must?

This catches the mistakes that would otherwise train nothing, silently. The full conformance checks are another matter.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from nnreg.contracts import Activation, Array, Init, Loss, Optimizer, Regularizer, Weights
from nnreg.registry import BrokenPlugin, Entry, one_line

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
    returned = init.fill(weight, np.random.default_rng(0))  # type: ignore[func-returns-value]
    return _written("fill", "weight", weight, returned)


def _activation(activation: Activation) -> str:
    z, dy = np.linspace(-2, 2, 12).reshape(SHAPE), np.ones(SHAPE)
    y, dz = np.full(SHAPE, np.nan), np.full(SHAPE, np.nan)
    returned = activation.forward(z, y)  # type: ignore[func-returns-value]
    complaint = _written("forward", "out", y, returned)
    if complaint:
        return complaint
    returned = activation.backward(dy, z, y, dz)  # type: ignore[func-returns-value]
    return _written("backward", "out", dz, returned)


def _loss(loss: Loss) -> str:
    logits, labels, out = np.zeros(SHAPE), np.zeros(SHAPE[0], dtype=np.intp), np.full(SHAPE, np.nan)
    for method, value in (
        ("value", loss.value(logits, labels)),
        ("value_and_gradient", loss.value_and_gradient(logits, labels, out)),
    ):
        if np.ndim(value) != 0:
            return f"{method} returned {_described(value)}; it must return one number, the mean over the rows"
    return _written("value_and_gradient", "out", out, None)


def _regularizer(regularizer: Regularizer) -> str:
    weights, grad = np.ones(SHAPE[0]), np.zeros(SHAPE[0])
    value = regularizer.penalty(weights)
    if np.ndim(value) != 0:
        return f"penalty returned {_described(value)}; it must return one number"
    returned = regularizer.add_gradient(weights, grad)  # type: ignore[func-returns-value]
    return (
        f"add_gradient returned {_described(returned)}; it must add to grad in place and return None"
        if returned is not None
        else ""
    )


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
    "loss": _loss,
    "regularizer": _regularizer,
}
