import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Shape
from nnreg.engine.network import Parameters

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
