import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.history import History, Record
from nnreg.tracking.description import POINTS, Thinner, parameters
from tests.records.cards import card

values = st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf])
curves = st.lists(values, max_size=2_000)


def thinned(curve, planned, flush=97, every=1):
    """Return the points of a curve that was written in parts, as a recorder does, and what is sent as the run goes on."""
    thinner, history = Thinner(planned), History()
    records = [Record(step * every, "train/loss", value) for step, value in enumerate(curve)]
    streamed = [point for start in range(0, len(records), flush) for point in thinner.take(records[start : start + flush])]
    for record in records:
        history.add(record)
    return [*streamed, *thinner.rest(history)], streamed


@given(curves, st.integers(0, 5_000))
def test_a_curve_keeps_its_ends_and_extremes_and_loses_whatever_is_too_much(curve, planned):
    points, _ = thinned(curve, planned)
    finite = [(step, value) for step, value in enumerate(curve) if math.isfinite(value)]
    sent = [(point.step, point.value) for point in points]
    assert len(sent) <= POINTS + 5
    assert len(sent) == len(set(sent))
    assert set(sent) <= set(finite)
    if finite:
        assert {finite[0], finite[-1]} <= set(sent)
        assert {min(value for _, value in finite), max(value for _, value in finite)} <= {value for _, value in sent}


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=POINTS), st.integers(0, 100_000))
def test_a_short_curve_is_sent_whole(curve, planned):
    points, _ = thinned(curve, planned)
    assert sorted(points) == [Record(step, "train/loss", value) for step, value in enumerate(curve)]


def test_a_long_curve_is_sent_evenly_while_it_is_made():
    points, streamed = thinned([1 / (1 + step) for step in range(10_000)], planned=9_999)
    gaps = [later.step - earlier.step for earlier, later in itertools.pairwise(streamed)]
    assert len(streamed) == POINTS
    assert set(gaps) == {33, 34}
    assert len(points) <= POINTS + 3


def test_a_run_that_ends_early_is_completed_with_points_in_between():
    points, streamed = thinned([1 / (1 + step) for step in range(1_000)], planned=100_000)
    assert len(streamed) == 3
    assert POINTS - 5 <= len(points) <= POINTS + 3


def test_a_run_longer_than_planned_stays_within_bounds():
    points, _ = thinned([1.0] * 5_000, planned=100)
    assert POINTS - 200 <= len(points) <= POINTS + 3
    assert points[-1].step == 4_999


def test_each_metric_has_its_own_points():
    thinner = Thinner(1_000)
    taken = thinner.take([Record(0, "train/loss", 1.0), Record(0, "valid/loss", 2.0), Record(1, "train/loss", 3.0)])
    assert taken == [Record(0, "train/loss", 1.0), Record(0, "valid/loss", 2.0)]


def test_what_stands_inside_a_technique_is_told_as_a_technique_is(tmp_path):
    plain = card(tmp_path)
    node = {"name": "lookahead", "lr": None, "inner": {"name": "sgd", "lr": 0.1}, "k": 5}
    told = parameters(
        card(tmp_path, choices={**plain.choices, "optimizer": "lookahead+sgd"}, config={**plain.config, "optimizer": node})
    )
    kept = {key: text for key, text in told.items() if key.startswith("optimizer")}
    assert kept == {
        "optimizer": "lookahead+sgd",
        "optimizer.lr": "null",
        "optimizer.inner": "sgd",
        "optimizer.inner.lr": "0.1",
        "optimizer.k": "5",
    }
