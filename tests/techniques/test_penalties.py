"""Regularizers of layers, of outputs, and of what follows an update: against torch, central differences and closed forms."""

import dataclasses

import numpy as np
import pytest

from nnreg.contracts import Split, Splits
from nnreg.engine.network import Network
from nnreg.engine.training import train
from nnreg_std.activations.tanh import Tanh
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.activity import Activity
from nnreg_std.regularizers.max_norm import MaxNorm
from nnreg_std.regularizers.none import NoRegularizer
from nnreg_std.regularizers.orthogonal import Orthogonal
from tests.engine.drawing import made_batches
from tests.techniques.layers import made_network, made_rows, oracle, slopes

TORCH = oracle("penalties")
SAID = TORCH["parameters"]
AS_TORCH = {
    "orthogonal": Orthogonal(SAID["strength"]),
    "activity": Activity(SAID["l1"], SAID["l2"]),
    "max_norm": MaxNorm(SAID["limit"]),
}


def trained_as_torch_was(regularizer, dtype=np.float64):
    """Return the losses of a run on torch's data from torch's start, and the network."""
    x, labels = np.array(TORCH["x"], dtype), np.array(TORCH["labels"])
    plugins = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": regularizer}
    network = Network(x.shape[1], (6, 5), 3, **plugins, rows=len(x), dtype=dtype)
    for name, start in TORCH["start"].items():
        network.parameters.named[name].theta[...] = start
    rule = SGD(SAID["lr"])
    rule.bind(network.parameters)
    batches = made_batches(len(x), len(x), "epoch", np.random.default_rng(0))
    splits = Splits(Split(x, labels), None, None, 3, "torch's")
    records = train(network, rule, splits, steps=SAID["steps"], batches=batches, validate_every=10_000)
    return [record.value for record in records], network


@pytest.mark.parametrize("name", AS_TORCH)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 2e-4)])
def test_a_run_is_that_of_torch(name, dtype, rtol):
    losses, network = trained_as_torch_was(AS_TORCH[name], dtype)
    np.testing.assert_allclose(losses, TORCH[name]["losses"], rtol=rtol)
    for array, end in TORCH[name]["end"].items():
        np.testing.assert_allclose(network.parameters.named[array].theta, end, rtol=100 * rtol, atol=rtol)


@pytest.mark.parametrize(
    ("technique", "defaults"),
    [(Orthogonal, {"strength": 1e-4}), (MaxNorm, {"limit": 3.0}), (Activity, {"l1": 0.001, "l2": 0.0})],
)
def test_a_regularizer_without_settings_has_those_of_the_literature(technique, defaults):
    assert dataclasses.asdict(technique()) == defaults


@pytest.mark.parametrize("regularizer", [Orthogonal(0.3), Activity(0.3, 0.2), MaxNorm(0.1)], ids=str)
@pytest.mark.parametrize("layers", [{}, {"norm": BatchNorm(position="after")}, {"norm": BatchNorm()}], ids=str)
def test_the_gradient_of_a_whole_network_agrees_with_central_differences(regularizer, layers):
    network, (x, labels) = made_network(regularizer=regularizer, **layers), made_rows()
    expected = slopes(lambda: network.loss_and_gradient(x, labels), network.parameters.theta)
    network.loss_and_gradient(x, labels)
    np.testing.assert_allclose(network.parameters.grad, expected, rtol=1e-6, atol=1e-8)


def test_activity_sees_the_activations_before_dropout_and_norm_and_outside_training_nothing():
    network = made_network(regularizer=Activity(1.0, 0.5), norm=BatchNorm(position="after"), dropout=InvertedDropout(0.5))
    plain = made_network(norm=BatchNorm(position="after"), dropout=InvertedDropout(0.5))
    plain.parameters.theta[...] = network.parameters.theta
    x, labels = made_rows()
    weights, bias = (network.parameters.named[name].theta for name in ("W1", "b1"))
    bare = plain.loss_and_gradient(x, labels)
    activations = [layer.last[1] for layer in plain.layers if hasattr(layer, "last")]
    np.testing.assert_allclose(activations[0], np.tanh(x @ weights + bias))
    extra = sum((np.abs(a).sum() + 0.5 * (a * a).sum()) / len(x) for a in activations)
    assert network.loss_and_gradient(x, labels) == pytest.approx(bare + extra)
    network.parameters.theta[...] = plain.parameters.theta
    assert network.evaluate(x, labels) == plain.evaluate(x, labels)


def test_an_orthogonal_matrix_costs_nothing_and_the_wide_and_the_high_are_alike():
    rng, strength = np.random.default_rng(0), 0.7
    high = np.linalg.qr(rng.standard_normal((6, 4)))[0]
    for matrix in (high, high.T):
        grad = np.zeros(matrix.shape)
        Orthogonal(strength).add_gradient({"W1": matrix.copy()}, {"W1": grad})
        assert Orthogonal(strength).penalty({"W1": matrix.copy()}) == pytest.approx(0, abs=1e-28)
        np.testing.assert_allclose(grad, 0, atol=1e-14)
    wide = rng.standard_normal((3, 5))  # as the paper writes it, the columns of a wide matrix: more by 5 - 3, the same gradient
    literally, grad = float(np.square(wide.T @ wide - np.eye(5)).sum()), np.zeros(wide.shape)
    assert Orthogonal(strength).penalty({"W1": wide}) == pytest.approx(strength * (literally - 2))
    Orthogonal(strength).add_gradient({"W1": wide}, {"W1": grad})
    np.testing.assert_allclose(grad, 4 * strength * wide @ (wide.T @ wide - np.eye(5)), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limit", [1e-30, 0.5, 5.0, 1e30])
def test_max_norm_shortens_each_units_weights_to_the_limit_and_leaves_shorter_ones_to_the_bit(dtype, limit):
    columns = np.array([[3.0, 0.0, 0.3], [4.0, 0.0, 0.4]], dtype)
    expected = [columns[:, j].astype(float) * min(1, limit / length) for j, length in enumerate((5.0, 1.0, 0.5))]
    before = columns.copy()
    MaxNorm(limit).project({"W1": columns})
    np.testing.assert_allclose(columns, np.stack(expected, axis=1), rtol=4 * np.finfo(dtype).eps)
    if limit >= 6:
        np.testing.assert_array_equal(columns, before)


def test_max_norm_takes_the_last_axis_of_an_array_for_the_units():
    array = np.random.default_rng(0).standard_normal((3, 2, 4))
    flat = array.reshape(6, 4).copy()
    MaxNorm(1.0).project({"W1": array})
    MaxNorm(1.0).project({"W1": flat})
    np.testing.assert_array_equal(array.reshape(6, 4), flat)


def test_after_every_update_no_unit_of_a_network_is_longer_than_allowed_and_biases_are_left_alone():
    _, network = trained_as_torch_was(MaxNorm(0.5))
    _, free = trained_as_torch_was(NoRegularizer())
    lengths = {name: np.linalg.norm(array.theta, axis=0) for name, array in network.parameters.named.items() if name[0] == "W"}
    assert all(length.max() <= 0.5 * (1 + 1e-12) for length in lengths.values())
    assert np.linalg.norm(network.parameters.named["b1"].theta) > 0.5
    assert np.linalg.norm(free.parameters.named["W1"].theta, axis=0).max() > 0.5


def test_a_regularizer_need_not_inherit_its_contract():
    class Own:
        def penalty(self, weights):
            return 0.0

        def add_gradient(self, weights, grad):
            pass

        def decay(self, weights, lr):
            pass

        def project(self, layers):
            for array in layers.values():
                array[...] = 1.0

    _, network = trained_as_torch_was(Own())
    assert (network.parameters.named["W2"].theta == 1).all()
    assert network.penalty.project is not None
    assert made_network(regularizer=NoRegularizer()).penalty.project is None
