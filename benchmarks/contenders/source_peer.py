"""The source's way, the baseline: a multi-layer network and its training loop in the style of the notes this project grew from.

Float64, a dictionary of arrays, layer objects that make new arrays, weight decay computed in every loss, update rules that
loop over dictionary keys, and the loss recorded from a second forward pass after the update. Correct, and slow on purpose:
it is what nnreg's step is compared with. Starting weights come from outside, so that its losses can be compared too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from workloads import BN_EPS, EPS, MOMENTUM, RATES, Workload, batches, data, weights

from contenders import CannotTrain, Run

Floats = npt.NDArray[Any]  # float64 throughout
Integers = npt.NDArray[np.int64]
Arrays = dict[str, Floats]


class Affine:
    """y = x W + b."""

    def __init__(self, weight: Floats, bias: Floats) -> None:
        self.weight, self.bias = weight, bias

    def forward(self, x: Floats) -> Floats:
        """Return a new array y."""
        self.x = x
        return np.add(np.dot(x, self.weight), self.bias)

    def backward(self, dy: Floats) -> Floats:
        """Keep new gradients of weight and bias; return dx."""
        dx: Floats = np.dot(dy, self.weight.T)
        self.weight_grad = np.dot(self.x.T, dy)
        self.bias_grad = np.sum(dy, axis=0)
        return dx


class ReLU:
    """y = max(x, 0), with a mask."""

    def forward(self, x: Floats) -> Floats:
        """Return a new array y."""
        self.mask = x <= 0
        y = x.copy()
        y[self.mask] = 0
        return y

    def backward(self, dy: Floats) -> Floats:
        """Return a new array dx."""
        dx = dy.copy()
        dx[self.mask] = 0
        return dx


class BatchNormalization:
    """y = gamma x̂ + beta, with running averages for evaluation."""

    def __init__(self, gamma: Floats, beta: Floats, eps: float, momentum: float = 0.9) -> None:
        self.gamma, self.beta, self.eps, self.momentum = gamma, beta, eps, momentum
        self.running_mean, self.running_var = np.zeros_like(gamma), np.ones_like(gamma)

    def forward(self, x: Floats) -> Floats:
        """Return a new array y."""
        mu = x.mean(axis=0)
        self.xc = x - mu
        var = np.mean(self.xc**2, axis=0)
        self.std = np.sqrt(var + self.eps)
        self.xn = self.xc / self.std
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        y: Floats = self.gamma * self.xn + self.beta
        return y

    def backward(self, dy: Floats) -> Floats:
        """Keep new gradients of gamma and beta; return dx."""
        rows = len(dy)
        self.beta_grad = dy.sum(axis=0)
        self.gamma_grad = np.sum(self.xn * dy, axis=0)
        dxn = self.gamma * dy
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += (2.0 / rows) * self.xc * dvar
        dx: Floats = dxc - np.sum(dxc, axis=0) / rows
        return dx


class SoftmaxWithLoss:
    """Softmax and cross-entropy of class numbers."""

    def forward(self, logits: Floats, labels: Integers) -> float:
        """Return the mean loss."""
        shifted = logits.T - np.max(logits.T, axis=0)
        self.y = (np.exp(shifted) / np.sum(np.exp(shifted), axis=0)).T
        self.labels = labels
        return float(-np.sum(np.log(self.y[np.arange(len(labels)), labels] + 1e-7)) / len(labels))

    def backward(self) -> Floats:
        """Return the gradient with respect to the logits."""
        dx: Floats = self.y.copy()
        dx[np.arange(len(self.labels)), self.labels] -= 1
        dx /= len(self.labels)
        return dx


class Network:
    """Affine and ReLU layers over a dictionary of arrays.

    Args:
        weights: starting weights, (fan_in, fan_out) each, read; biases start at 0.
        weight_decay: λ in the penalty λ/2 Σ W².
        bn_eps: ε of batch normalisation before each ReLU, or None for none.
    """

    def __init__(self, weights: Sequence[npt.NDArray[Any]], weight_decay: float, bn_eps: float | None = None) -> None:
        self.depth, self.weight_decay, self.bn_eps = len(weights), weight_decay, bn_eps
        self.params: Arrays = {}
        self.layers: dict[str, Affine | ReLU | BatchNormalization] = {}
        for i, weight in enumerate(weights, start=1):
            units = weight.shape[1]
            self.params[f"W{i}"], self.params[f"b{i}"] = weight.astype(np.float64), np.zeros(units)
            self.layers[f"affine{i}"] = Affine(self.params[f"W{i}"], self.params[f"b{i}"])
            if i == self.depth:
                break
            if bn_eps is not None:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = np.ones(units), np.zeros(units)
                self.layers[f"norm{i}"] = BatchNormalization(self.params[f"gamma{i}"], self.params[f"beta{i}"], bn_eps)
            self.layers[f"relu{i}"] = ReLU()
        self.last = SoftmaxWithLoss()

    def loss(self, x: Floats, labels: Integers) -> float:
        """Return loss and penalty of a forward pass."""
        for layer in self.layers.values():
            x = layer.forward(x)
        penalty = 0.0
        for i in range(1, self.depth + 1):
            penalty += 0.5 * self.weight_decay * np.sum(self.params[f"W{i}"] ** 2)
        return self.last.forward(x, labels) + penalty

    def gradient(self, x: Floats, labels: Integers) -> Arrays:
        """Return new gradients by name."""
        self.loss(x, labels)
        dy = self.last.backward()
        for layer in reversed(self.layers.values()):
            dy = layer.backward(dy)
        grads: Arrays = {}
        for i in range(1, self.depth + 1):
            affine = self.layers[f"affine{i}"]
            assert isinstance(affine, Affine)
            grads[f"W{i}"] = affine.weight_grad + self.weight_decay * affine.weight
            grads[f"b{i}"] = affine.bias_grad
            norm = self.layers.get(f"norm{i}")
            if isinstance(norm, BatchNormalization):
                grads[f"gamma{i}"], grads[f"beta{i}"] = norm.gamma_grad, norm.beta_grad
        return grads


class SGD:
    """θ ← θ − η g, key by key."""

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def update(self, params: Arrays, grads: Arrays) -> None:
        """Update the arrays in place."""
        for key in params:
            params[key] -= self.lr * grads[key]


class Momentum:
    """v ← m v − η g, θ ← θ + v, key by key."""

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr, self.momentum = lr, momentum
        self.v: Arrays = {}

    def update(self, params: Arrays, grads: Arrays) -> None:
        """Update the arrays in place."""
        if not self.v:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


class Adam:
    """Adam with ε outside the bias correction, key by key."""

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-7) -> None:
        self.lr, self.beta1, self.beta2, self.eps, self.t = lr, beta1, beta2, eps, 0
        self.m: Arrays = {}
        self.v: Arrays = {}

    def update(self, params: Arrays, grads: Arrays) -> None:
        """Update the arrays in place."""
        if not self.m:
            self.m = {key: np.zeros_like(value) for key, value in params.items()}
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        self.t += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.t) / (1.0 - self.beta1**self.t)
        for key in params:
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + self.eps)


def as_written(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run in float64 that records the loss of a second forward pass, after the update.

    Raises:
        CannotTrain: with convolutions.
    """
    if workload.channels:
        raise CannotTrain("has no convolutions")
    x, y = data(workload.rows)
    x64, network = x.astype(np.float64), Network(weights(workload), 0.0, BN_EPS if workload.batch_norm else None)
    rule = {
        "sgd": lambda: SGD(RATES["sgd"]),
        "momentum": lambda: Momentum(RATES["momentum"], MOMENTUM),
        "adam": lambda: Adam(RATES["adam"], eps=EPS),
    }[optimizer]()
    drawn, history, compared = batches(workload), [], False

    def run(steps: int) -> float:
        nonlocal compared
        before = np.nan
        for step in range(steps):
            rows = next(drawn)
            x_batch, y_batch = x64[rows], y[rows]
            if not compared and step == steps - 1:
                before, compared = network.loss(x_batch, y_batch), True  # what the others record; in the first, untimed call
            rule.update(network.params, network.gradient(x_batch, y_batch))
            history.append(network.loss(x_batch, y_batch))
        return float(before)

    return run
