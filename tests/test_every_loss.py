"""What every registered loss must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts.objective import targets_of
from nnreg.registry import entries

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
    return logits, {"classes": labels, "values": draw(arrays(np.float64, (rows, outputs), elements=st.floats(0, 1)))}


def some(rows, outputs, seed=0):
    """Ordinary logits, and targets of each kind."""
    rng = np.random.default_rng(seed)
    targets = {"classes": rng.integers(outputs, size=rows), "values": rng.uniform(0, 1, (rows, outputs))}
    return rng.standard_normal((rows, outputs)), targets


def both(entry, logits, targets):
    out = np.full_like(logits, np.nan)
    return entries.load_class(entry)().value_and_gradient(logits, targets, out=out), out


@every_loss
@given(batch=batches())
def test_the_gradient_agrees_with_central_differences(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    loss, h = entries.load_class(entry)(), 1e-5
    measured = np.empty_like(logits)
    for index in np.ndindex(logits.shape):
        nudge = np.zeros_like(logits)
        nudge[index] = h
        measured[index] = (loss.value(logits + nudge, targets) - loss.value(logits - nudge, targets)) / (2 * h)
    np.testing.assert_allclose(both(entry, logits, targets)[1], measured, atol=1e-8)


@every_loss
@given(batch=batches())
def test_the_value_is_the_same_with_and_without_the_gradient(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    assert entries.load_class(entry)().value(logits, targets) == pytest.approx(both(entry, logits, targets)[0], rel=1e-14)


@every_loss
@given(batch=batches())
def test_it_is_a_mean_over_rows(entry, kind, batch):
    logits, targets = batch[0], batch[1][kind]
    rows = [both(entry, logits[i : i + 1], targets[i : i + 1]) for i in range(len(logits))]
    loss, gradient = both(entry, logits, targets)
    assert loss == pytest.approx(np.mean([value for value, _ in rows]), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(gradient, np.concatenate([row for _, row in rows]) / len(rows), rtol=1e-12, atol=1e-15)


@every_loss
@given(size=st.integers(2, 8))
def test_a_batch_with_as_many_rows_as_outputs_is_nothing_special(entry, kind, size):
    logits, targets = some(size, size, seed=size)
    rows = [both(entry, logits[i : i + 1], targets[kind][i : i + 1])[0] for i in range(size)]
    assert both(entry, logits, targets[kind])[0] == pytest.approx(np.mean(rows), rel=1e-12)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_give_finite_results_without_a_warning(entry, kind, dtype):
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [0, 0, 0]], dtype)
    for labels in ([0, 1, 2], [1, 0, 0]):
        targets = {"classes": np.array(labels), "values": np.eye(3, dtype=dtype)[labels]}
        loss, gradient = both(entry, logits, targets[kind])
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()


@every_loss
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_network_that_diverged_shows_in_the_value(entry, kind, poison):
    logits, targets = some(3, 4)
    logits[1, 2] = poison
    with np.errstate(all="ignore"):
        assert not np.isfinite(both(entry, logits, targets[kind])[0])
        assert not np.isfinite(entries.load_class(entry)().value(logits, targets[kind]))
