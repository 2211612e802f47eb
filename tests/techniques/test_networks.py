"""Networks: what they are composed of, that mlp is what the engine composes by itself, and what is refused in a line."""

import numpy as np
import pytest

from nnreg.contracts import Architecture, Layer, Place, Split, Splits
from nnreg.engine.containers import every_layer
from nnreg.engine.diagnostics import Diagnostics
from nnreg.engine.history import TRAIN_LOSS, Record
from nnreg.engine.network import Network
from nnreg.engine.residual import Residual as ResidualLayer
from nnreg.engine.rows import reconstructing
from nnreg.records.folder import read_history, read_summary
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.tanh import Tanh
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.inits.glorot import Glorot
from nnreg_std.inits.he import He
from nnreg_std.losses.mse import MSE
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.networks.autoencoder import Autoencoder
from nnreg_std.networks.convolutional import Convolutional
from nnreg_std.networks.mlp import MLP
from nnreg_std.networks.residual import Residual
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.regularizers.none import NoRegularizer

SHAPE, CLASSES, ROWS = (8, 8), 3, 6
X, Y = np.random.default_rng(0).standard_normal((ROWS, 64)), np.arange(ROWS) % CLASSES


def make(architecture, hidden=(5, 4), shape=SHAPE, features=64, **chosen):
    plugins = {
        "activation": ReLU(),
        "loss": SoftmaxCrossEntropy(),
        "regularizer": NoRegularizer(),
        "dtype": np.float64,
    } | chosen
    network = Network(features, hidden, CLASSES, architecture=architecture, shape=shape, rows=ROWS, **plugins)
    network.initialise(He(), np.random.default_rng(1))
    return network


def names(network):
    return [type(layer).__name__ for layer in every_layer(network.layers)]


def shapes(network):
    return {name: weights.theta.shape for name, weights in network.parameters.named.items()}


def test_mlp_is_what_is_composed_where_none_is_chosen_to_the_bit():
    ways = []
    for architecture in (None, MLP()):
        norm, dropout = BatchNorm(), InvertedDropout(rate=0.2)
        network = make(architecture, norm=norm, dropout=dropout, masks=np.random.default_rng(3))
        ways.append((names(network), network.loss_and_gradient(X, Y), network.parameters.grad, [*network.state()]))
    (kinds, loss, grad, state), other = ways
    assert (kinds, loss, state) == (other[0], other[1], other[3])
    np.testing.assert_array_equal(grad, other[2])
    assert kinds == ["Affine", "BatchNorm", "Elementwise", "InvertedDropout"] * 2 + ["Affine"]


def test_a_convolutional_network_is_two_convolutions_with_pooling_and_hidden_layers():
    network = make(Convolutional(channels=(2, 3)))
    block = ["Convolution", "Elementwise", "Pool"]
    assert names(network) == ["Reshape", *block, *block, "Affine", "Elementwise", "Affine", "Elementwise", "Affine"]
    weights = {name: shape for name, shape in shapes(network).items() if name[0] == "W"}
    assert weights == {"W1": (9, 2), "W2": (18, 3), "W3": (12, 5), "W4": (5, 4), "W5": (4, 3)}
    assert network.parameters.places["W2"] == Place("W2", 2, 5, "weight", 18, 27, network.parameters.places["W1"].gain)


def test_a_norm_sees_every_position_as_a_row():
    network = make(Convolutional(channels=(2, 3)), norm=BatchNorm())
    assert shapes(network)["gamma2"] == (3,)
    network.loss_and_gradient(X, Y)
    norm = network.layers[2]
    assert isinstance(norm, BatchNorm)
    assert norm.forward(np.ones((ROWS * 64, 2)), training=True).shape == (ROWS * 64, 2)


def test_colours_are_channels():
    network = make(Convolutional(channels=(2,)), shape=(4, 4, 4))
    assert shapes(network)["W1"] == (36, 2)


def test_a_residual_network_adds_and_projects_where_the_width_changes():
    network = make(Residual(), hidden=(5, 5, 4))
    blocks = [layer for layer in network.layers if isinstance(layer, ResidualLayer)]
    assert [block.shortcut is not None for block in blocks] == [False, False, True]
    weights = [shape for name, shape in shapes(network).items() if name[0] == "W"]
    assert weights == [(64, 5), (5, 5), (5, 5), (5, 5), (5, 5), (5, 4), (4, 4), (5, 4), (4, 3)]


def test_a_residual_block_is_what_it_says():
    network = make(Residual(), hidden=(4,), activation=Tanh())
    w, b = ({i: network.parameters.named[f"{name}{i}"].theta for i in range(1, 5)} for name in "Wb")
    h = X @ w[1] + b[1]
    h = h + np.tanh(np.tanh(h) @ w[2] + b[2]) @ w[3] + b[3]
    np.testing.assert_allclose(network.forward(X, training=False), np.tanh(h) @ w[4] + b[4], rtol=1e-12)


class Downwards(Architecture):
    """A residual over a convolution with a stride, whose shortcut is a convolution too; and running means inside it."""

    def stack(self, parts, inputs, outputs):
        body = parts.residual(parts.hidden(), parts.convolution(3, 3, 2, 1), parts.hidden())
        return parts.sequence(parts.convolution(2, 3, 1, 1), body, parts.affine(outputs))


@pytest.mark.parametrize("norm", [None, BatchNorm()], ids=["plain", "batch norm"])
@pytest.mark.parametrize(
    "architecture", [Convolutional(channels=(2, 3)), Residual(), Downwards()], ids=lambda a: type(a).__name__
)
def test_every_gradient_agrees_with_central_differences(architecture, norm):
    network = make(architecture, activation=Tanh(), norm=norm)
    theta = network.parameters.theta
    theta += 0.1 * np.random.default_rng(4).standard_normal(theta.size)
    network.loss_and_gradient(X, Y)
    written, measured = network.parameters.grad.copy(), np.empty_like(theta)
    for i, start in enumerate(theta.copy()):
        ends = []
        for h in (1e-6, -1e-6):
            theta[i] = start + h
            ends.append(network.loss_and_gradient(X, Y))
        theta[i] = start
        measured[i] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(written, measured, rtol=1e-6, atol=1e-8)


def test_layers_inside_layers_keep_their_state_and_collect_it_anew():
    network = make(Downwards(), norm=BatchNorm())
    assert len(network.state()) == 4
    network.loss_and_gradient(X, Y)
    kept = {name: array.copy() for name, array in network.state().items()}
    network.loss_and_gradient(X, Y)
    network.renew([X])
    for name, array in network.state().items():
        assert not np.array_equal(array, kept[name])


def test_convolutions_are_measured_too_and_a_projection_has_no_activation():
    network = make(Downwards(), activation=ReLU())

    def records():
        network.loss_and_gradient(X, Y)
        yield Record(0, TRAIN_LOSS, 1.0)
        network.parameters.theta[...] *= 0.5
        yield Record(1, TRAIN_LOSS, 1.0)

    measured = {record.metric: record.value for record in Diagnostics(network, 1).watch(records()) if record.step == 0}
    assert measured["distinct_units/layer1"] == 2
    assert measured["update_ratio/layer2"] == pytest.approx(0.5)
    assert [name for name in measured if name.startswith("dead")] == ["dead/layer1", "dead/layer2"]
    assert "weight_norm/layer3" in measured


class TwoPlaces(Architecture):
    def stack(self, parts, inputs, outputs):
        layer = parts.affine(outputs)
        return parts.sequence(layer, parts.hidden(), layer)


class Nothing(Architecture):
    def stack(self, parts, inputs, outputs):
        return None


@pytest.mark.parametrize(
    ("architecture", "said"), [(TwoPlaces(), "one layer in two places"), (Nothing(), "returned a NoneType")]
)
def test_what_is_no_network_is_said(architecture, said):
    with pytest.raises(TypeError, match=said):
        make(architecture)


class Flattened(Architecture):
    def stack(self, parts, inputs, outputs):
        return parts.sequence(parts.affine(10), parts.convolution(2, 3), parts.affine(outputs))


def test_neighbours_are_forgotten_where_rows_have_become_something_else():
    with pytest.raises(ValueError, match=r"^10 units have no shape any more"):
        make(Flattened())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["dataset=iris"],
            "network=convolutional does not fit dataset=iris: a convolution looks at neighbours, and these rows",
        ),
        (
            ["network.kernel=30"],
            "network=convolutional does not fit dataset=digits: a kernel of 30 x 30 is larger than an image of 8 x 8",
        ),
        (["network.channels=[4,4,4,4]"], "network=convolutional does not fit dataset=digits: pooling 1 x 1 positions"),
        (["network.channels=[0]"], "network=convolutional: channels must list at least one number of 1 or more"),
    ],
)
def test_a_network_whose_layers_do_not_fit_is_refused_in_one_line(nnreg, project, words, said):
    answer = nnreg("network=convolutional", "batch=30", "steps=3", *words)
    assert said in answer.complaint
    assert answer.code == 2
    assert list(project.iterdir()) == []


@pytest.mark.long
def test_in_a_sweep_those_that_fit_are_trained(nnreg, project):
    answer = nnreg("-m", "network=mlp,convolutional", "dataset=iris", "batch=30", "steps=3")
    assert answer.code == 1
    assert "FAILED  network=convolutional does not fit dataset=iris" in answer.out
    assert sorted(read_summary(file.parent)["status"] for file in project.glob("runs/*/*/summary.json")) == [
        "failed",
        "finished",
    ]


@pytest.mark.long
@pytest.mark.parametrize("network", ["residual", "convolutional"])
def test_a_run_says_its_network_and_is_resumed_and_rerun(nnreg, project, network):
    words = (f"network={network}", "hidden=[8]", "batch=16", "norm=batch_norm", "diagnostics=on", "diagnostics_every=2")
    words = (*words, "validate_every=2", "checkpoint_seconds=0")
    answer = nnreg(*words, "steps=4", "hydra.run.dir=one")
    assert answer.code == 0, answer.err
    assert f"{network}" in answer.out
    assert nnreg("resume", "one", "steps=6").code == 0
    assert nnreg(*words, "steps=6", "hydra.run.dir=two").code == 0
    one, two = (read_history(project / name) for name in ("one", "two"))
    assert set(one.metrics) == set(two.metrics)
    for metric in set(one.metrics) - {"final/train_loss", "test/loss", "test/accuracy"}:
        np.testing.assert_array_equal(one.finite(metric), two.finite(metric), err_msg=metric)


def test_layers_that_know_nothing_of_positions_answer_wherever_they_are_asked():
    assert Layer.locate(BatchNorm(), (3, 4)) == (3, 4)


def test_an_autoencoder_narrows_to_its_code_and_widens_again():
    network = Network(
        64, (9, 4, 2), 64, architecture=Autoencoder(), activation=ReLU(), loss=MSE(), regularizer=NoRegularizer(), rows=3
    )
    assert [shape[1] for name, shape in shapes(network).items() if name[0] == "W"] == [9, 4, 2, 4, 9, 64]


def test_the_targets_of_an_autoencoder_are_the_rows_as_the_network_is_given_them():
    pixels = Split(np.array([[0, 255], [51, 102], [255, 0]], np.uint8), np.array([0, 1, 1]))
    splits = reconstructing(Splits(pixels, pixels, None, outputs=2, source="made up", divisor=255, shape=(1, 2)))
    assert (splits.targets, splits.outputs, splits.shape) == ("values", 2, (1, 2))
    assert splits.valid.y.dtype == np.float32
    np.testing.assert_allclose(splits.train.y, pixels.x / 255, rtol=1e-6)


@pytest.mark.long
def test_an_autoencoder_is_measured_by_r2_and_has_no_accuracy(nnreg, project):
    words = ("network=autoencoder", "hidden=[32]", "steps=300", "optimizer=adam", "optimizer.lr=0.01", "activation=tanh")
    answer = nnreg(*words, "loss=mse", "watch_train=true", "hydra.run.dir=run")
    assert answer.code == 0, answer.err
    summary = read_summary(project / "run")
    assert summary["metrics"]["valid/r2_final"] > 0.4
    assert summary["metrics"]["test/r2"] > 0.4
    assert not any("accuracy" in metric for metric in summary["metrics"])
    assert (summary["dataset"]["features"], summary["dataset"]["outputs"]) == (64, 64)


@pytest.mark.long
@pytest.mark.parametrize("sweep", [(), ("-m", "seed=1,2")], ids=["run", "sweep"])
def test_an_autoencoder_with_a_loss_for_classes_is_refused_before_the_first_step(nnreg, project, sweep):
    answer = nnreg(*sweep, "network=autoencoder", "steps=3")
    said = "network=autoencoder has the rows themselves as targets, which are values, loss=softmax_cross_entropy takes classes"
    assert said in answer.complaint
    assert "use loss=mse" in answer.complaint
    assert answer.code == 2
    assert list(project.iterdir()) == []


FANS = {"glorot": (Glorot(), 9 * (16 + 64) / 2), "he": (He(), 9 * 16 / 2), "he backwards": (He(mode="fan_out"), 9 * 64 / 2)}


@pytest.mark.parametrize(("init", "precision"), FANS.values(), ids=FANS)
def test_the_fans_of_a_filter_are_those_of_torch(init, precision):
    network = make(Convolutional(channels=(16, 64), kernel=3))
    network.initialise(init, np.random.default_rng(0))
    drawn = network.parameters.named["W2"].theta
    assert drawn.var() == pytest.approx(1 / precision, rel=0.05)
