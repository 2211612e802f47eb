"""torch on the CPU: eager with each implementation of its optimizers, and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from workloads import BETAS, BN_EPS, EPS, MOMENTUM, SIDE, SWEPT, Workload, batches, data, weights

from contenders import CannotTrain, Run


def eager(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run in plain torch, the optimizer parameter by parameter."""
    return _trained(workload, optimizer, threads, {"foreach": False, "fused": False})


def channels_last(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run in plain torch whose images lie in memory with their channels last.

    Raises:
        CannotTrain: without convolutions there are none.
    """
    if not workload.channels:
        raise CannotTrain("has no images")
    return _trained(workload, optimizer, threads, {"foreach": False, "fused": False}, layout=torch.channels_last)


def foreach(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run whose optimizer takes lists of parameters."""
    return _trained(workload, optimizer, threads, {"foreach": True})


def fused(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run whose optimizer is one fused kernel."""
    return _trained(workload, optimizer, threads, {"fused": True})


def compiled(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run with forward, backward and update compiled."""
    return _trained(workload, optimizer, threads, {}, compile=True)


def _trained(
    workload: Workload,
    optimizer: str,
    threads: int,
    options: dict[str, Any],
    *,
    compile: bool = False,  # noqa: A002
    layout: Any = torch.contiguous_format,
) -> Run:
    torch.set_num_threads(threads)
    model, (x, y) = _model(workload).to(memory_format=layout), (torch.from_numpy(part) for part in data(workload.rows))
    if workload.channels:
        x = x.reshape(-1, 1, SIDE, SIDE).to(memory_format=layout)
    rule, criterion = _rule(model, optimizer, options), torch.nn.CrossEntropyLoss()
    drawn, history = batches(workload), []

    def gradient(x_batch: Any, y_batch: Any) -> Any:
        rule.zero_grad(set_to_none=True)
        loss = criterion(model(x_batch), y_batch)
        loss.backward()
        return loss.detach()

    update = rule.step
    if compile:
        torch._dynamo.reset()  # what it compiled for other networks counts towards a limit, beyond which nothing is compiled
        gradient, update = torch.compile(gradient), torch.compile(rule.step)

    def run(steps: int) -> float:
        for _ in range(steps):
            rows = torch.from_numpy(next(drawn))
            loss = gradient(x[rows], y[rows])
            history.append(loss.item())
            update()
        return history[-1]

    return run


def _model(workload: Workload) -> Any:
    drawn = weights(workload)
    filters, affine_weights = drawn[: len(workload.channels)], drawn[len(workload.channels) :]
    layers: list[Any] = _convolutions(filters)
    if filters:  # rows of the first affine map are positions and then channels, torch's are channels and then positions
        places, channels = SIDE >> len(filters), workload.channels[-1]
        ours = affine_weights[0].reshape(places, places, channels, -1)
        affine_weights[0] = np.ascontiguousarray(ours.transpose(2, 0, 1, 3).reshape(affine_weights[0].shape))
    for weight in affine_weights:
        fan_in, fan_out = weight.shape
        affine = torch.nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            affine.weight.copy_(torch.from_numpy(weight.T.copy()))
            affine.bias.zero_()
        norm = [torch.nn.BatchNorm1d(fan_out, eps=BN_EPS)] if workload.batch_norm else []
        layers += [affine, *norm, torch.nn.ReLU()]
    kept = len(layers) - (2 if workload.batch_norm else 1)  # the logits are neither normalised nor cut off
    return torch.nn.Sequential(*layers[:kept])


def _convolutions(filters: list[Any]) -> list[Any]:
    layers: list[Any] = []
    for weight in filters:
        fan_in, channels = weight.shape
        convolution = torch.nn.Conv2d(fan_in // 9, channels, 3, padding=1)
        with torch.no_grad():
            turned = weight.reshape(3, 3, fan_in // 9, channels).transpose(3, 2, 0, 1).copy()
            convolution.weight.copy_(torch.from_numpy(turned))
            convolution.bias.zero_()
        layers += [convolution, torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    return [*layers, torch.nn.Flatten()] if layers else []


def _rule(model: Any, optimizer: str, options: dict[str, Any]) -> Any:
    lr = SWEPT[optimizer]
    if optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=lr, betas=BETAS, eps=EPS, **options)
    if optimizer == "adagrad":
        return torch.optim.Adagrad(model.parameters(), lr=lr, **options)
    if optimizer == "rmsprop":
        return torch.optim.RMSprop(model.parameters(), lr=lr, **{key: on for key, on in options.items() if key != "fused"})
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=MOMENTUM if optimizer == "momentum" else 0.0, **options)
