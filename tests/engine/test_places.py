"""Where each array stands in the network, and the gain of an activation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnreg.contracts import Place
from nnreg.engine.network import Network
from nnreg.engine.places import gain_of
from nnreg_std.activations.identity import Identity
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.step import Step
from nnreg_std.activations.tanh import Tanh
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.regularizers.none import NoRegularizer


def made(hidden, norm=None):
    plugins = {"activation": ReLU(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer(), "norm": norm}
    return Network(6, hidden, 3, **plugins, rows=8)


def test_every_array_knows_its_layer_its_role_its_fans_and_the_gain_after_it():
    places = made([5], BatchNorm()).parameters.places
    he = pytest.approx(math.sqrt(2), rel=1e-12)
    assert places == {
        "W1": Place("W1", 1, 2, "weight", 6, 5, he),
        "b1": Place("b1", 1, 2, "bias", 1, 5, he),
        "gamma1": Place("gamma1", 1, 2, "gain", 1, 5, he),
        "beta1": Place("beta1", 1, 2, "bias", 1, 5, he),
        "W2": Place("W2", 2, 2, "weight", 5, 3, 1.0),
        "b2": Place("b2", 2, 2, "bias", 1, 3, 1.0),
    }


def test_a_linear_model_has_one_layer_of_gain_one():
    assert made([]).parameters.places["W1"] == Place("W1", 1, 1, "weight", 6, 3, 1.0)


def test_places_are_in_the_order_of_the_named_arrays():
    parameters = made([5, 4]).parameters
    assert list(parameters.places) == list(parameters.named)


@pytest.mark.parametrize(("activation", "second_moment"), [(Identity(), 1.0), (ReLU(), 0.5), (Tanh(), 0.394294)])
def test_gains_keep_the_second_moment_of_normal_numbers(activation, second_moment):
    z, y = np.random.default_rng(0).standard_normal((2, 1, 1_000_000))
    activation.forward(z, out=y)
    assert gain_of(activation) == pytest.approx(1 / math.sqrt(np.square(y).mean()), rel=3e-3)
    assert gain_of(activation) == pytest.approx(1 / math.sqrt(second_moment), rel=1e-6)


def test_what_has_no_finite_second_moment_has_gain_one():
    class Nothing(Step):
        def forward(self, z, out):
            out[...] = 0

    assert gain_of(Nothing()) == 1.0
