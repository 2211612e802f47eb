"""Regularizers: each built-in one against torch and hand calculations, and what every registered one must do."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts import Split, Splits
from nnreg.contracts.objective import target_of
from nnreg.engine.network import Network
from nnreg.engine.training import train
from nnreg.registry import entries
from nnreg_std.activations.tanh import Tanh
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.decoupled import DecoupledDecay
from nnreg_std.regularizers.elastic import Elastic
from nnreg_std.regularizers.l1 import L1
from nnreg_std.regularizers.l2 import L2
from tests.engine.drawing import made_batches
from tests.techniques.layers import made_network, made_rows, oracle, slopes

TORCH = oracle("regularizers")
SAID = TORCH["parameters"]
vectors = arrays(np.float64, 7, elements=st.floats(-5, 5))


def whole(splits):
    """Train on all rows at every step."""
    rows = len(splits.train.x)
    return {"batches": made_batches(rows, rows, "epoch", np.random.default_rng(0)), "validate_every": 10_000}


def trained_as_torch_was(regularizer, optimizer):
    """Return the losses of a run on torch's data from torch's start, and the network."""
    x, labels = np.array(TORCH["x"]), np.array(TORCH["labels"])
    plugins = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": regularizer}
    network = Network(x.shape[1], (5,), 3, **plugins, rows=len(x), dtype=np.float64)
    for name, start in TORCH["start"].items():
        network.parameters.named[name].theta[...] = start
    optimizer.bind(network.parameters)
    splits = Splits(Split(x, labels), None, None, 3, "torch's")
    schedule = [None, *SAID["factors"]].__getitem__
    records = train(network, optimizer, splits, steps=len(SAID["factors"]), **whole(splits), schedule=schedule)
    return [record.value for record in records], network


def assert_ends_as(said, losses, network):
    np.testing.assert_allclose(losses, said["losses"], rtol=1e-9)
    for name, end in said["end"].items():
        np.testing.assert_allclose(network.parameters.named[name].theta, end, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "regularizer"),
    [
        ("l2", L2(SAID["weight_decay"])),
        ("l1", L1(SAID["weight_decay"])),
        ("elastic", Elastic(SAID["weight_decay"], SAID["l1_ratio"])),
    ],
)
def test_a_penalised_run_is_that_of_torch_with_the_penalty_in_its_loss(name, regularizer):
    assert_ends_as(TORCH["sgd"][name], *trained_as_torch_was(regularizer, SGD(SAID["lr"])))


def test_adam_with_decoupled_decay_is_the_adamw_of_torch_schedule_included():
    assert_ends_as(TORCH["adamw"], *trained_as_torch_was(DecoupledDecay(SAID["weight_decay"]), Adam(SAID["lr"])))


def test_decoupled_decay_is_l2_under_plain_sgd_and_not_under_momentum_or_adam():
    def end(regularizer, optimizer):
        return trained_as_torch_was(regularizer, optimizer)[1].parameters.theta

    np.testing.assert_allclose(end(DecoupledDecay(0.2), SGD(0.1)), end(L2(0.2), SGD(0.1)), rtol=1e-12, atol=1e-14)
    for make in (Momentum, Adam):
        assert np.abs(end(DecoupledDecay(0.2), make(0.1)) - end(L2(0.2), make(0.1))).max() > 0.01


@pytest.mark.parametrize(
    ("technique", "defaults"),
    [
        (L1, {"weight_decay": 1e-4}),
        (Elastic, {"weight_decay": 1e-4, "l1_ratio": 0.5}),
        (DecoupledDecay, {"weight_decay": 0.01}),
    ],
)
def test_a_regularizer_without_settings_has_those_of_the_literature(technique, defaults):
    assert dataclasses.asdict(technique()) == defaults


@pytest.mark.parametrize(
    ("regularizer", "penalty", "gradient"),
    [
        (L1(0.1), 0.7, (0.1, -0.1, 0)),
        (L2(0.1), 1.25, (0.3, -0.4, 0)),
        (Elastic(0.1, 0.25), 0.25 * 0.7 + 0.75 * 1.25, (0.25, -0.325, 0)),
        (DecoupledDecay(0.1), 0, (0, 0, 0)),
    ],
    ids=str,
)
def test_penalty_and_gradient_of_three_minus_four_and_zero_calculated_by_hand(regularizer, penalty, gradient):
    weights, grad = np.array([3.0, -4.0, 0.0]), np.zeros(3)
    regularizer.add_gradient(weights, grad)
    assert regularizer.penalty(weights) == pytest.approx(penalty)
    np.testing.assert_allclose(grad, gradient, rtol=1e-14)


@given(weights=vectors, strength=st.floats(0, 10))
def test_the_elastic_net_ends_in_l2_on_one_side_and_in_l1_on_the_other(weights, strength):
    for ratio, plain in ((0.0, L2(strength)), (1.0, L1(strength))):
        mixed, expected = np.zeros(7), np.zeros(7)
        Elastic(strength, ratio).add_gradient(weights, mixed)
        plain.add_gradient(weights, expected)
        np.testing.assert_allclose(mixed, expected, rtol=1e-12, atol=1e-15)
        assert Elastic(strength, ratio).penalty(weights) == pytest.approx(plain.penalty(weights), rel=1e-12, abs=1e-12)


@given(weights=vectors, lr=st.floats(0, 1), strength=st.floats(0, 1))
def test_decoupled_decay_takes_a_fixed_share_of_every_weight(weights, lr, strength):
    shrunk = weights.copy()
    assert DecoupledDecay(strength).decay(shrunk, lr) is None
    np.testing.assert_allclose(shrunk, weights - lr * strength * weights, rtol=1e-12, atol=1e-15)


def test_decoupled_decay_leaves_biases_alone_and_happens_before_the_update():
    network = made_network(regularizer=DecoupledDecay(0.5))
    before = {name: weights.theta.copy() for name, weights in network.parameters.named.items()}
    seen = []

    class Watching(SGD):
        def step(self, t, factor):
            seen.append(network.parameters.theta.copy())

    rule = Watching(lr=0.2)
    x, labels = made_rows()
    splits = Splits(Split(x, labels), None, None, 3, "made up")
    list(train(network, rule, splits, steps=1, **whole(splits), schedule=lambda t: 0.5))
    np.testing.assert_array_equal(network.parameters.theta, seen[0])
    for name, weights in network.parameters.named.items():
        share = 1 - 0.2 * 0.5 * 0.5 if name.startswith("W") else 1
        np.testing.assert_allclose(weights.theta, share * before[name], rtol=1e-14)


@pytest.mark.parametrize("regularizer", [L1(0.3), L2(0.3), Elastic(0.3), DecoupledDecay(0.3)], ids=str)
def test_the_gradient_of_a_whole_network_agrees_with_central_differences(regularizer):
    network, (x, labels) = made_network(regularizer=regularizer), made_rows()
    expected = slopes(lambda: network.loss_and_gradient(x, labels), network.parameters.theta)
    network.loss_and_gradient(x, labels)
    np.testing.assert_allclose(network.parameters.grad, expected, rtol=1e-6, atol=1e-8)


def test_l1_leaves_fewer_weights_of_any_size_than_l2_where_only_one_feature_matters():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    splits = Splits(Split(x, (x[:, 0] > 0).astype(int)), None, None, 2, "made up")
    large = []
    for regularizer in (L1(0.02), L2(0.02)):
        plugins = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": regularizer}
        network = Network(6, (), 2, **plugins, rows=200, dtype=np.float64)
        rule = SGD(0.1)
        rule.bind(network.parameters)
        list(train(network, rule, splits, steps=1500, **whole(splits)))
        large.append(int((np.abs(network.parameters.weights) > 0.01).sum()))
    assert large[0] == 2  # the one feature, for both classes
    assert large[1] > 2


# What every registered regularizer must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py.


every_regularizer = pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, id=name)
        for name, entry in entries.techniques("regularizer").items()
        if target_of(entries.load_class(entry)) == "weights"
    ],
)


def gradient(entry, weights):
    grad = np.zeros_like(weights)
    assert entries.load_class(entry)().add_gradient(weights, grad) is None
    return grad


@every_regularizer
@given(weights=vectors, already=vectors)
def test_the_gradient_is_added_to_what_is_there(entry, weights, already):
    grad = already.copy()
    entries.load_class(entry)().add_gradient(weights, grad)
    np.testing.assert_allclose(grad, already + gradient(entry, weights), rtol=1e-12, atol=1e-15)


@every_regularizer
@given(weights=vectors)
def test_a_penalty_is_a_float_never_negative_and_zero_without_weights(entry, weights):
    penalty = entries.load_class(entry)().penalty
    assert type(penalty(weights)) is float
    assert penalty(weights) >= 0
    assert penalty(np.zeros(7)) == 0
    assert penalty(np.empty(0)) == 0


@every_regularizer
@given(weights=vectors, lr=st.floats(0, 1))
def test_decay_takes_weights_towards_zero_in_place_or_leaves_them(entry, weights, lr):
    shrunk = weights.copy()
    assert entries.load_class(entry)().decay(shrunk, lr) is None
    assert (np.abs(shrunk) <= np.abs(weights)).all()
    assert (shrunk * weights >= 0).all()


@every_regularizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decay_keeps_the_precision_and_may_have_nothing_to_do(entry, dtype):
    for weights in (np.ones(5, dtype), np.empty(0, dtype)):
        entries.load_class(entry)().decay(weights, 0.1)
        assert weights.dtype == dtype
