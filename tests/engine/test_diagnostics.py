"""What the diagnostics of a network's layers say, and that training does not notice them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from nnreg.contracts import Split, Splits
from nnreg.engine.diagnostics import OF_ACTIVATIONS, OF_WEIGHTS, Diagnostics, steepest_slope
from nnreg.engine.history import TRAIN_LOSS, History, Record, layer_metrics
from nnreg.engine.layers import one_unit
from nnreg.engine.network import Network
from nnreg.engine.training import train
from nnreg.registry import entries
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.sigmoid import Sigmoid
from nnreg_std.activations.tanh import Tanh
from nnreg_std.inits.he import He
from nnreg_std.inits.lecun import LeCun
from nnreg_std.inits.normal import Normal
from nnreg_std.inits.zeros import Zeros
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer
from tests.engine.drawing import made_batches

pytestmark = pytest.mark.usefixtures("undrawn")

FEATURES, OUTPUTS = 6, 3


def made(kind, name, **parameters):
    return entries.load_class(entries.find_technique(kind, name))(**parameters)


def make_network(hidden=(5, 4), activation=None, init=None, rows=8, features=FEATURES, dtype=np.float64, **plugins):
    chosen = {"activation": activation or Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer()} | plugins
    network = Network(features, hidden, OUTPUTS, **chosen, rows=rows, dtype=dtype)
    network.initialise(init or He(), np.random.default_rng(0))
    return network


def make_rows(rows, features=FEATURES, dtype=np.float64):
    rng = np.random.default_rng(1)
    return rng.normal(size=(rows, features)).astype(dtype), rng.integers(OUTPUTS, size=rows)


def measured(network, x, labels, step=0):
    """Return what is measured of one batch, without an update after it."""
    records = [Record(step, TRAIN_LOSS, network.loss_and_gradient(x, labels))]
    return {record.metric: record.value for record in Diagnostics(network, 1).watch(records)}


def training(network, optimizer=None, steps=7, rows=40, batch=8, validate_every=3, has_valid=True, **options):
    """Return the records of a short training."""
    split = Split(*make_rows(rows))
    splits = Splits(split, split if has_valid else None, None, OUTPUTS, "made up")
    rule = optimizer or SGD(lr=0.1)
    rule.bind(network.parameters)
    batches = made_batches(rows, batch, "with_replacement", np.random.default_rng(2))
    return train(network, rule, splits, steps=steps, batches=batches, validate_every=validate_every, **options)


def matrices(network):
    return {name: weights for name, weights in network.parameters.named.items() if name.startswith("W")}


# Definitions


def test_every_quantity_agrees_with_its_definition():
    network, (x, labels) = make_network(regularizer=L2(0.1)), make_rows(8)
    found = measured(network, x, labels)
    expected, y = {}, x
    for number in (1, 2, 3):
        theta, grad = network.parameters.named[f"W{number}"]
        expected[f"gradient_norm/layer{number}"] = np.sqrt((grad**2).sum())
        expected[f"weight_norm/layer{number}"] = np.sqrt((theta**2).sum())
        expected[f"distinct_units/layer{number}"] = len(np.unique(theta, axis=1).T)
        expected[f"update_ratio/layer{number}"] = 0.0
        y = np.tanh(y @ theta)  # biases are zero
        if number < 3:
            expected[f"activation_mean/layer{number}"] = y.sum() / y.size
            expected[f"activation_std/layer{number}"] = np.sqrt((y**2).sum() / y.size - (y.sum() / y.size) ** 2)
            expected[f"saturated/layer{number}"] = np.mean(1 - y**2 <= 0.05)
            expected[f"dead/layer{number}"] = 0.0
    del found[TRAIN_LOSS]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("units", [1, 2, 50, 100])
def test_units_that_differ_by_rounding_are_one_and_all_others_are_many(units):
    network = make_network((units,))
    theta = network.parameters.named["W1"].theta
    theta[:] = np.linspace(-1, 1, len(theta))[:, None]
    theta[:, units // 2 :] *= 1 + 3e-7
    assert measured(network, *make_rows(8))["distinct_units/layer1"] == 1
    theta[0] += np.random.default_rng(0).permutation(units) * 1e-4
    assert measured(network, *make_rows(8))["distinct_units/layer1"] == units


def test_a_saturated_sigmoid_is_one_whose_output_is_near_its_ends():
    network, (x, labels) = make_network((100,) * 5, Sigmoid(), Normal(1.0), 1000, features=100), make_rows(1000, features=100)
    found, y = measured(network, x, labels), x
    low, high = (1 - np.sqrt(0.95)) / 2, (1 + np.sqrt(0.95)) / 2  # the roots of y(1 - y) = 1/80
    for number in range(1, 6):
        y = 1 / (1 + np.exp(-y @ network.parameters.named[f"W{number}"].theta))
        common = np.mean((y < 0.05) | (y > 0.95))
        assert found[f"saturated/layer{number}"] == np.mean((y < low) | (y > high)) < common
        assert 0.6 < common < 0.8  # as in the classic study


def test_of_a_relu_the_zeros_are_saturated_and_units_of_nothing_but_zeros_are_dead():
    network, (x, labels) = make_network((10,), ReLU()), make_rows(8)
    network.parameters.named["b1"].theta[:3] = -1e3
    found = measured(network, x, labels)
    y = np.maximum(x @ network.parameters.named["W1"].theta + network.parameters.named["b1"].theta, 0)
    assert found["saturated/layer1"] == np.mean(y == 0)
    assert found["dead/layer1"] == np.mean((y == 0).all(axis=0)) >= 0.3


@pytest.mark.parametrize("activation", entries.techniques("activation"))
def test_the_steepest_slope_of_every_activation_is_that_of_its_values(activation):
    plugin, z = made("activation", activation), np.linspace(-10, 10, 200_001)
    unit = one_unit(plugin, z)
    if unit is None:  # it mixes units
        assert steepest_slope(plugin) == 0
        return
    y = unit.forward(z.reshape(-1, 1), training=False)[:, 0]
    expected = 0 if activation == "step" else (np.abs(np.diff(y)) / np.diff(z)).max()  # a step's is 0 where it has one
    assert steepest_slope(plugin) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", entries.techniques("activation"))
def test_any_activation_can_be_asked(activation, dtype):
    plugin = made("activation", activation)
    network = make_network((8, 8), plugin, dtype=dtype)
    found = measured(network, *make_rows(8, dtype=dtype))
    expected = OF_ACTIVATIONS if one_unit(plugin, np.zeros(1)) else ("activation_mean", "activation_std")
    for quantity in OF_ACTIVATIONS:
        assert ({f"{quantity}/layer1", f"{quantity}/layer2"} <= found.keys()) == (quantity in expected)
    assert all(type(value) is float and np.isfinite(value) for value in found.values())
    shares = [value for metric, value in found.items() if metric.split("/")[0] in ("saturated", "dead")]
    assert all(0 <= share <= 1 for share in shares)


def test_a_layer_that_works_element_by_element_is_asked_for_its_slope_as_a_formula_is():
    twins = [
        make_network((8, 8), activation)
        for activation in (made("activation", "prelu", start=0.01), made("activation", "leaky_relu", slope=0.01))
    ]
    layered, formula = (measured(network, *make_rows(8)) for network in twins)
    assert layered == pytest.approx(formula)
    assert 0.3 < layered["saturated/layer1"] < 0.7
    kept = twins[0].parameters.grad.copy()
    list(Diagnostics(twins[0], 1).watch([Record(0, TRAIN_LOSS, 1.0)]))
    np.testing.assert_array_equal(twins[0].parameters.grad, kept)


@pytest.mark.parametrize(
    ("activation", "init", "first", "last"),
    [
        (Sigmoid(), Normal(0.01), 0.025, 0.012),
        (Sigmoid(), LeCun(), 0.21, 0.12),
        (ReLU(), LeCun(), 0.58, 0.16),
        (ReLU(), He(), 0.82, 0.87),
    ],
    ids=["sigmoid .01", "sigmoid lecun", "relu lecun", "relu he"],
)
def test_the_spread_by_depth_is_that_of_the_classic_study(activation, init, first, last):
    network = make_network((100,) * 5, activation, init, rows=1000, features=100)
    found = measured(network, *make_rows(1000, features=100))
    spread = [found[f"activation_std/layer{number}"] for number in range(1, 6)]
    assert (spread[0], spread[-1]) == pytest.approx((first, last), rel=0.2)


# Updates and time


@pytest.mark.parametrize(("has_valid", "every"), [(True, 1), (True, 3), (False, 2), (False, 6)])
def test_the_update_ratio_is_that_of_the_update_after_its_step(has_valid, every):
    network, before = make_network(), []
    records = training(network, Adam(lr=0.01), has_valid=has_valid)
    ratios = {}
    for record in Diagnostics(network, every).watch(records):
        if record.metric == TRAIN_LOSS:
            before.append({name: weights.theta.copy() for name, weights in matrices(network).items()})
        if record.metric.startswith("update_ratio"):
            ratios[record.step, record.metric[-1]] = record.value
    before.append({name: weights.theta.copy() for name, weights in matrices(network).items()})
    assert {step for step, _ in ratios} == set(range(0, 7, every))
    for (step, number), ratio in ratios.items():
        old, new = before[step][f"W{number}"], before[step + 1][f"W{number}"]
        assert ratio == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old))


def test_the_gradient_is_measured_before_clipping():
    network = make_network()
    clipped = training(network, steps=2, clip=lambda grad: np.multiply(grad, 0, out=grad))
    found = {record.metric: record.value for record in Diagnostics(network, 1).watch(clipped)}
    assert found["gradient_norm/layer1"] > 0
    assert found["update_ratio/layer1"] == 0


@pytest.mark.parametrize("every", [1, 2, 5])
def test_steps_never_go_back_and_other_records_pass_as_they_were(every):
    network, twin = make_network(), make_network()
    records = list(Diagnostics(network, every).watch(training(network)))
    steps = [record.step for record in records]
    assert steps == sorted(steps)
    per_layer = {*OF_ACTIVATIONS, *OF_WEIGHTS}
    assert [record for record in records if record.metric.split("/")[0] not in per_layer] == list(training(twin))
    assert {record.step for record in records if record.metric == "dead/layer2"} == set(range(0, 7, every))


NORMS = [{}, {"norm": "batch_norm"}, {"norm": "layer_norm", "dropout": "dropout"}]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("blocks", NORMS, ids=["plain", "batch_norm", "layer_norm and dropout"])
def test_training_is_the_same_to_the_last_bit_with_and_without(blocks, dtype):
    plugins = {kind: made(kind, name) for kind, name in blocks.items()}
    masks, twin_masks = np.random.default_rng(5), np.random.default_rng(5)
    network = make_network(dtype=dtype, activation=ReLU(), masks=masks, **plugins)
    twin = make_network(dtype=dtype, activation=ReLU(), masks=twin_masks, **plugins)
    watched = [
        record for record in Diagnostics(network, 2).watch(training(network)) if record.metric.startswith(("train", "valid"))
    ]
    assert watched == list(training(twin))
    assert network.parameters.theta.tobytes() == twin.parameters.theta.tobytes()
    assert masks.bit_generator.state == twin_masks.bit_generator.state


def test_outputs_are_those_of_the_activation_before_norm_and_dropout():
    norm, dropout = made("norm", "batch_norm", position="after"), made("dropout", "dropout", rate=0.5)
    found = measured(make_network((50,), Sigmoid(), norm=norm, dropout=dropout, rows=100), *make_rows(100))
    assert 0.3 < found["activation_mean/layer1"] < 0.7  # of a norm it would be 0
    assert found["activation_std/layer1"] < 0.5  # of dropped and doubled ones it would be more


def test_between_two_measurements_nothing_is_allocated():
    network = make_network((300, 300), dtype=np.float32)
    quiet = Diagnostics(network, 1000).watch(Record(step, TRAIN_LOSS, 1.0) for step in range(1, 1000))
    next(quiet)
    tracemalloc.start()
    for _ in quiet:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000  # a record


# Edges


def test_weights_of_zero_have_no_update_ratio():
    found = measured(make_network(init=Zeros()), *make_rows(8))
    assert found["weight_norm/layer1"] == 0
    assert not any(metric.startswith("update_ratio") for metric in found)


def test_a_vanished_gradient_is_small_and_not_zero():
    network, (x, labels) = make_network(dtype=np.float32), make_rows(8, dtype=np.float32)
    loss = network.loss_and_gradient(x, labels)
    network.parameters.named["W1"].grad[...] = 1e-30  # its square is no float32
    found = {record.metric: record.value for record in Diagnostics(network, 1).watch([Record(0, TRAIN_LOSS, loss)])}
    assert found["gradient_norm/layer1"] == pytest.approx(1e-30 * np.sqrt(FEATURES * 5), rel=1e-6)


def test_what_is_not_finite_is_left_out_without_a_warning():
    network, batch = make_network(activation=ReLU(), dtype=np.float32), make_rows(8, dtype=np.float32)
    network.parameters.theta[...] *= np.float32(1e30)
    network.loss_and_gradient(*batch)
    found = [record.value for record in Diagnostics(network, 1).watch([Record(0, TRAIN_LOSS, 1.0)])]
    assert np.isfinite(found).all()
    assert list(Diagnostics(network, 1).watch([Record(0, TRAIN_LOSS, float("nan"))]))[1:] == []


def test_a_linear_model_and_a_batch_of_one_row_can_be_measured():
    network = make_network(hidden=(), rows=1)
    assert {metric.split("/")[0] for metric in measured(network, *make_rows(1))} == {"train", *OF_WEIGHTS}


def test_layers_are_listed_by_number():
    past = History()
    for number in (10, 2, 1):
        past.add(Record(0, f"dead/layer{number}", 0.0))
    past.add(Record(0, "dead/other", 0.0))
    assert layer_metrics(past, "dead") == {1: "dead/layer1", 2: "dead/layer2", 10: "dead/layer10"}
    assert layer_metrics(past, "weight_norm") == {}


# In a run


def test_a_run_with_diagnostics_draws_them_and_says_nothing_more(nnreg, project):
    words = ("steps=20", "hidden=[8,8]", "diagnostics_every=5", "optimizer=adam", "activation=tanh", "norm=batch_norm")
    plain = nnreg(*words, "hydra.run.dir=off")
    told = nnreg(*words, "diagnostics=on", "hydra.run.dir=on")
    assert told.code == plain.code == 0
    assert (project / "on" / "diagnostics.png").read_bytes().startswith(b"\x89PNG")
    assert not (project / "off" / "diagnostics.png").exists()
    assert "layer" not in told.out
    assert len(told.out.splitlines()) == len(plain.out.splitlines())


def test_a_run_with_diagnostics_has_the_history_of_one_without(nnreg, project):
    from nnreg.records.folder import read_history, read_summary

    for choice in ("off", "on"):
        nnreg("steps=20", "hidden=[8,8]", "diagnostics_every=5", f"diagnostics={choice}", f"hydra.run.dir={choice}")
    plain, told = read_history(project / "off"), read_history(project / "on")
    assert [record for record in told if record.metric in plain.metrics] == list(plain)
    assert told.series("gradient_norm/layer3")[0].tolist() == [0, 5, 10, 15]
    summaries = [read_summary(project / choice)["metrics"] for choice in ("off", "on")]
    assert summaries[0].keys() == summaries[1].keys()


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("diagnostics=maybe", "diagnostics=maybe: Invalid value 'maybe', expected one of [off, on]"),
        ("diagnostics_every=0", "diagnostics_every must be in [1, inf), got 0"),
    ],
)
def test_a_wrong_choice_is_answered_in_one_line(nnreg, word, complaint):
    answer = nnreg("steps=2", word)
    assert answer.code == 2
    assert complaint in answer.complaint
