"""Inits that settle the filled network: LSUV against its promise, and a start from what another run ended with."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from nnreg.contracts import Layer
from nnreg.engine.settling import Filled, arrays_of, settle
from nnreg.records.files import write_arrays
from nnreg.records.folder import read_history, read_summary
from nnreg.registry import entries
from nnreg_std.activations.relu import ReLU
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.inits.constant import Constant
from nnreg_std.inits.lsuv import LSUV
from nnreg_std.inits.orthogonal import Orthogonal
from nnreg_std.inits.saved import Saved
from nnreg_std.norms.batch_norm import BatchNorm
from tests.records.hostile import ARCHIVES, SPECIAL
from tests.techniques.layers import made_network, made_rows

DEEP = (60,) * 10
ROWS = made_rows(500)[0]


def started(init, activation=None, bias=None, **plugins):
    """Return a deep network as a run starts it, and what it may be asked."""
    masks = np.random.default_rng(3)
    network = made_network(activation=activation or ReLU(), hidden=DEEP, rows=500, masks=masks, **plugins)
    network.initialise(init, np.random.default_rng(0), bias)
    settle(network, init, lambda: ROWS, masks)
    return network, Filled(network, masks)


def made(name):
    return entries.load_class(entries.find_technique("activation", name))()


# LSUV


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(entries.techniques("activation")) - {"step", "softmax"}))
def test_every_layer_puts_out_a_standard_deviation_of_one(name):
    network, filled = started(LSUV(), made(name))
    spreads = [filled.outputs(f"W{number}", ROWS).std() for number in range(1, 12)]
    np.testing.assert_allclose(spreads, 1, atol=0.005)
    assert isinstance(made(name), Layer) or network.layers


@pytest.mark.long
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("blocks", [{"norm": BatchNorm()}, {"dropout": InvertedDropout(0.5)}], ids=["norm", "dropout"])
def test_so_it_is_with_norm_and_dropout_and_a_bias_as_training_begins(blocks, dtype):
    masks = np.random.default_rng(3)
    network = made_network(activation=ReLU(), hidden=DEEP, rows=500, masks=masks, dtype=dtype, **blocks)
    network.initialise(LSUV(), np.random.default_rng(0), Constant(0.3))
    before = masks.bit_generator.state
    settle(network, LSUV(), lambda: ROWS.astype(dtype), masks)
    assert masks.bit_generator.state == before
    filled = Filled(network, masks)
    spreads = [filled.outputs(f"W{number}", ROWS.astype(dtype)).std() for number in range(1, 12)]
    np.testing.assert_allclose(spreads, 1, atol=0.006)


@pytest.mark.long
def test_weights_are_orthogonal_ones_scaled_by_one_number_a_layer():
    network, _ = started(LSUV())
    twin, _ = started(Orthogonal())
    for name, (theta, _) in network.parameters.named.items():
        if name.startswith("W"):
            ratio = theta / twin.parameters.named[name].theta
            np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-9)
    assert twin.parameters.named["W1"].theta.std() != pytest.approx(network.parameters.named["W1"].theta.std(), rel=0.01)


@pytest.mark.long
def test_of_a_wide_tolerance_what_is_near_stays_as_it_is():
    (strict, _), (loose, _) = started(LSUV()), started(LSUV(tolerance=0.9))
    plain, _ = started(Orthogonal())
    np.testing.assert_array_equal(loose.parameters.named["W1"].theta, plain.parameters.named["W1"].theta)
    assert (strict.parameters.theta != loose.parameters.theta).any()


def test_a_layer_that_puts_out_one_number_for_all_is_left_alone():
    network = made_network(hidden=(5,), rows=500)
    network.initialise(LSUV(), np.random.default_rng(0))
    settle(network, LSUV(), lambda: np.zeros_like(ROWS), np.random.default_rng(0))
    assert np.isfinite(network.parameters.theta).all()


# A saved network


@pytest.fixture
def trained(tmp_path):
    """Write a network to a file, and return both."""
    network = made_network(norm=BatchNorm())
    network.loss_and_gradient(*made_rows())
    write_arrays(tmp_path / "network.npz", arrays_of(network))
    return network, tmp_path / "network.npz"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_parameter_and_running_mean_is_taken(trained, dtype):
    network, file = trained
    other = made_network(norm=BatchNorm(), dtype=dtype)
    for path in (file, file.parent):
        other.parameters.theta[...] = 9
        settle(other, Saved(str(path)), lambda: ROWS, np.random.default_rng(0))
        for name, array in arrays_of(other).items():
            np.testing.assert_array_equal(array, arrays_of(network)[name].astype(dtype))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"hidden": (5, 6)}, r"is of another network: W2 is \(5, 4\) there and \(5, 6\) here$"),
        ({"hidden": (5, 4, 4)}, r"is of another network: it lacks W4, b4, beta3, gamma3, 7.running_mean"),
        ({"hidden": (5,)}, r"is of another network: it has besides W3, b3, beta2, gamma2"),
        ({"norm": None}, r"is of another network: it has besides beta1, beta2, gamma1, gamma2, 1.running_mean"),
    ],
)
def test_a_network_of_another_shape_is_refused_with_the_first_difference(trained, changes, complaint):
    _, file = trained
    other = made_network(**{"norm": BatchNorm()} | changes)
    with pytest.raises(ValueError, match=complaint):
        settle(other, Saved(str(file)), lambda: ROWS, np.random.default_rng(0))


def refused(file):
    """Return the one line with which a file is refused."""
    with pytest.raises((ValueError, OSError)) as caught:
        settle(made_network(), Saved(str(file)), lambda: ROWS, np.random.default_rng(0))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.long
@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_file_made_to_do_harm_is_refused_and_does_none(tmp_path, kind):
    (tmp_path / "network.npz").write_bytes(ARCHIVES[kind]())
    assert str(tmp_path / "network.npz") in refused(tmp_path)


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_or_has_no_end_is_not_read(tmp_path, kind):
    SPECIAL[kind](tmp_path / "network.npz")
    assert {"pipe": "is no file", "device": "is no file", "sparse file": "more than this network has"}[kind] in refused(
        tmp_path
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda array: array.astype(complex), "is damaged or holds no plain arrays"),
        (lambda array: array.astype(int), "is damaged or holds no plain arrays"),
        (lambda array: np.full_like(array, "x", dtype=object), "is damaged or holds no plain arrays"),
        (lambda array: array * np.nan, "holds numbers in W2 that are not finite: that run diverged"),
        (lambda array: array.reshape(-1), r"W2 is (20,) there and (5, 4) here"),
    ],
)
def test_arrays_that_are_no_weights_are_refused(tmp_path, change, complaint):
    arrays = dict(arrays_of(made_network()))
    arrays["W2"] = change(arrays["W2"])
    np.savez(tmp_path / "network.npz", **arrays)
    assert complaint in refused(tmp_path)


def test_a_packed_file_is_refused_and_columns_first_are_understood(tmp_path):
    network = made_network()
    np.savez_compressed(tmp_path / "network.npz", **arrays_of(network))
    assert "is packed: save it with np.savez" in refused(tmp_path)
    np.savez(tmp_path / "network.npz", **{name: np.asfortranarray(array) for name, array in arrays_of(network).items()})
    other = made_network()
    other.parameters.theta[...] = 0
    settle(other, Saved(str(tmp_path)), lambda: ROWS, np.random.default_rng(0))
    np.testing.assert_array_equal(other.parameters.theta, network.parameters.theta)


def test_a_file_that_is_cut_off_is_refused(trained):
    _, file = trained
    file.write_bytes(file.read_bytes()[:-40])
    assert "is damaged" in refused(file)


# In runs


BARE = ("hidden=[12,8]", "batch=32", "tracking=off")
WORDS = (*BARE, "norm=batch_norm")


@pytest.mark.parametrize("rule", ["sgd", "ema+sgd"])  # the network that a run keeps is the one that it evaluates
def test_a_run_goes_on_from_where_another_ended(nnreg, project, rule):
    assert nnreg(*WORDS, f"optimizer={rule}", "steps=30", "hydra.run.dir=first").code == 0
    with zipfile.ZipFile(project / "first" / "network.npz") as archive:
        assert {"W1.npy", "b3.npy", "gamma2.npy", "1.running_mean.npy"} <= set(archive.namelist())
    answer = nnreg(*WORDS, "init=saved", "init.file=first/network.npz", "steps=1", "optimizer.lr=1e-30", "hydra.run.dir=next")
    assert answer.code == 0
    first, again = (read_history(project / name) for name in ("first", "next"))
    assert again.series("start/train_loss")[1] == first.series("final/train_loss")[1]


def test_the_test_accuracy_at_the_start_is_that_with_which_the_run_ended(nnreg, project):
    assert nnreg(*BARE, "steps=30", "hydra.run.dir=first").code == 0
    nnreg(*BARE, "steps=1", "init=saved", "init.file=first", "optimizer.lr=1e-30", "hydra.run.dir=next")
    ends = [read_summary(project / name)["metrics"] for name in ("first", "next")]
    assert ends[0]["test/accuracy"] == ends[1]["test/accuracy"]
    assert ends[0]["test/loss"] == ends[1]["test/loss"]


def test_a_run_that_failed_to_train_leaves_its_network_and_one_that_diverged_does_not(nnreg, project):
    nnreg(*BARE, "steps=3", "optimizer.lr=30", "hydra.run.dir=failed")
    assert read_summary(project / "failed")["status"] == "failed_to_train"
    assert (project / "failed" / "network.npz").exists()
    nnreg(*BARE, "steps=50", "optimizer.lr=1e20", "hydra.run.dir=diverged")
    assert read_summary(project / "diverged")["status"] == "diverged"
    assert not (project / "diverged" / "network.npz").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["init=saved"], "init=saved needs a value for file: add init.file=VALUE"),
        (
            ["init=saved", "init.file=x"],
            "init=saved: there is no file {project}/x: init.file is network.npz of a run that ended",
        ),
    ],
)
def test_a_start_that_is_not_there_is_said_in_one_line(nnreg, project, words, complaint):
    answer = nnreg(*words)
    assert answer.code == 2
    assert answer.complaint == f"nnreg: {complaint.format(project=project)}"


def test_a_look_at_untrained_layers_sees_them_settled(nnreg, project):
    answer = nnreg(
        "task=activations", "init=lsuv", "activation=identity", "hidden=[20,20,20]", "batch=64", "hydra.run.dir=look"
    )
    assert answer.code == 0
    np.testing.assert_allclose(read_history(project / "look").series("outputs/std")[1], 1, atol=0.005)
