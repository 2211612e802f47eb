"""Losses: each built-in one against hand calculations and torch, and what every registered one must do."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts.objective import targets_of
from nnreg.registry import entries
from nnreg.registry.probing import probe
from nnreg_std.losses.binary_cross_entropy import BinaryCrossEntropy
from nnreg_std.losses.mse import MSE
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy

ORACLE = json.loads((Path(__file__).parent / "oracles" / "losses.json").read_text(encoding="utf-8"))


def cross_entropy(logits, labels, dtype=np.float64):
    logits = np.array(logits, dtype)
    out = np.full_like(logits, np.nan)
    return SoftmaxCrossEntropy().value_and_gradient(logits, np.array(labels), out=out), out


@pytest.mark.parametrize("classes", [2, 10])
def test_a_guess_costs_the_logarithm_of_the_number_of_classes(classes):
    loss, gradient = cross_entropy(np.full((3, classes), 7.0), [0, 1, 1])
    assert loss == pytest.approx(math.log(classes))
    np.testing.assert_allclose(gradient, (1 / classes - np.eye(classes)[[0, 1, 1]]) / 3)


def test_a_two_class_loss_calculated_by_hand():
    loss, gradient = cross_entropy([[0, math.log(3)]], [0])  # p = (1/4, 3/4)
    assert loss == pytest.approx(math.log(4))
    np.testing.assert_allclose(gradient, [[-0.75, 0.75]])


@given(row=st.lists(st.floats(-300, 300), min_size=2, max_size=6), data=st.data())
def test_the_loss_is_minus_the_log_probability_of_the_label(row, data):
    label = data.draw(st.integers(0, len(row) - 1))
    exact = math.log(math.fsum(math.exp(z - row[label]) for z in row))
    assert cross_entropy([row], [label])[0] == pytest.approx(exact, rel=1e-12, abs=1e-12)


@given(shift=st.floats(-1e6, 1e6))
def test_adding_a_number_to_all_logits_changes_nothing(shift):
    logits = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    for moved, still in zip(cross_entropy(logits + shift, [2, 0]), cross_entropy(logits, [2, 0]), strict=True):
        np.testing.assert_allclose(moved, still, rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_ten_thousand_are_exact(dtype):
    loss, gradient = cross_entropy([[1e4, 0], [1e4, 0]], [1, 0], dtype)
    assert loss == 5000
    np.testing.assert_array_equal(gradient, [[0.5, -0.5], [0, 0]])


def test_the_gradient_of_a_row_sums_to_zero():
    gradient = cross_entropy(np.random.default_rng(0).standard_normal((6, 5)), [0, 1, 2, 3, 4, 0])[1]
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-16)


def test_an_impossible_class_costs_nothing_unless_it_is_the_label():
    logits = [[0.0, 0.0, -math.inf]]
    loss, gradient = cross_entropy(logits, [0])
    assert loss == pytest.approx(math.log(2))
    np.testing.assert_array_equal(gradient, [[-0.5, 0.5, 0]])
    assert cross_entropy(logits, [2])[0] == math.inf


def both(loss, logits, targets, dtype=np.float64):
    logits = np.array(logits, dtype)
    out = np.full_like(logits, np.nan)
    return loss.value_and_gradient(logits, np.array(targets), out=out), out


@pytest.mark.parametrize(
    "case", ORACLE["cases"], ids=lambda case: f"{case['name']}-{case['settings']}-{len(case['logits'])}-rows"
)
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-14), (np.float32, 1e-6)], ids=["float64", "float32"])
def test_value_and_gradient_are_those_of_torch(case, dtype, error):
    loss = entries.load_class(entries.find_technique("loss", case["name"]))(**case["settings"])
    value, gradient = both(loss, case["logits"], case["targets"], dtype)
    assert value == pytest.approx(case["value"], rel=error)
    np.testing.assert_allclose(gradient, case["gradient"], rtol=error, atol=error)


def test_every_loss_was_compared_with_torch():
    assert {case["name"] for case in ORACLE["cases"]} == set(entries.techniques("loss"))


@given(smoothing=st.floats(0, 0.99), shift=st.floats(-5, 5))
def test_smoothed_labels_are_a_mixture_of_the_label_and_all_classes(smoothing, shift):
    logits, label, out = np.array([[shift, 0.0, -1.0]]), np.array([1]), np.empty((1, 3))
    loss, gradient = both(SoftmaxCrossEntropy(smoothing), logits, label)
    plain = [both(SoftmaxCrossEntropy(), logits, [k]) for k in range(3)]
    mixed = [(1 - smoothing) * (k == 1) + smoothing / 3 for k in range(3)]
    assert loss == pytest.approx(sum(q * value for q, (value, _) in zip(mixed, plain, strict=True)), rel=1e-12)
    out[...] = sum(q * g for q, (_, g) in zip(mixed, plain, strict=True))
    np.testing.assert_allclose(gradient, out, atol=1e-14)


@given(smoothing=st.floats(0.01, 0.99))
def test_smoothed_labels_are_met_exactly_by_their_own_logarithm(smoothing):
    q = np.array([[1 - smoothing + smoothing / 4, smoothing / 4, smoothing / 4, smoothing / 4]])
    loss, gradient = both(SoftmaxCrossEntropy(smoothing), np.log(q), [0])
    assert loss == pytest.approx(-float((q * np.log(q)).sum()), rel=1e-12)
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_half_the_squared_distance_calculated_by_hand():
    loss, gradient = both(MSE(), [[1.0, 2.0], [0.0, 0.0]], [[4.0, -2.0], [0.0, 1.0]])
    assert loss == (0.5 * (9 + 16) + 0.5) / 2
    np.testing.assert_array_equal(gradient, [[-1.5, 2.0], [0.0, -0.5]])


@given(scale=st.floats(-100, 100))
def test_outputs_that_meet_their_targets_cost_nothing(scale):
    loss, gradient = both(MSE(), [[scale, 1.0]], [[scale, 1.0]])
    assert loss == 0
    assert not gradient.any()


def test_yes_and_no_calculated_by_hand():
    loss, gradient = both(BinaryCrossEntropy(), [[math.log(3), -math.log(3)]], [[1.0, 1.0]])  # σ = (3/4, 1/4)
    assert loss == pytest.approx(math.log(4 / 3) + math.log(4))
    np.testing.assert_allclose(gradient, [[-0.25, -0.75]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_confident_right_answer_costs_the_little_that_it_should(dtype):
    loss, _ = both(BinaryCrossEntropy(), [[30.0, -30.0]], [[1.0, 0.0]], dtype)
    assert loss == pytest.approx(2 * math.log1p(math.exp(-30)), rel=1e-5)


@given(z=st.floats(-20, 20), t=st.floats(0, 1))
def test_a_single_output_is_the_two_class_softmax(z, t):
    loss, gradient = both(BinaryCrossEntropy(), [[z]], [[t]])
    (yes, g_yes), (no, g_no) = (both(SoftmaxCrossEntropy(), [[0.0, z]], [k]) for k in (1, 0))
    assert loss == pytest.approx(t * yes + (1 - t) * no, rel=1e-12, abs=1e-14)
    assert gradient[0, 0] == pytest.approx(t * g_yes[0, 1] + (1 - t) * g_no[0, 1], abs=1e-14)


@pytest.mark.parametrize("loss", [MSE(), BinaryCrossEntropy()], ids=str)
def test_class_numbers_count_as_one_hot_rows(loss):
    logits = np.random.default_rng(0).standard_normal((4, 3))
    for as_classes, as_values in zip(
        both(loss, logits, [2, 0, 1, 1]), both(loss, logits, np.eye(3)[[2, 0, 1, 1]]), strict=True
    ):
        np.testing.assert_array_equal(as_classes, as_values)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_probability_outside_its_range_is_refused(value):
    with pytest.raises(ValueError, match=r"binary_cross_entropy takes values in \[0, 1\], got"):
        both(BinaryCrossEntropy(), [[0.0, 0.0]], [[value, value]])


def test_values_that_a_loss_refuses_are_reported_with_dataset_and_split_before_training(nnreg):
    answer = nnreg("dataset=diabetes", "loss=binary_cross_entropy")
    assert answer.code == 2
    assert "loss=binary_cross_entropy does not fit the train split of dataset=diabetes" in answer.complaint
    assert "values in [0, 1]" in answer.complaint


class OnlyValues(MSE):
    takes = ("values",)

    def value_and_gradient(self, logits, targets, out):
        assert targets.shape == logits.shape
        return super().value_and_gradient(logits, targets, out)


def test_a_loss_is_tried_with_the_targets_that_it_takes():
    probe(entries.find_technique("loss", "mse"), OnlyValues())


# What every registered loss must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py.


ENTRIES = entries.techniques("loss").items()
CASES = [
    pytest.param(entry, kind, id=f"{name}-{kind}") for name, entry in ENTRIES for kind in targets_of(entries.load_class(entry))
]
every_loss = pytest.mark.parametrize(("entry", "kind"), CASES)


@st.composite
def batches(draw):
    """Logits, and targets of each kind; values stay in [0, 1], where every loss is defined."""
    rows, outputs = draw(st.integers(1, 6)), draw(st.integers(2, 6))
    logits = draw(arrays(np.float64, (rows, outputs), elements=st.floats(-8, 8)))
    labels = draw(arrays(np.int64, rows, elements=st.integers(0, outputs - 1)))
    values = draw(arrays(np.float64, (rows, outputs), elements=st.floats(0, 1)))
    return logits, {"classes": labels, "values": values, "soft": shares_of(values)}


def shares_of(values):
    return (values + 0.1) / (values + 0.1).sum(axis=1, keepdims=True)


def some(rows, outputs, seed=0):
    """Ordinary logits, and targets of each kind."""
    rng = np.random.default_rng(seed)
    targets = {"classes": rng.integers(outputs, size=rows), "values": rng.uniform(0, 1, (rows, outputs))}
    return rng.standard_normal((rows, outputs)), targets | {"soft": shares_of(targets["values"])}


def both_of(entry, logits, targets):
    out = np.full_like(logits, np.nan)
    return entries.load_class(entry)().value_and_gradient(logits, targets, out=out), out


@every_loss
@given(batch=batches())
def test_the_gradient_agrees_with_central_differences(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    logits += np.random.default_rng(0).uniform(0.01, 0.02, logits.shape)  # off the kinks, at whole numbers
    loss, h = entries.load_class(entry)(), 1e-5
    measured = np.empty_like(logits)
    for index in np.ndindex(logits.shape):
        nudge = np.zeros_like(logits)
        nudge[index] = h
        measured[index] = (loss.value(logits + nudge, targets) - loss.value(logits - nudge, targets)) / (2 * h)
    np.testing.assert_allclose(both_of(entry, logits, targets)[1], measured, atol=1e-8)


@every_loss
@given(batch=batches())
def test_the_value_is_the_same_with_and_without_the_gradient(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    assert entries.load_class(entry)().value(logits, targets) == pytest.approx(both_of(entry, logits, targets)[0], rel=1e-14)


@every_loss
@given(batch=batches())
def test_the_losses_of_rows_are_those_of_batches_of_one(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    loss = entries.load_class(entry)()
    rows = [loss.value(logits[i : i + 1], targets[i : i + 1]) for i in range(len(logits))]
    found = loss.row_losses(logits, targets)
    assert found.dtype == logits.dtype
    np.testing.assert_allclose(found, rows, rtol=1e-12, atol=1e-14)


@every_loss
@given(batch=batches())
def test_it_is_a_mean_over_rows(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    rows = [both_of(entry, logits[i : i + 1], targets[i : i + 1]) for i in range(len(logits))]
    loss, gradient = both_of(entry, logits, targets)
    assert loss == pytest.approx(np.mean([value for value, _ in rows]), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(gradient, np.concatenate([row for _, row in rows]) / len(rows), rtol=1e-12, atol=1e-15)


@every_loss
@given(size=st.integers(2, 8))
def test_a_batch_with_as_many_rows_as_outputs_is_nothing_special(entry, kind, size):
    logits, targets = some(size, size, seed=size)
    rows = [both_of(entry, logits[i : i + 1], targets[kind][i : i + 1])[0] for i in range(size)]
    assert both_of(entry, logits, targets[kind])[0] == pytest.approx(np.mean(rows), rel=1e-12)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_give_finite_results_without_a_warning(entry, kind, dtype):
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [0, 0, 0]], dtype)
    for labels in ([0, 1, 2], [1, 0, 0]):
        targets = {"classes": np.array(labels), "values": np.eye(3, dtype=dtype)[labels]}
        targets["soft"] = targets["values"]
        loss, gradient = both_of(entry, logits, targets[kind])
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()


@every_loss
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_network_that_diverged_shows_in_the_value(entry, kind, poison):
    logits, targets = some(3, 4)
    logits[1, 2] = poison
    with np.errstate(all="ignore"):
        assert not np.isfinite(both_of(entry, logits, targets[kind])[0])
        assert not np.isfinite(entries.load_class(entry)().value(logits, targets[kind]))
