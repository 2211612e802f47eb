"""JAX with optax: one compiled step at a time, and a hundred of them in one compiled loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from workloads import BETAS, BN_EPS, EPS, MOMENTUM, SIDE, SWEPT, Workload, batches, data, weights

from contenders import Run

SCAN = 100  # steps in one call


def jitted(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run that calls one compiled step after the other."""
    return _trained(workload, optimizer, 1)


def scanned(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run that calls 100 steps at a time, where that many are asked for."""
    return _trained(workload, optimizer, SCAN)


def _trained(workload: Workload, optimizer: str, most: int) -> Run:
    x, y = (jnp.asarray(part) for part in data(workload.rows))
    rule, params = _rule(optimizer), _start(workload)
    carry, drawn, history = (params, rule.init(params)), batches(workload), list[float]()

    loss_of = partial(_loss, convolutions=len(workload.channels))

    def step(carry: Any, rows: Any, x: Any, y: Any) -> Any:
        params, state = carry
        loss, grads = jax.value_and_grad(loss_of)(params, x[rows], y[rows])
        updates, state = rule.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), loss

    if most == 1:
        one = jax.jit(step, donate_argnums=0)
    else:
        many = jax.jit(
            lambda carry, rows, x, y: jax.lax.scan(partial(step, x=x, y=y), carry, rows),
            donate_argnums=0,
        )

    def run(steps: int) -> float:
        nonlocal carry
        while steps > 0:
            if most == 1:
                carry, loss = one(carry, next(drawn), x, y)
                history.append(float(loss))
            else:
                rows = np.stack([next(drawn) for _ in range(min(steps, most))])
                carry, losses = many(carry, rows, x, y)
                history.extend(np.asarray(losses).tolist())
            steps -= most
        return history[-1]

    return run


def _start(workload: Workload) -> Any:
    units = workload.hidden if workload.batch_norm else ()
    return {
        "W": [jnp.asarray(weight) for weight in weights(workload)],
        "b": [jnp.zeros(width) for _, width in workload.shapes],
        "gamma": [jnp.ones(width) for width in units],
        "beta": [jnp.zeros(width) for width in units],
    }


def _pooled(images: Any, weight: Any, bias: Any) -> Any:
    filters = weight.reshape(3, 3, images.shape[-1], -1)
    made = jax.lax.conv_general_dilated(images, filters, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
    return jax.lax.reduce_window(jnp.maximum(made, 0), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _loss(params: Any, x: Any, y: Any, convolutions: int) -> Any:
    last = len(params["W"]) - 1
    for layer, (weight, bias) in enumerate(zip(params["W"], params["b"], strict=True)):
        if layer < convolutions:
            x = _pooled(x.reshape(len(x), SIDE >> layer, SIDE >> layer, -1), weight, bias)
            continue
        x = x.reshape(len(x), -1) @ weight + bias
        if layer < last and params["gamma"]:
            centred = x - x.mean(axis=0)
            x = params["gamma"][layer] * centred / jnp.sqrt((centred**2).mean(axis=0) + BN_EPS) + params["beta"][layer]
        if layer < last:
            x = jnp.maximum(x, 0)
    return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()


def _rule(optimizer: str) -> Any:
    lr = SWEPT[optimizer]
    if optimizer == "adam":
        return optax.adam(lr, *BETAS, eps=EPS)
    if optimizer in ("adagrad", "rmsprop"):
        return getattr(optax, optimizer)(lr)
    return optax.sgd(lr, momentum=MOMENTUM if optimizer == "momentum" else None)
