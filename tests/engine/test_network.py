"""A network forward and backward, and the one buffer that its parameters lie in."""

import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnreg.contracts import Shape
from nnreg.engine.layers import Affine, Elementwise
from nnreg.engine.network import EVALUATION_ROWS, Network, Parameters
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.tanh import Tanh
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer

FEATURES, OUTPUTS = 6, 3


def make_network(hidden=(5, 4), activation=None, regularizer=None, rows=8, dtype=np.float64, seed=0):
    plugins = {"activation": activation or Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": regularizer or NoRegularizer()}
    network = Network(FEATURES, hidden, OUTPUTS, **plugins, rows=rows, dtype=dtype)
    network.initialise(He(), np.random.default_rng(seed))
    return network


def make_rows(rows=8, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, FEATURES)).astype(dtype), rng.integers(OUTPUTS, size=rows)


def buffers(parameters):
    return [parameters.theta, parameters.grad, *(array for weights in parameters.named.values() for array in weights)]


@pytest.mark.parametrize("name", ["theta", "grad"])
def test_a_change_in_place_may_be_written_as_one_and_another_array_is_refused(name):
    parameters = make_network().parameters
    array = getattr(parameters, name)
    array[...] = 1.0
    if name == "theta":
        parameters.theta -= 0.25
    else:
        parameters.grad -= 0.25
    assert getattr(parameters, name) is array
    assert set(array.tolist()) == {0.75}
    with pytest.raises(AttributeError, match=rf"parameters\.{name} is written in place: {name} \+= "):
        setattr(parameters, name, array + 1)


def naive_forward(network, x, f):
    """Return logits in float64, from the named arrays alone."""
    depth = len(network.layers) // 2 + 1
    for i in range(1, depth + 1):
        weight, bias = (network.parameters.named[f"{name}{i}"].theta.astype(np.float64) for name in "Wb")
        x = x.astype(np.float64) @ weight + bias
        x = f(x) if i < depth else x
    return x


def naive_evaluation(logits, labels):
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.mean([math.log(row[label]) for row, label in zip(probabilities, labels, strict=True)])
    return loss, np.mean([row.argmax() == label for row, label in zip(logits, labels, strict=True)])


def central_differences(network, x, labels, h=1e-6):
    theta = network.parameters.theta
    gradient = np.empty_like(theta)
    for i, start in enumerate(theta.copy()):
        theta[i] = start + h
        above = network.loss_and_gradient(x, labels)
        theta[i] = start - h
        below = network.loss_and_gradient(x, labels)
        theta[i] = start
        gradient[i] = (above - below) / (2 * h)
    return gradient


@pytest.mark.parametrize("regularizer", [NoRegularizer(), L2(0.3)], ids=["plain", "l2"])
@pytest.mark.parametrize("activation", [Tanh(), ReLU()], ids=["tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (5,), (4, 5), (3, 4, 3, 4)], ids=["linear", "1", "2", "4"])
def test_every_gradient_agrees_with_central_differences(hidden, activation, regularizer):
    network = make_network(hidden, activation, regularizer)
    x, labels = make_rows()
    theta = network.parameters.theta
    theta += np.random.default_rng(2).normal(scale=0.1, size=theta.size)  # biases that are not zero
    expected = central_differences(network, x, labels)
    network.loss_and_gradient(x, labels)
    np.testing.assert_allclose(network.parameters.grad, expected, rtol=1e-6, atol=1e-8)


def test_the_whole_gradient_buffer_is_overwritten():
    network, batch = make_network(regularizer=L2(0.1)), make_rows()
    network.loss_and_gradient(*batch)
    expected = network.parameters.grad.copy()
    network.parameters.grad[...] = np.nan
    network.loss_and_gradient(*batch)
    np.testing.assert_array_equal(network.parameters.grad, expected)


def test_the_training_loss_contains_half_lambda_times_the_squared_weights():
    x, labels = make_rows()
    network, plain = make_network(regularizer=L2(0.3)), make_network()
    squares = sum(float((theta**2).sum()) for name, (theta, _) in network.parameters.named.items() if name.startswith("W"))
    network.parameters.named["b1"].theta[...] = plain.parameters.named["b1"].theta[...] = 5.0
    penalty = network.loss_and_gradient(x, labels) - plain.loss_and_gradient(x, labels)
    assert penalty == pytest.approx(0.5 * 0.3 * squares)


def test_the_evaluated_loss_leaves_the_penalty_out():
    x, labels = make_rows()
    assert make_network(regularizer=L2(0.3)).evaluate(x, labels) == make_network().evaluate(x, labels)


@pytest.mark.parametrize("rows", [1, EVALUATION_ROWS - 1, EVALUATION_ROWS, EVALUATION_ROWS + 1, 3 * EVALUATION_ROWS + 5])
def test_evaluation_in_chunks_agrees_with_the_textbook_formula(rows):
    network, (x, labels) = make_network(), make_rows(rows)
    assert tuple(network.evaluate(x, labels).values()) == pytest.approx(
        naive_evaluation(naive_forward(network, x, np.tanh), labels)
    )


def test_evaluation_changes_neither_parameters_nor_gradient():
    network, (x, labels) = make_network(), make_rows()
    network.loss_and_gradient(x, labels)
    theta, grad = network.parameters.theta.copy(), network.parameters.grad.copy()
    network.evaluate(*make_rows(20, seed=3))
    np.testing.assert_array_equal(network.parameters.theta, theta)
    np.testing.assert_array_equal(network.parameters.grad, grad)


def test_inputs_and_labels_are_never_written():
    network, (x, labels) = make_network(hidden=()), make_rows()
    x.flags.writeable = labels.flags.writeable = False
    network.loss_and_gradient(x, labels)
    network.evaluate(x, labels)


def test_a_batch_may_be_smaller_than_the_work_arrays():
    x, labels = make_rows(8)
    large, small = make_network(rows=8), make_network(rows=5)
    assert large.loss_and_gradient(x[:5], labels[:5]) == small.loss_and_gradient(x[:5], labels[:5])
    np.testing.assert_array_equal(large.parameters.grad, small.parameters.grad)


@settings(max_examples=30, deadline=None)
@given(hidden=st.lists(st.integers(1, 7), max_size=4), rows=st.integers(1, 9), seed=st.integers(0, 99))
def test_any_depth_width_and_batch_gives_the_textbook_loss(hidden, rows, seed):
    network, (x, labels) = make_network(hidden, rows=rows, seed=seed), make_rows(rows, seed=seed)
    expected, _ = naive_evaluation(naive_forward(network, x, np.tanh), labels)
    assert network.loss_and_gradient(x, labels) == pytest.approx(expected)


@given(st.lists(st.integers(1, 7), max_size=4))
def test_parameters_are_named_and_shaped_by_layer(hidden):
    widths = [FEATURES, *hidden, OUTPUTS]
    shapes = {name: weights.theta.shape for name, weights in make_network(hidden).parameters.named.items()}
    expected = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        expected |= {f"W{i}": (fan_in, fan_out), f"b{i}": (fan_out,)}
    assert shapes == expected
    assert list(shapes) == list(expected)


def test_weights_are_drawn_from_the_first_layer_to_the_last():
    network, twin = make_network(seed=7), np.random.default_rng(7)
    for i in (1, 2, 3):
        theta = network.parameters.named[f"W{i}"].theta
        expected = np.empty_like(theta)
        He().fill(expected, twin)
        np.testing.assert_array_equal(theta, expected)


def test_initialising_again_starts_afresh():
    network = make_network(seed=7)
    start = network.parameters.theta.copy()
    network.parameters.theta[...] = 9.0
    network.initialise(He(), np.random.default_rng(7))
    np.testing.assert_array_equal(network.parameters.theta, start)
    assert not network.parameters.named["b1"].theta.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_keeps_the_dtype_asked_for(dtype):
    network, batch = make_network(activation=ReLU(), regularizer=L2(0.1), dtype=dtype), make_rows(dtype=dtype)
    network.loss_and_gradient(*batch)
    arrays = [value for layer in network.layers for value in vars(layer).values() if isinstance(value, np.ndarray)]
    assert {array.dtype for array in (*arrays, network.parameters.theta, network.parameters.grad)} == {np.dtype(dtype)}
    assert type(network.loss_and_gradient(*batch)) is float


def test_float32_and_float64_gradients_agree_to_single_precision():
    single, double = make_network(dtype=np.float32), make_network()
    double.parameters.theta[...] = single.parameters.theta
    x, labels = make_rows(dtype=np.float32)
    single.loss_and_gradient(x, labels)
    double.loss_and_gradient(x.astype(np.float64), labels)
    np.testing.assert_allclose(single.parameters.grad, double.parameters.grad, rtol=1e-4, atol=1e-6)


def test_buffers_and_views_are_never_rebound():
    network, batch = make_network(), make_rows()
    before = buffers(network.parameters)
    network.loss_and_gradient(*batch)
    network.evaluate(*batch)
    network.initialise(He(), np.random.default_rng(0))
    assert all(old is new for old, new in zip(before, buffers(network.parameters), strict=True))


def test_layers_see_a_change_of_theta():
    network, batch = make_network(), make_rows()
    network.parameters.theta[...] = 0.0
    assert network.loss_and_gradient(*batch) == pytest.approx(math.log(OUTPUTS))


def test_overflow_is_a_value_that_is_not_finite_and_no_warning():
    network, batch = make_network(activation=ReLU(), dtype=np.float32), make_rows(dtype=np.float32)
    network.parameters.theta[...] *= np.float32(1e30)
    assert not math.isfinite(network.loss_and_gradient(*batch))
    assert not math.isfinite(network.evaluate(*batch)["loss"])


def test_a_step_of_the_core_allocates_no_batch_sized_array():
    layers = [Affine(64), Elementwise(Copy())]
    x = np.ones((4096, 64), np.float32)
    bind_alone(layers, fan_in=64, rows=4096)
    pass_through(layers, x)
    tracemalloc.start()
    pass_through(layers, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 8  # NumPy's own loop buffers do not grow with the batch


class Copy:
    """The identity, as an activation."""

    def forward(self, z, out):
        np.copyto(out, z)

    def backward(self, dy, z, y, out):
        np.copyto(out, dy)


def bind_alone(layers, fan_in, rows):
    for layer in layers:
        fan_in, shapes = layer.build(fan_in)
        layer.bind(list(Parameters(shapes).named.values()), rows, np.float32, np.random.default_rng(0))


def pass_through(layers, x):
    for layer in layers:
        x = layer.forward(x, training=True)
    for layer in reversed(layers):
        x = layer.backward(x)


MLP = [Shape("W1", (3, 4), True), Shape("b1", (4,), False), Shape("W2", (4, 2), True), Shape("b2", (2,), False)]

array_shapes = st.lists(st.tuples(st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple), st.booleans()), max_size=8)
shape_lists = array_shapes.map(lambda arrays: [Shape(f"p{i}", shape, decays) for i, (shape, decays) in enumerate(arrays)])


def test_buffers_are_float32_unless_float64_is_asked_for():
    assert (Parameters(MLP).theta.dtype, Parameters(MLP).grad.dtype) == (np.float32, np.float32)
    assert Parameters(MLP, np.float64).theta.dtype == Parameters(MLP, np.float64).grad.dtype == np.float64


def test_parameters_and_gradient_start_at_zero():
    parameters = Parameters(MLP)
    assert not parameters.theta.any()
    assert not parameters.grad.any()


def test_named_views_come_in_the_order_asked_for():
    assert list(Parameters(MLP).named) == ["W1", "b1", "W2", "b2"]


def test_weights_lie_before_biases_in_memory():
    parameters = Parameters(MLP)
    for number, name in enumerate(("W1", "W2", "b1", "b2"), start=1):
        parameters.named[name].theta[...] = number
    np.testing.assert_array_equal(parameters.theta, np.repeat([1, 2, 3, 4], [12, 8, 4, 2]))


def test_the_decay_slice_holds_every_weight_and_no_bias():
    parameters = Parameters(MLP)
    parameters.weights[...] = 1
    parameters.weights_grad[...] = 1
    for name, (theta, grad) in parameters.named.items():
        expected = float(name.startswith("W"))
        assert (theta == expected).all()
        assert (grad == expected).all()


def test_named_views_cannot_be_replaced():
    parameters = Parameters(MLP)
    with pytest.raises(TypeError):
        parameters.named["W1"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        parameters.theta = np.zeros(1)  # type: ignore[misc]


def test_two_arrays_of_one_name_are_refused():
    with pytest.raises(ValueError, match="unique, got W twice"):
        Parameters([Shape("W", (1, 2), True), Shape("W", (2, 1), True)])


@given(shape_lists)
def test_views_tile_both_buffers_exactly_once(shapes):
    parameters = Parameters(shapes)
    for theta, grad in parameters.named.values():
        theta += 1
        grad += 1
    assert parameters.theta.size == sum(math.prod(shape.shape) for shape in shapes)
    assert (parameters.theta == 1).all()
    assert (parameters.grad == 1).all()


@given(shape_lists)
def test_views_have_the_shapes_asked_for_and_are_contiguous(shapes):
    named = Parameters(shapes).named
    assert [named[shape.name].theta.shape for shape in shapes] == [shape.shape for shape in shapes]
    assert all(array.flags.c_contiguous for weights in named.values() for array in weights)


@given(shape_lists)
def test_the_decay_slice_is_as_long_as_what_decays(shapes):
    parameters = Parameters(shapes)
    assert parameters.weights.size == sum(math.prod(shape.shape) for shape in shapes if shape.decays)
    assert np.shares_memory(parameters.weights, parameters.theta) or parameters.weights.size == 0
