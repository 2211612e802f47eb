"""Convolution and pooling beside torch's numbers, and what they refuse."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nnreg.engine.convolution import Convolution
from nnreg.engine.network import Parameters
from nnreg.engine.pooling import Pool

ORACLE = json.loads((Path(__file__).parents[1] / "techniques" / "oracles" / "convolutions.json").read_text())
ROWS, HEIGHT, WIDTH = 2, 7, 6


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def bound(layer, channels, rows=ROWS, dtype=np.float64, positions=(HEIGHT, WIDTH)):
    layer.locate(positions)
    _, shapes = layer.build(channels)
    parameters = Parameters(shapes, dtype)
    views = [parameters.named[shape.name] for shape in shapes]
    layer.bind(views, rows * positions[0] * positions[1], dtype, np.random.default_rng(0))
    return parameters


def cases(name):
    return pytest.mark.parametrize("case", ORACLE[name], ids=lambda case: "-".join(map(str, case["of"])))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
@cases("convolution")
def test_a_convolution_does_what_torch_does_forwards_and_backwards(case, dtype, tolerance):
    channels_in, channels, kernel, stride, padding = case["of"]
    layer = Convolution(channels, kernel, stride, padding)
    parameters = bound(layer, channels_in, rows=3, dtype=dtype)  # more than there are
    parameters.named["W"].theta[...] = numbers(1, kernel, kernel, channels_in, channels).reshape(-1, channels)
    parameters.named["b"].theta[...] = numbers(2, channels)
    x = numbers(0, ROWS, HEIGHT, WIDTH, channels_in).reshape(-1, channels_in).astype(dtype)
    y = layer.forward(x, training=True)
    assert y.dtype == dtype
    dx = layer.backward(numbers(9, *y.shape).astype(dtype))
    grads = {name: parameters.named[name].grad for name in ("W", "b")}
    for name, made in (("y", y), ("dx", dx), ("dW", grads["W"]), ("db", grads["b"])):
        np.testing.assert_allclose(made.ravel(), case[name], rtol=tolerance, atol=30 * tolerance, err_msg=name)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
@cases("pooling")
def test_pooling_does_what_torch_does_also_where_the_largest_number_is_there_twice(case, dtype, tolerance):
    layer = Pool(*case["of"])
    bound(layer, 3, rows=3, dtype=dtype)
    x = np.round(numbers(0, ROWS, HEIGHT, WIDTH, 3)).reshape(-1, 3).astype(dtype)
    y = layer.forward(x, training=True)
    after = layer.locate((HEIGHT, WIDTH))
    dx = layer.backward(numbers(9, ROWS, *after, 3).reshape(y.shape).astype(dtype))
    np.testing.assert_allclose(y.ravel(), case["y"], rtol=tolerance)
    np.testing.assert_allclose(dx.ravel(), case["dx"], rtol=tolerance)


def test_many_images_are_looked_at_a_few_at_a_time_with_the_same_result():
    x, answers = numbers(3, 50, 28, 28, 2).reshape(-1, 2), []
    for images in (50, 1):
        layer = Convolution(3, 5, 1, 2)
        parameters = bound(layer, 2, rows=images, positions=(28, 28))
        parameters.theta[...] = np.random.default_rng(1).standard_normal(parameters.theta.size)
        answers.append([])
        summed = np.zeros_like(parameters.grad)
        for part in np.split(x, 50 // images):
            y = layer.forward(part, training=True).copy()
            answers[-1].append((y, layer.backward(np.cos(y)).copy()))
            summed += parameters.grad
        answers[-1] = [*map(np.concatenate, zip(*answers[-1], strict=True)), summed]
    for together, alone in zip(*answers, strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-9)


def test_a_step_makes_no_arrays():
    layer, x = Convolution(8, 3, 1, 1), numbers(0, 32 * 14 * 14, 8).astype(np.float32)
    bound(layer, 8, rows=32, dtype=np.float32, positions=(14, 14))
    dy = x.copy()
    for _ in range(2):
        layer.forward(x, training=True)
        layer.backward(dy)
    tracemalloc.start()
    layer.forward(x, training=True)
    layer.backward(dy)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000  # y alone has 200,704 bytes


@pytest.mark.parametrize(
    ("layer", "positions", "said"),
    [
        (Convolution(3, 5), (4, 9), "a kernel of 5 x 5 is larger than the 4 x 9 positions"),
        (Convolution(3, 7, 1, 1), (4, 4), "a kernel of 7 x 7 is larger than the 4 x 4 positions and 1 zeros around them"),
        (Convolution(3, 3), (), "a convolution looks at neighbours, and these rows have no shape of rows and columns"),
        (Pool(3), (2, 9), "pooling 2 x 9 positions by windows of 3 x 3 leaves nothing"),
        (Pool(2), (7,), "pooling looks at neighbours, and these rows have no shape of rows and columns"),
    ],
)
def test_what_does_not_fit_is_refused(layer, positions, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        layer.locate(positions)


@pytest.mark.parametrize("numbers", [(0, 3), (4, 0), (4, 3, 0), (4, 3, 1, 3), (4, 3, 1, -1)])
def test_there_is_no_such_convolution(numbers):
    with pytest.raises(ValueError, match=r"^there is no convolution of \d channels with kernel"):
        Convolution(*numbers)


@pytest.mark.parametrize("numbers", [(0,), (2, "median")])
def test_there_is_no_such_pooling(numbers):
    with pytest.raises(ValueError, match=r"^pooling is over windows of size 1 or more, by max or mean"):
        Pool(*numbers)
