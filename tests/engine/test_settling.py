"""What an init is told and given: the place of each array, and a filled network that it may look at and settle."""

from __future__ import annotations

import numpy as np
import pytest

from nnreg.contracts import Architecture, Init
from nnreg.engine.settling import Filled, arrays_of, settle
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.inits.constant import Constant
from nnreg_std.inits.he import He
from nnreg_std.norms.batch_norm import BatchNorm
from tests.techniques.layers import FEATURES, made_network, made_rows


class Noting(Init):
    def __init__(self):
        self.places = []

    def fill(self, weight, rng, place=None):
        self.places.append(place)
        weight[...] = 0


class Plain:  # an init need not inherit the contract
    def fill(self, weight, rng, gain=2.0):
        weight[...] = gain


@pytest.fixture
def masks():
    return np.random.default_rng(7)


@pytest.fixture
def network(masks):
    return made_network(norm=BatchNorm(), dropout=InvertedDropout(0.5), masks=masks)


def test_an_init_that_asks_is_told_the_place_of_each_array(network):
    weights, biases = Noting(), Noting()
    network.initialise(weights, np.random.default_rng(0), biases)
    told = [(place.name, place.layer, place.layers, place.role, place.fan_in, place.fan_out) for place in weights.places]
    assert told == [("W1", 1, 3, "weight", 6, 5), ("W2", 2, 3, "weight", 5, 4), ("W3", 3, 3, "weight", 4, 3)]
    assert [(place.name, place.role) for place in biases.places] == [("b1", "bias"), ("b2", "bias"), ("b3", "bias")]
    assert weights.places == [network.parameters.places[f"W{number}"] for number in (1, 2, 3)]


def test_an_init_of_two_arguments_is_filled_with_two_whatever_else_it_might_take(network):
    network.initialise(Plain(), np.random.default_rng(0))
    assert (network.parameters.named["W1"].theta == 2).all()


def test_the_outputs_of_a_layer_are_those_of_plain_numpy():
    network, (x, _) = made_network(), made_rows()
    filled, named = Filled(network, np.random.default_rng(0)), network.parameters.named
    assert list(filled.weights) == ["W1", "W2", "W3"]
    assert filled.weights["W2"] is named["W2"].theta
    first = x @ named["W1"].theta + named["b1"].theta
    np.testing.assert_allclose(filled.outputs("W1", x), first, rtol=1e-13)
    second = np.tanh(first) @ named["W2"].theta + named["b2"].theta
    np.testing.assert_allclose(filled.outputs("W2", x), second, rtol=1e-13)


class Woven(Architecture):
    def stack(self, parts, inputs, outputs):
        inside = parts.residual(parts.convolution(3, 3, padding=1), parts.hidden())
        return parts.sequence(parts.convolution(2, 3), inside, parts.pool(2), parts.affine(outputs))


def test_layers_inside_others_and_convolutions_can_be_asked_too():
    network = made_network(architecture=Woven(), shape=(6, 6), features=36, hidden=())
    filled = Filled(network, np.random.default_rng(0))
    assert list(filled.weights) == [name for name, place in filled.places.items() if place.role == "weight"]
    x = np.random.default_rng(0).standard_normal((4, 36))
    for name, weight in filled.weights.items():
        before = filled.outputs(name, x)
        weight *= 2
        assert (filled.outputs(name, x) != before).any()


def test_looking_puts_back_what_it_moves(network, masks):
    state, stream = {name: array.copy() for name, array in network.state().items()}, masks.bit_generator.state
    filled = Filled(network, masks)
    first = filled.outputs("W3", made_rows()[0])
    np.testing.assert_array_equal(filled.outputs("W3", made_rows()[0]), first)
    assert masks.bit_generator.state == stream
    for name, array in network.state().items():
        np.testing.assert_array_equal(array, state[name])
    named = {*network.parameters.named, "1.running_mean", "1.running_variance"}
    assert named <= arrays_of(network).keys() == filled.arrays.keys()


def test_an_init_that_does_not_settle_costs_no_batch(network, masks):
    settle(network, He(), lambda: 1 / 0, masks)
    settle(network, Constant(), lambda: 1 / 0, masks)


@pytest.mark.parametrize(
    ("does", "complaint"),
    [
        (lambda network, batch: batch.fill(0), "read-only"),
        (lambda network, batch: network.weights["W1"].fill(np.nan), "settling left W1 with numbers that are not finite"),
    ],
)
def test_one_that_does_harm_is_refused(network, masks, does, complaint):
    init = Noting()
    init.settle = does
    with pytest.raises(ValueError, match=complaint):
        settle(network, init, lambda: np.ones((4, FEATURES)), masks)
