"""Norms: each built-in one against torch and its paper, and what every registered one must do."""

import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Norm
from nnreg.engine.network import Network
from nnreg.registry import entries
from nnreg.testing.arrays import Watched
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.tanh import Tanh
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.norms.layer_norm import LayerNorm
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer
from tests.techniques.layers import (
    FEATURES,
    HIDDEN,
    OUTPUTS,
    ROWS,
    assert_allocates_no_batch,
    bound,
    made_network,
    made_rows,
    oracle,
    slopes,
)

TORCH = oracle("norms")
KINDS = {"batch_norm": BatchNorm, "layer_norm": LayerNorm}
kinds = pytest.mark.parametrize("kind", KINDS)
close = {"rtol": 1e-10, "atol": 1e-12}


def of(kind, **settings):
    return KINDS[kind](**TORCH["parameters"][kind] | settings)


def numbers(said):
    return {name: np.array(value) for name, value in said.items()}


@kinds
def test_a_layer_does_what_torch_does_forwards_backwards_and_in_evaluation(kind):
    said = TORCH["layers"][kind]
    layer, parameters = bound(of(kind))
    named = parameters.named
    for name in ("gamma", "beta"):
        named[name].theta[...] = said[name]
    for batch in map(numbers, said["batches"]):
        np.testing.assert_allclose(layer.forward(batch["x"], training=True), batch["y"], **close)
        np.testing.assert_allclose(layer.backward(batch["dy"]), batch["dx"], **close)
        for name in ("gamma", "beta"):
            np.testing.assert_allclose(named[name].grad, batch[f"d{name}"], **close)
        for name, array in layer.state().items():
            np.testing.assert_allclose(array, batch[name], **close)
    evaluated = numbers(said["evaluated"])
    np.testing.assert_allclose(layer.forward(evaluated["x"], training=False), evaluated["y"], **close)


@kinds
@pytest.mark.parametrize("position", ["before", "after"])
def test_a_network_is_trained_as_torch_trains_it(kind, position):
    said = TORCH["networks"][f"{kind}-{position}"]
    plugins = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer()}
    norm = of(kind, position=position)
    network = Network(FEATURES, HIDDEN, OUTPUTS, **plugins, norm=norm, rows=ROWS, dtype=np.float64)
    named, x, labels = network.parameters.named, np.array(said["x"]), np.array(said["labels"])
    assert set(named) == set(said["start"])
    for name, start in said["start"].items():
        named[name].theta[...] = start
    rule = SGD(said["lr"])
    rule.bind(network.parameters)
    losses = []
    for t in range(1, len(said["losses"]) + 1):
        losses.append(network.loss_and_gradient(x, labels))
        if t == 1:
            for name, gradient in said["first_gradient"].items():
                np.testing.assert_allclose(named[name].grad, gradient, **close)
        rule.step(t)
    np.testing.assert_allclose(losses, said["losses"], **close)
    for name, end in said["end"].items():
        np.testing.assert_allclose(named[name].theta, end, rtol=1e-9, atol=1e-10)
    assert network.evaluate(x, labels)["loss"] == pytest.approx(said["evaluated"], rel=1e-9)


@pytest.mark.parametrize(
    ("technique", "defaults"),
    [
        (BatchNorm, {"momentum": 0.9, "eps": 1e-5, "position": "before"}),
        (LayerNorm, {"eps": 1e-5, "position": "before"}),
    ],
)
def test_a_norm_without_settings_has_those_of_the_literature(technique, defaults):
    assert dataclasses.asdict(technique()) == defaults


@kinds
def test_gains_start_at_one_and_shifts_at_zero_and_neither_decays(kind):
    network = made_network(norm=of(kind), regularizer=L2(0.5))
    network.initialise(He(), np.random.default_rng(0))
    named, weights = network.parameters.named, network.parameters.weights
    for place in (1, 2):
        assert (named[f"gamma{place}"].theta == 1).all()
        assert (named[f"beta{place}"].theta == 0).all()
    others = [views.theta for name, views in named.items() if not name.startswith("W")]
    assert not any(np.shares_memory(weights, other) for other in others)


def test_running_averages_start_at_mean_zero_and_variance_one():
    state = bound(BatchNorm())[0].state()
    assert (state["running_mean"] == 0).all()
    assert (state["running_variance"] == 1).all()


def spread(rows, units=5, seed=0):
    return 3 + 2 * np.random.default_rng(seed).standard_normal((rows, units))


@given(rows=st.integers(2, 30), shift=st.floats(-100, 100), scale=st.floats(0.1, 100), seed=st.integers(0, 99))
def test_batch_norm_gives_every_unit_mean_beta_and_deviation_gamma(rows, shift, scale, seed):
    layer, parameters = bound(BatchNorm(eps=1e-20), rows=rows)
    gamma, beta = (parameters.named[name].theta for name in ("gamma", "beta"))
    gamma[...], beta[...] = np.arange(1, 6), np.arange(-2, 3)
    y = layer.forward(shift + scale * spread(rows, seed=seed), training=True)
    np.testing.assert_allclose(y.mean(axis=0), beta, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=0), gamma, rtol=1e-6)


@given(units=st.integers(2, 30), seed=st.integers(0, 99))
def test_layer_norm_gives_every_row_mean_zero_and_deviation_one(units, seed):
    layer, _ = bound(LayerNorm(eps=1e-20), units, rows=4)
    y = layer.forward(spread(4, units, seed), training=True)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(y.std(axis=1), 1, rtol=1e-6)


def test_a_layer_of_one_unit_is_its_own_mean():
    layer, _ = bound(LayerNorm(), units=1)
    np.testing.assert_array_equal(layer.forward(spread(ROWS, 1), training=True), 0)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_a_running_average_keeps_a_share_of_the_old_and_takes_the_unbiased_variance(momentum):
    layer, _ = bound(BatchNorm(momentum))
    x = spread(ROWS)
    layer.forward(x, training=True)
    np.testing.assert_allclose(layer.state()["running_mean"], (1 - momentum) * x.mean(axis=0))
    expected = momentum + (1 - momentum) * x.var(axis=0, ddof=1)
    np.testing.assert_allclose(layer.state()["running_variance"], expected)


def test_after_many_batches_evaluation_normalises_by_the_mean_and_variance_of_the_population():
    layer, _ = bound(BatchNorm(momentum=0.99), rows=32)
    for seed in range(2000):
        layer.forward(spread(32, seed=seed), training=True)
    y = layer.forward(np.array([[3.0] * 5, [5.0] * 5]), training=False)  # the mean, and one deviation above
    np.testing.assert_allclose(y, [[0] * 5, [1] * 5], atol=0.06)


def test_a_training_batch_of_one_row_is_refused_with_what_to_do_instead():
    layer, _ = bound(BatchNorm())
    with pytest.raises(ValueError, match="one row is its own mean: train batch_norm on batches of 2 or more"):
        layer.forward(spread(1), training=True)
    assert layer.forward(spread(1), training=False).shape == (1, 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_unit_that_never_varies_is_finite_forwards_and_backwards(dtype):
    layer, _ = bound(BatchNorm(), dtype=dtype)
    constant = np.full((ROWS, 5), 7, dtype)
    np.testing.assert_allclose(layer.forward(constant, training=True), 0, atol=1e-3)
    assert np.isfinite(layer.backward(np.ones_like(constant))).all()


def test_a_large_common_offset_does_not_hide_the_variance_in_single_precision():
    layer, _ = bound(BatchNorm(), rows=128, dtype=np.float32)
    x = (1000 + np.random.default_rng(0).standard_normal((128, 5))).astype(np.float32)
    np.testing.assert_allclose(layer.forward(x, training=True).std(axis=0), 1, rtol=1e-3)  # E[x²] − E[x]² would fail


def test_the_bias_before_batch_norm_has_no_gradient_and_after_the_activation_it_has():
    before, after = (made_network(norm=BatchNorm(position=position)) for position in ("before", "after"))
    for network in (before, after):
        network.loss_and_gradient(*made_rows())
    assert np.abs(before.parameters.named["b1"].grad).max() < 1e-15
    assert np.abs(after.parameters.named["b1"].grad).max() > 1e-3


@kinds
@given(scale=st.floats(0.01, 100))
def test_the_scale_of_the_weights_does_not_matter_to_what_comes_out(kind, scale):
    norm = of(kind, eps=1e-20)
    network, twin = (made_network(norm=norm, activation=ReLU()) for _ in range(2))
    for name in ("W1", "b1"):
        twin.parameters.named[name].theta[...] *= scale
    assert twin.loss_and_gradient(*made_rows()) == pytest.approx(network.loss_and_gradient(*made_rows()), rel=1e-6)


@pytest.mark.parametrize("norm", [BatchNorm(), LayerNorm()], ids=str)
def test_a_norm_lets_a_deep_network_learn_from_weights_that_are_far_too_small(norm):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, FEATURES))
    labels = x[:, :OUTPUTS].argmax(axis=1)
    accuracy = []
    for chosen in (norm, None):
        plugins = {"activation": ReLU(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer()}
        network = Network(FEATURES, [20] * 4, OUTPUTS, **plugins, norm=chosen, rows=100, dtype=np.float64)
        network.initialise(He(), np.random.default_rng(0))
        network.parameters.weights[...] *= 0.01
        rule = SGD(0.02)  # at 0.1 layer norm is so near the edge that rounding decides
        rule.bind(network.parameters)
        for t in range(1, 301):
            network.loss_and_gradient(x, labels)
            rule.step(t)
        accuracy.append(network.evaluate(x, labels)["accuracy"])
    assert accuracy[0] > 0.9
    assert accuracy[1] < 0.6


# What every registered norm must do, whatever it normalises over.


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
    assert_allocates_no_batch(layer)
