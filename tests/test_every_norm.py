"""What every registered norm must do, whatever it normalises over."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Norm
from nnreg.registry import entries
from nnreg.testing.arrays import Watched
from tests.layers import ROWS, bound, made_network, made_rows, peak_of, slopes

UNITS = 5
ENTRIES = entries.techniques("norm").items()
every_norm = pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in ENTRIES])


def made(entry, **settings):
    return entries.load_class(entry)(**settings)


def made_at(entry, position):
    norm = made(entry)
    norm.position = position
    return norm


def some(rows=ROWS, units=UNITS, dtype=np.float64, seed=0):
    return (1.5 + 2 * np.random.default_rng(seed).standard_normal((rows, units))).astype(dtype)


def moved(entry, units=UNITS, rows=ROWS, dtype=np.float64):
    """A layer whose parameters are not at their start, and the parameters."""
    layer, parameters = bound(made(entry), units, rows, dtype)
    parameters.theta[...] = np.random.default_rng(3).normal(size=parameters.theta.size)
    return layer, parameters


@every_norm
def test_it_is_a_norm_that_keeps_the_number_of_units(entry):
    norm = made(entry)
    assert isinstance(norm, Norm)
    assert norm.build(7)[0] == 7
    assert norm.position in ("before", "after")


@every_norm
def test_its_parameters_neither_decay_nor_depend_on_the_initialiser(entry):
    assert all(not shape.decays and shape.start is not None for shape in made(entry).build(7)[1])


@every_norm
@given(rows=st.integers(2, 9), units=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_gradient_agrees_with_central_differences(entry, rows, units, seed):
    layer, parameters = moved(entry, units, rows)
    x, dy = some(rows, units, seed=seed), some(rows, units, seed=seed + 1)
    parameters.grad[...] = np.nan
    layer.forward(x, training=True)
    dx, grad = layer.backward(dy).copy(), parameters.grad.copy()

    def value():
        return float((layer.forward(x, training=True) * dy).sum())

    expected = slopes(value, x), slopes(value, parameters.theta)
    sizes = [1 + np.abs(array).max(initial=0) for array in expected]
    np.testing.assert_allclose(dx, expected[0], rtol=1e-4, atol=1e-6 * sizes[0])
    np.testing.assert_allclose(grad, expected[1], rtol=1e-4, atol=1e-6 * sizes[1])


@every_norm
@pytest.mark.parametrize("position", ["before", "after"])
def test_the_gradient_of_a_whole_network_agrees_with_central_differences(entry, position):
    network, (x, labels) = made_network(norm=made_at(entry, position)), made_rows()
    theta = network.parameters.theta
    expected = slopes(lambda: network.loss_and_gradient(x, labels), theta)
    network.loss_and_gradient(x, labels)
    np.testing.assert_allclose(network.parameters.grad, expected, rtol=1e-6, atol=1e-8)


@every_norm
def test_before_and_after_the_activation_are_different_networks(entry):
    if made(entry).is_identity:
        pytest.skip("changes nothing")
    before, after = (made_network(norm=made_at(entry, position)) for position in ("before", "after"))
    kinds = [[type(layer).__name__ for layer in network.layers[:3]] for network in (before, after)]
    assert kinds[0] == ["Affine", type(made(entry)).__name__, "Elementwise"]
    assert kinds[1] == ["Affine", "Elementwise", type(made(entry)).__name__]
    assert before.loss_and_gradient(*made_rows()) != after.loss_and_gradient(*made_rows())


@every_norm
def test_the_whole_gradient_is_overwritten_whatever_was_there(entry):
    network, batch = made_network(norm=made(entry)), made_rows()
    network.loss_and_gradient(*batch)
    expected = network.parameters.grad.copy()
    network.parameters.grad[...] = np.nan
    network.loss_and_gradient(*batch)
    np.testing.assert_array_equal(network.parameters.grad, expected)


@every_norm
def test_what_is_read_is_never_written(entry):
    layer, parameters = moved(entry)
    x, dy, theta = some(), some(seed=1), parameters.theta.copy()
    x.flags.writeable = dy.flags.writeable = False
    for training in (True, False):
        layer.forward(x, training=training)
    layer.backward(dy)
    np.testing.assert_array_equal(parameters.theta, theta)


@every_norm
def test_the_parameter_gradients_are_there_even_where_dx_is_not_needed(entry):
    layer, parameters = moved(entry)
    layer.forward(some(), training=True)
    layer.backward(some(seed=1))
    expected = parameters.grad.copy()
    parameters.grad[...] = np.nan
    layer.backward(some(seed=1), need_dx=False)
    np.testing.assert_array_equal(parameters.grad, expected)


@every_norm
def test_evaluation_between_forward_and_backward_changes_nothing(entry):
    x, dy = some(), some(seed=1)
    disturbed, straight = moved(entry), moved(entry)
    for layer, _ in (disturbed, straight):
        layer.forward(x, training=True)
    state = copy.deepcopy(dict(disturbed[0].state()))
    disturbed[0].forward(some(seed=2), training=False)
    np.testing.assert_array_equal(disturbed[0].backward(dy), straight[0].backward(dy))
    np.testing.assert_array_equal(disturbed[1].grad, straight[1].grad)
    np.testing.assert_equal(dict(disturbed[0].state()), state)


@every_norm
def test_evaluating_a_network_changes_neither_parameters_gradient_state_nor_the_streams(entry):
    masks = np.random.default_rng(4)
    network = made_network(norm=made(entry), masks=masks)
    network.loss_and_gradient(*made_rows())
    parameters, stream = network.parameters, masks.bit_generator.state
    before = copy.deepcopy([parameters.theta, parameters.grad, *network.state().values()])
    network.evaluate(*made_rows(500, seed=5))
    np.testing.assert_equal([parameters.theta, parameters.grad, *network.state().values()], before)
    assert masks.bit_generator.state == stream


@every_norm
def test_a_row_is_evaluated_alike_alone_and_in_company(entry):
    layer, _ = moved(entry)
    layer.forward(some(), training=True)
    x = some(seed=1)
    together = layer.forward(x, training=False).copy()
    alone = np.concatenate([layer.forward(x[i : i + 1], training=False).copy() for i in range(len(x))])
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-14)


@every_norm
def test_a_batch_may_be_smaller_than_the_work_arrays(entry):
    small, large = moved(entry, rows=4), moved(entry, rows=9)
    x, dy = some(4), some(4, seed=1)
    for training in (True, False):
        results = [layer.forward(x, training=training).copy() for layer, _ in (small, large)]
        np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(*(layer.backward(dy).copy() for layer, _ in (small, large)), rtol=1e-10, atol=1e-12)


@every_norm
def test_the_state_is_the_arrays_that_training_writes_and_evaluation_reads(entry):
    first, again = made_network(norm=made(entry)), made_network(norm=made(entry))
    live = first.state()
    for seed in range(3):
        first.loss_and_gradient(*made_rows(seed=seed))
    assert all(array is live[name] for name, array in first.state().items())
    for name, array in again.state().items():
        array[...] = live[name]
    assert again.evaluate(*made_rows(20)) == first.evaluate(*made_rows(20))


@every_norm
def test_one_instance_serves_many_places_and_networks_and_stays_as_it_was(entry):
    norm = made(entry)
    before = dict(vars(norm))
    alone, here, there = (made_network(norm=norm) for _ in range(3))
    for seed in range(3):
        alone.loss_and_gradient(*made_rows(seed=seed))
    for seed in range(3):
        here.loss_and_gradient(*made_rows(seed=seed))
        there.loss_and_gradient(*made_rows(seed=9 + seed))
    np.testing.assert_array_equal(here.parameters.grad, alone.parameters.grad)
    np.testing.assert_equal(dict(here.state()), dict(alone.state()))
    assert dict(vars(norm)) == before
    arrays = list(here.state().values())
    assert all(not np.shares_memory(one, other) for i, one in enumerate(arrays) for other in arrays[:i])


@every_norm
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_is_computed_in_the_precision_asked_for(entry, dtype):
    layer = made(entry)
    shapes = layer.build(UNITS)[1]
    weights = [[np.full(shape.shape, value, dtype).view(Watched) for value in (1, 0)] for shape in shapes]
    layer.bind(weights, ROWS, dtype, np.random.default_rng(0))
    x, dy = some(dtype=dtype).view(Watched), some(dtype=dtype, seed=1).view(Watched)
    Watched.precisions.clear()
    results = [layer.forward(x, training=training) for training in (False, True)] + [layer.backward(dy)]
    kept = [array for array in (*results, *vars(layer).values()) if isinstance(array, np.ndarray)]
    assert {array.dtype for array in kept} | Watched.precisions == {np.dtype(dtype)}


@every_norm
def test_single_and_double_precision_agree(entry):
    single, double = made_network(norm=made(entry), dtype=np.float32), made_network(norm=made(entry))
    double.parameters.theta[...] = single.parameters.theta
    x, labels = made_rows(dtype=np.float32)
    single.loss_and_gradient(x, labels)
    double.loss_and_gradient(x.astype(np.float64), labels)
    np.testing.assert_allclose(single.parameters.grad, double.parameters.grad, rtol=1e-3, atol=1e-5)


@every_norm
def test_a_step_allocates_no_batch_sized_array(entry):
    layer, _ = bound(made(entry), units=64, rows=4096, dtype=np.float32)
    x = some(4096, 64, np.float32)

    def step():
        layer.forward(x, training=True)
        layer.backward(x)
        layer.forward(x, training=False)

    assert peak_of(step) < x.nbytes / 8
