"""Writes convolutions.json: what torch computes for convolutions, poolings, group_norm, rms_norm and residuals, in float64.

Run it where torch is installed: ``python tests/techniques/oracles/make_convolutions.py``. Images are channels last here.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROWS, HEIGHT, WIDTH = 2, 7, 6


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def tensor(array):
    return torch.tensor(array, requires_grad=True)


def first(images):
    return images.permute(0, 3, 1, 2)


def last(images):
    return images.permute(0, 2, 3, 1)


def answered(y, x, *weights):
    dy = numbers(9, *y.shape)
    (y * torch.tensor(dy)).sum().backward()
    made = {"y": y.detach().numpy().ravel().tolist(), "dx": x.grad.numpy().ravel().tolist()}
    return made | {f"d{name}": weight.grad.numpy().ravel().tolist() for name, weight in weights}


def convolution(channels_in, channels, kernel, stride, padding):
    x = tensor(numbers(0, ROWS, HEIGHT, WIDTH, channels_in))
    w, b = tensor(numbers(1, kernel, kernel, channels_in, channels)), tensor(numbers(2, channels))
    y = last(functional.conv2d(first(x), w.permute(3, 2, 0, 1), b, stride, padding))
    return answered(y, x, ("W", w), ("b", b))


def pooling(size, by):
    x = tensor(np.round(numbers(0, ROWS, HEIGHT, WIDTH, 3)))  # rounded: some windows have the largest number twice
    pool = functional.max_pool2d if by == "max" else functional.avg_pool2d
    return answered(last(pool(first(x), size)), x)


def group_norm(groups, channels):
    x = tensor(3 * numbers(0, ROWS, HEIGHT, WIDTH, channels) + 1)
    gamma, beta = tensor(numbers(1, channels)), tensor(numbers(2, channels))
    y = last(functional.group_norm(first(x), groups, gamma, beta, 1e-5))
    return answered(y, x, ("gamma", gamma), ("beta", beta))


def rms_norm(channels):
    x = tensor(3 * numbers(0, ROWS, channels) + 1)
    gamma = tensor(numbers(1, channels))
    return answered(functional.rms_norm(x, (channels,), gamma, 1e-5), x, ("gamma", gamma))


CONVOLUTIONS = [(1, 4, 3, 1, 1), (3, 2, 3, 1, 0), (2, 5, 5, 1, 2), (3, 2, 3, 2, 1), (4, 3, 1, 1, 0), (2, 3, 2, 3, 1)]
made = {
    "convolution": [{"of": list(of), **convolution(*of)} for of in CONVOLUTIONS],
    "pooling": [{"of": [size, by], **pooling(size, by)} for size in (2, 3) for by in ("max", "mean")],
    "group_norm": [{"of": list(of), **group_norm(*of)} for of in ((1, 6), (2, 6), (6, 6))],
    "rms_norm": [{"of": [channels], **rms_norm(channels)} for channels in (1, 5)],
}
Path(__file__).with_name("convolutions.json").write_text(json.dumps(made))
