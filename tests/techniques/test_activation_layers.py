"""Activations that are layers: each against torch or a closed form, alone and in networks with batch norm and dropout."""

import numpy as np
import pytest

from nnreg.contracts import Layer
from nnreg.records.folder import read_history
from nnreg.registry import entries
from nnreg_std.activations.glu import GLU
from nnreg_std.activations.maxout import Maxout
from nnreg_std.activations.prelu import PReLU
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.rrelu import RReLU
from nnreg_std.activations.softmax import Softmax
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.regularizers.l2 import L2
from tests.techniques.layers import assert_allocates_no_batch, bound, made_network, made_rows, oracle, slopes

ORACLE = oracle("activation_layers")
LAYERS = {
    name: entries.load_class(entry)
    for name, entry in entries.techniques("activation").items()
    if issubclass(entries.load_class(entry), Layer)
}
DTYPES = pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-13), (np.float32, 2e-5)], ids=["float64", "float32"])


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: f"{case['name']}-{case['settings']}")
@DTYPES
def test_outputs_and_gradients_are_those_of_torch(case, dtype, error):
    x, dy = np.array(ORACLE["x"], dtype), np.array(case["dy"], dtype)
    layer, parameters = bound(LAYERS[case["name"]](**case["settings"]), x.shape[1], len(x), dtype)
    parameters.theta[...] = case["parameters"]
    np.testing.assert_allclose(layer.forward(x, training=False), case["y"], rtol=error, atol=error)
    if case["name"] == "rrelu":
        return  # in training it draws
    layer.forward(x, training=True)
    np.testing.assert_allclose(layer.backward(dy), case["dx"], rtol=error, atol=error)
    np.testing.assert_allclose(parameters.grad, case["gradients"], rtol=error, atol=error)


def test_every_layer_that_torch_has_was_compared_with_it():
    assert set(LAYERS) - {case["name"] for case in ORACLE["cases"]} == {"maxout"}


NETWORKS = {
    "alone": {},
    "batch norm before": {"norm": BatchNorm()},
    "batch norm after, and dropout": {"norm": BatchNorm(position="after"), "dropout": InvertedDropout(0.3)},
}


@pytest.mark.parametrize("blocks", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_of_a_whole_network_is_that_of_central_differences(name, blocks):
    masks = np.random.default_rng(5)
    network = made_network(activation=LAYERS[name](), regularizer=L2(0.1), masks=masks, hidden=(6, 4), **blocks)
    rows, stream, theta = made_rows(), masks.bit_generator.state, network.parameters.theta

    def loss():
        masks.bit_generator.state = stream
        return network.loss_and_gradient(*rows)

    loss()
    backpropagated = network.parameters.grad.copy()
    measured = slopes(loss, theta, h=2e-6)
    assert np.abs(backpropagated - measured).max() < 1e-8
    assert np.abs(backpropagated - measured).mean() < 1e-9


@pytest.mark.parametrize("name", ["prelu", "rrelu", "softmax"])
def test_a_step_allocates_no_batch(name):
    assert_allocates_no_batch(bound(LAYERS[name](), 64, 4096, np.float32)[0])


# PReLU


def test_the_leak_of_prelu_starts_as_asked_and_does_not_decay():
    for layer, count in ((PReLU(), 5), (PReLU(0.1, shared=True), 1)):
        width, (shape,) = layer.build(5)
        assert (width, shape.shape, shape.decays, shape.start) == (5, (count,), False, layer.start)


def test_a_prelu_without_a_leak_is_relu_and_one_of_a_hundredth_leaky_relu():
    x = made_rows()[0]
    for start in (0.0, 0.01):
        layer, _ = bound(PReLU(start), x.shape[1])
        np.testing.assert_array_equal(layer.forward(x, training=True), np.maximum(x, start * x) + 0.0)
        np.testing.assert_array_equal(layer.backward(np.ones_like(x)), np.where(x > 0, 1, start))


def test_a_network_of_prelus_learns_its_leaks_and_no_penalty_reaches_them():
    network, rows = made_network(activation=PReLU(), regularizer=L2(5.0)), made_rows()
    assert [name for name in network.parameters.named if name[0] == "a"] == ["a1", "a2"]
    network.loss_and_gradient(*rows)
    with_penalty = network.parameters.named["a1"].grad.copy()
    twin = made_network(activation=PReLU())
    twin.loss_and_gradient(*rows)
    np.testing.assert_array_equal(twin.parameters.named["a1"].grad, with_penalty)
    assert with_penalty.any()


# RReLU


def test_slopes_of_rrelu_are_uniform_and_new_for_every_unit_row_and_step():
    x, rng = -np.ones((500, 40)), np.random.default_rng(0)
    layer, _ = bound(RReLU(0.1, 0.5), 40, 500, rng=rng)
    first, second = (-layer.forward(x, training=True).copy() for _ in range(2))
    assert not (first == second).any()
    assert len(np.unique(first)) > 0.99 * first.size
    assert 0.1 <= first.min() < 0.101
    assert 0.499 < first.max() <= 0.5
    assert first.mean() == pytest.approx(0.3, abs=4 * 0.4 / np.sqrt(12 * first.size))
    assert first.std() == pytest.approx(0.4 / np.sqrt(12), rel=0.02)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), second)
    np.testing.assert_allclose(layer.forward(x, training=False), -0.3, rtol=1e-15)


def test_slopes_of_rrelu_are_the_same_in_either_precision():
    drawn = []
    for dtype in (np.float32, np.float64):
        layer, _ = bound(RReLU(), 8, 50, dtype, np.random.default_rng(3))
        drawn.append(layer.forward(-np.ones((50, 8), dtype), training=True).copy())
    np.testing.assert_allclose(drawn[0], drawn[1], rtol=1e-6)


def test_an_rrelu_of_one_slope_is_leaky_relu():
    x = made_rows()[0]
    layer, _ = bound(RReLU(0.2, 0.2), x.shape[1])
    np.testing.assert_allclose(layer.forward(x, training=True), np.maximum(x, 0.2 * x), rtol=1e-15)


def test_a_slope_of_rrelu_out_of_its_range_is_refused():
    with pytest.raises(ValueError, match="upper"):
        RReLU(0.5, 1.5)


# Softmax, GLU, maxout


def test_softmax_units_share_one_and_a_common_shift_changes_nothing():
    x = 100 * made_rows()[0]
    layer, _ = bound(Softmax(), x.shape[1])
    y = layer.forward(x, training=True).copy()
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(layer.forward(x + 1e4, training=True), y, rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(layer.backward(np.ones_like(x)), 0, atol=1e-15)


def test_glu_with_open_gates_is_the_identity_and_with_shut_ones_zero():
    values = made_rows()[0]
    for gate, factor in ((50.0, 1.0), (-50.0, 0.0), (0.0, 0.5)):
        x = np.hstack([values, np.full_like(values, gate)])
        layer, _ = bound(GLU(), x.shape[1])
        np.testing.assert_allclose(layer.forward(x, training=True), factor * values, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("pieces", [2, 3, 6])
def test_maxout_is_the_largest_of_neighbouring_pieces(pieces):
    x = np.random.default_rng(0).standard_normal((7, 6))
    layer, _ = bound(Maxout(pieces), 6, 7)
    y, dy = layer.forward(x, training=True).copy(), np.random.default_rng(1).standard_normal((7, 6 // pieces))
    dx = layer.backward(dy)
    for row in range(7):
        for unit in range(6 // pieces):
            part = slice(unit * pieces, (unit + 1) * pieces)
            largest = max(x[row, part])
            assert y[row, unit] == largest
            np.testing.assert_array_equal(dx[row, part], [dy[row, unit] * (z == largest) for z in x[row, part]])


def test_of_pieces_that_tie_the_first_takes_the_gradient():
    layer, _ = bound(Maxout(3), 3, 1)
    layer.forward(np.array([[1.0, 2.0, 2.0]]), training=True)
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1))), [[0, 1, 0]])


def test_maxout_of_a_map_and_zero_is_relu():
    x = made_rows()[0]
    twin, out = ReLU(), np.empty_like(x)
    twin.forward(x, out=out)
    layer, _ = bound(Maxout(2), 2 * x.shape[1])
    np.testing.assert_array_equal(layer.forward(np.stack([x, 0 * x], axis=2).reshape(len(x), -1), training=True), out)


# In runs


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["activation=glu", "hidden=[101]"], "activation=glu does not fit hidden=[101]: it needs an even number of units, "
         "got 101: use 100 or 102"),
        (["activation=glu", "hidden=[100,1]"], "activation=glu does not fit hidden=[100,1]: it needs an even number of units, "
         "got 1: use 2"),
        (["activation=maxout", "activation.pieces=3", "hidden=[99,100]"], "activation=maxout does not fit hidden=[99,100]: it "
         "needs a multiple of 3 units, one for each of its pieces, got 100: use 99 or 102"),
        (["activation=glu", "network=residual", "hidden=[7]"], "activation=glu does not fit hidden=[7]: it needs an even "
         "number of units, got 7: use 6 or 8"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("task", ["train", "activations"])
def test_a_width_that_does_not_fit_is_refused_in_one_line(nnreg, project, task, words, complaint):
    answer = nnreg(f"task={task}", *words)
    assert answer.code == 2
    assert answer.complaint == f"nnreg: {complaint}"
    assert not list(project.glob("runs/*"))


def test_a_width_that_the_network_chose_is_not_blamed_on_hidden(nnreg):
    answer = nnreg("activation=glu", "network=convolutional", "network.channels=[15]", "hidden=[20]")
    assert answer.complaint == (
        "nnreg: activation=glu does not fit network=convolutional hidden=[20]: it needs an even number of units, got 15: "
        "use 14 or 16"
    )


@pytest.mark.long
@pytest.mark.parametrize("name", LAYERS)
def test_diagnostics_measure_a_layer_and_training_does_not_notice(nnreg, project, name):
    words = (f"activation={name}", "hidden=[12,12]", "batch=32", "norm=batch_norm", "dropout=dropout", "steps=12")
    for choice in ("on", "off"):
        assert nnreg(*words, f"diagnostics={choice}", "diagnostics_every=4", f"hydra.run.dir={choice}").code == 0
    told, plain = read_history(project / "on"), read_history(project / "off")
    assert [record for record in told if record.metric in plain.metrics] == list(plain)
    assert (project / "on" / "diagnostics.png").exists()
    measured = {metric.partition("/")[0] for metric in told.metrics}
    assert {"activation_mean", "activation_std"} <= measured
    assert ({"saturated", "dead"} <= measured) == LAYERS[name].elementwise
