"""What every registered loss must do, whatever its formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg import registry

ENTRIES = registry.entries("loss").items()
every_loss = pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in ENTRIES])


@st.composite
def batches(draw):
    rows, classes = draw(st.integers(1, 6)), draw(st.integers(2, 6))
    logits = draw(arrays(np.float64, (rows, classes), elements=st.floats(-8, 8)))
    return logits, draw(arrays(np.int64, rows, elements=st.integers(0, classes - 1)))


def both(entry, logits, labels):
    out = np.full_like(logits, np.nan)
    return registry.load(entry)().value_and_gradient(logits, labels, out=out), out


@every_loss
@given(batch=batches())
def test_the_gradient_agrees_with_central_differences(entry, batch):
    logits, labels = batch
    loss, h = registry.load(entry)(), 1e-5
    measured = np.empty_like(logits)
    for index in np.ndindex(logits.shape):
        nudge = np.zeros_like(logits)
        nudge[index] = h
        measured[index] = (loss.value(logits + nudge, labels) - loss.value(logits - nudge, labels)) / (2 * h)
    np.testing.assert_allclose(both(entry, logits, labels)[1], measured, atol=1e-8)


@every_loss
@given(batch=batches())
def test_the_value_is_the_same_with_and_without_the_gradient(entry, batch):
    assert registry.load(entry)().value(*batch) == pytest.approx(both(entry, *batch)[0], rel=1e-14)


@every_loss
@given(batch=batches())
def test_it_is_a_mean_over_rows(entry, batch):
    logits, labels = batch
    rows = [both(entry, logits[i : i + 1], labels[i : i + 1]) for i in range(len(labels))]
    loss, gradient = both(entry, logits, labels)
    assert loss == pytest.approx(np.mean([value for value, _ in rows]), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(gradient, np.concatenate([row for _, row in rows]) / len(rows), rtol=1e-12, atol=1e-15)


@every_loss
def test_logits_and_labels_are_only_read(entry):
    logits, labels = np.random.default_rng(0).standard_normal((4, 3)), np.array([0, 2, 1, 1])
    logits.flags.writeable = labels.flags.writeable = False
    both(entry, logits, labels)
    registry.load(entry)().value(logits, labels)


@every_loss
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64])
def test_labels_may_have_any_integer_dtype(entry, dtype):
    logits, labels = np.random.default_rng(0).standard_normal((4, 3)), np.array([0, 2, 1, 1])
    assert both(entry, logits, labels.astype(dtype))[0] == both(entry, logits, labels)[0]


@every_loss
@given(size=st.integers(2, 8))
def test_a_batch_with_as_many_rows_as_classes_is_nothing_special(entry, size):
    logits = np.random.default_rng(size).standard_normal((size, size))
    labels = np.arange(size)[::-1].copy()
    rows = [both(entry, logits[i : i + 1], labels[i : i + 1])[0] for i in range(size)]
    assert both(entry, logits, labels)[0] == pytest.approx(np.mean(rows), rel=1e-12)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_give_finite_results_without_a_warning(entry, dtype):
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [0, 0, 0]], dtype)
    for labels in ([0, 1, 2], [1, 0, 0]):
        loss, gradient = both(entry, logits, np.array(labels))
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()


@every_loss
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_network_that_diverged_shows_in_the_value(entry, poison):
    logits = np.zeros((3, 4))
    logits[1, 2] = poison
    with np.errstate(all="ignore"):
        assert not np.isfinite(both(entry, logits, np.array([0, 1, 2]))[0])
        assert not np.isfinite(registry.load(entry)().value(logits, np.array([0, 1, 2])))


@every_loss
def test_a_step_against_the_gradient_lowers_the_value(entry):
    logits, labels = np.random.default_rng(1).standard_normal((5, 4)), np.array([3, 0, 2, 2, 1])
    before, gradient = both(entry, logits, labels)
    assert both(entry, logits - 0.1 * gradient, labels)[0] < before
