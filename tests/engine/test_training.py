"""The training loop: what it yields and draws, and the pace of its learning rate."""

import math
from dataclasses import dataclass
from itertools import islice, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Schedule, Split, Splits
from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS
from nnreg.engine.network import Network
from nnreg.engine.training import PAUSE, Stopwatch, Streams, paced, train
from nnreg.records.folder import read_history
from nnreg_std.activations.identity import Identity
from nnreg_std.activations.tanh import Tanh
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer
from nnreg_std.schedules.constant import Constant
from nnreg_std.schedules.polynomial import Polynomial
from tests.engine.drawing import made_batches, position_of, take_up

FEATURES, OUTPUTS, ROWS = 5, 3, 50


def make_split(rows, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES))
    split = Split(x.astype(dtype), (x[:, :OUTPUTS] + rng.normal(scale=0.3, size=(rows, OUTPUTS))).argmax(axis=1))
    split.x.flags.writeable = split.y.flags.writeable = False  # training reads the data and nothing else
    return split


class Untouchable:
    """A split that must not be looked at."""

    def __getattr__(self, name):
        raise AssertionError(f"the test split was asked for its {name}")


def make_splits(valid=True, dtype=np.float64):
    splits = Splits(make_split(ROWS, 1, dtype), make_split(20, 2, dtype) if valid else None, None, OUTPUTS, "made up")
    object.__setattr__(splits, "test", Untouchable())
    return splits


@dataclass
class Run:
    """Everything one small training needs, ready to start."""

    network: Network
    optimizer: object
    streams: Streams

    def records(self, splits=None, *, steps=10, batch=8, sampling="with_replacement", validate_every=4, **options):
        self.batches = made_batches(ROWS, batch, sampling, self.streams.batches)
        if "position" in options:
            take_up(self.batches, options.pop("position"))
        options |= {"steps": steps, "validate_every": validate_every}
        return train(self.network, self.optimizer, splits or make_splits(), batches=self.batches, **options)


def make_run(optimizer=None, *, seed=0, dtype=np.float32, activation=None, regularizer=None, batch=8):
    streams = Streams.from_seed(seed)
    plugins = {"activation": activation or Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": regularizer or NoRegularizer()}
    network = Network(FEATURES, (7, 6), OUTPUTS, **plugins, rows=batch, dtype=dtype)
    network.initialise(He(), streams.init)
    optimizer = optimizer or SGD(lr=0.1)
    optimizer.bind(network.parameters)
    return Run(network, optimizer, streams)


def losses(records):
    return [record.value for record in records if record.metric == TRAIN_LOSS]


def textbook_losses(named, splits, batches, lr, weight_decay):
    """Train with plain SGD on a dictionary of arrays; return the objective before each update."""
    p = {name: weights.theta.copy() for name, weights in named.items()}
    history = []
    for rows in batches:
        x, t = splits.train.x[rows], np.eye(OUTPUTS)[splits.train.y[rows]]
        h1 = np.tanh(x @ p["W1"] + p["b1"])
        h2 = np.tanh(h1 @ p["W2"] + p["b2"])
        exp = np.exp(h2 @ p["W3"] + p["b3"])
        y = exp / exp.sum(axis=1, keepdims=True)
        penalty = 0.5 * weight_decay * sum((p[name] ** 2).sum() for name in ("W1", "W2", "W3"))
        history.append(-(t * np.log(y)).sum() / len(x) + penalty)
        d3 = (y - t) / len(x)
        d2 = (d3 @ p["W3"].T) * (1 - h2**2)
        d1 = (d2 @ p["W2"].T) * (1 - h1**2)
        for i, (inputs, d) in enumerate(((x, d1), (h1, d2), (h2, d3)), start=1):
            p[f"W{i}"] = p[f"W{i}"] - lr * (inputs.T @ d + weight_decay * p[f"W{i}"])
            p[f"b{i}"] = p[f"b{i}"] - lr * d.sum(axis=0)
    return history


def test_training_agrees_with_a_textbook_twin():
    run, splits = make_run(SGD(lr=0.5), dtype=np.float64, regularizer=L2(0.01)), make_splits()
    batches = list(islice(made_batches(ROWS, 8, "with_replacement", Streams.from_seed(0).batches), 60))
    expected = textbook_losses(run.network.parameters.named, splits, batches, lr=0.5, weight_decay=0.01)
    np.testing.assert_allclose(losses(run.records(splits, steps=60)), expected, rtol=1e-10)


def test_training_learns():
    run = make_run(Adam(lr=0.01))
    *_, loss, accuracy = run.records(steps=400)
    assert (loss.metric, accuracy.metric) == (VALID_LOSS, VALID_ACCURACY)
    assert accuracy.value >= 0.7


def test_steps_count_the_updates_made_so_far():
    records = [(record.step, record.metric) for record in make_run().records(steps=10, validate_every=4)]
    validation = {step: [(step, VALID_LOSS), (step, VALID_ACCURACY)] for step in (4, 8, 10)}
    expected = []
    for step in range(10):
        expected += [*validation.get(step, []), (step, TRAIN_LOSS)]
    assert records == [*expected, *validation[10]]


def test_the_last_validation_is_not_repeated_when_it_is_due_anyway():
    steps = [record.step for record in make_run().records(steps=8, validate_every=4) if record.metric == VALID_LOSS]
    assert steps == [4, 8]


def test_without_a_validation_split_only_the_training_loss_is_recorded():
    assert {record.metric for record in make_run().records(make_splits(valid=False))} == {TRAIN_LOSS}


def test_a_training_loss_is_that_of_the_parameters_the_consumer_sees():
    run = make_run()
    batches = made_batches(ROWS, 8, "with_replacement", Streams.from_seed(0).batches)
    train_split = make_splits().train
    for record, rows in zip(run.records(make_splits(valid=False)), batches, strict=False):
        x, y = train_split.x[rows].astype(np.float32), train_split.y[rows]
        assert record.value == pytest.approx(run.network.evaluate(x, y)["loss"])


def test_the_last_validation_is_that_of_the_trained_network():
    run = make_run()
    *_, loss, accuracy = run.records()
    assert {"loss": loss.value, "accuracy": accuracy.value} == run.network.evaluate(*make_splits().valid)


@pytest.mark.parametrize("sampling", ["with_replacement", "epoch"])
def test_the_same_seed_gives_the_same_history_to_the_last_bit(sampling):
    first, second = make_run(Adam(), seed=3), make_run(Adam(), seed=3)
    assert list(first.records(sampling=sampling)) == list(second.records(sampling=sampling))
    np.testing.assert_array_equal(first.network.parameters.theta, second.network.parameters.theta)


def test_optimizers_with_the_same_seed_start_from_the_same_weights_and_see_the_same_batches():
    seen = []
    for optimizer in (SGD(), Adam()):
        run = make_run(optimizer, seed=5)
        start = run.network.parameters.theta.copy()
        forward, batches = run.network.audible_loss_and_gradient, []
        run.network.audible_loss_and_gradient = lambda x, y, forward=forward, batches=batches: (
            batches.append(x.copy()) or forward(x, y)
        )
        list(run.records())
        assert len(batches) > 0
        seen.append((start, np.array(batches)))
    for sgd, adam in zip(*seen, strict=True):
        np.testing.assert_array_equal(sgd, adam)


@pytest.mark.parametrize("lr", [1e3, 1e6, 1e38])
def test_divergence_is_one_loss_that_is_not_finite_and_then_the_end(lr):
    run = make_run(SGD(lr=lr), activation=Identity())  # ReLU may die instead, which is finite
    records = losses(run.records(make_splits(valid=False), steps=2000))
    assert len(records) < 2000
    assert all(map(math.isfinite, records[:-1]))
    assert not math.isfinite(records[-1])


@pytest.mark.parametrize("loss", [math.inf, -math.inf, math.nan])
def test_a_loss_that_is_infinite_ends_training_as_one_that_is_no_number_does(loss):
    run = make_run()
    lossy, sequence = run.network.audible_loss_and_gradient, iter([1.0, 0.5, loss])
    run.network.audible_loss_and_gradient = lambda x, y: lossy(x, y) * 0.0 + next(sequence)
    records = list(run.records(make_splits(valid=False), steps=10))
    np.testing.assert_array_equal(losses(records), [1.0, 0.5, loss])


@pytest.mark.parametrize("loss", [math.inf, -math.inf, math.nan])
def test_so_does_one_of_a_validation(loss):
    run = make_run()
    run.network.evaluate = lambda x, y, *weight: {"loss": loss, "accuracy": 0.5}
    records = list(run.records(steps=10, validate_every=4))
    assert [(record.step, record.metric) for record in records[-2:]] == [(4, VALID_LOSS), (4, VALID_ACCURACY)]
    assert len(losses(records)) == 4


def test_so_is_divergence_that_a_validation_sees_first():
    run = make_run(SGD(lr=1e38), activation=Identity())
    records = list(run.records(steps=2000, validate_every=1, watch_train=True))
    validations = [record for record in records if record.metric == VALID_LOSS]
    assert not math.isfinite(validations[-1].value)
    assert all(math.isfinite(record.value) for record in records if record.step < validations[-1].step)
    ending = [(validations[-1].step, metric) for metric in (VALID_LOSS, VALID_ACCURACY, "train/accuracy")]
    assert [(step, metric) for step, metric, _ in records[-3:]] == ending


def test_a_diverged_run_is_not_updated_once_more():
    run = make_run(SGD(lr=1e6), activation=Identity())
    records = run.records(make_splits(valid=False), steps=2000)
    trail = [(record.value, run.network.parameters.theta.copy()) for record in records]
    last, before = trail[-1]
    assert not math.isfinite(last)
    np.testing.assert_array_equal(run.network.parameters.theta, before)


def test_the_consumer_keeps_its_own_floating_point_warnings():
    before = np.geterr()
    for _ in make_run(SGD(lr=1e30), activation=Identity()).records(steps=2000, validate_every=1):
        assert np.geterr() == before


def test_the_consumer_stops_training_by_closing_the_generator():
    run = make_run()
    records = run.records(steps=10)
    for record in records:
        if record.step == 3:
            break
    records.close()
    stopped = run.network.parameters.theta.copy()
    shorter = make_run()
    list(shorter.records(steps=3))
    assert list(records) == []
    np.testing.assert_array_equal(stopped, shorter.network.parameters.theta)


@pytest.mark.parametrize("sampling", ["with_replacement", "epoch"])
def test_a_run_continued_from_the_middle_ends_as_if_it_had_never_stopped(sampling):
    whole, first = make_run(Adam()), make_run(Adam())
    expected = losses(whole.records(steps=20, sampling=sampling))
    start = losses(first.records(steps=9, sampling=sampling))
    second = make_run(Adam())
    second.network.parameters.theta[...] = first.network.parameters.theta
    second.optimizer.load(first.optimizer.save())
    rest = losses(second.records(steps=20, sampling=sampling, start=9, position=position_of(first.batches)))
    assert start + rest == expected
    np.testing.assert_array_equal(second.network.parameters.theta, whole.network.parameters.theta)


def test_a_pause_comes_between_two_steps_when_all_of_the_first_has_been_told_and_none_of_the_second_done():
    run = make_run()
    moments = [(r.step, r.metric, run.batches.save()) for r in run.records(steps=5, validate_every=2, pause=lambda: True)]
    told = [(step, metric) for step, metric, _ in moments]
    pauses = [told.index((step, PAUSE)) for step in (1, 2, 3, 4)]
    assert [told[place + 1] for place in pauses] == [(step, TRAIN_LOSS) for step in (1, 2, 3, 4)]
    assert told[pauses[1] - 1] == (2, VALID_ACCURACY)
    assert told.count((5, PAUSE)) == 0  # nothing follows
    fresh = made_batches(ROWS, 8, "with_replacement", Streams.from_seed(0).batches)
    for place in pauses:
        next(fresh)
        assert moments[place][2] == fresh.save()


def test_a_pause_changes_nothing():
    run, quiet = make_run(Adam()), make_run(Adam())
    assert losses(run.records(pause=lambda: True)) == losses(quiet.records())


def test_the_schedule_scales_the_learning_rate_of_each_update():
    scheduled, plain = make_run(SGD(lr=0.2)), make_run(SGD(lr=0.1))
    assert losses(scheduled.records(schedule=lambda t: 0.5)) == losses(plain.records())


def test_the_schedule_is_asked_once_an_update_counting_from_one():
    asked = []
    list(make_run().records(steps=5, schedule=lambda t: asked.append(t) or 1.0))
    assert asked == [1, 2, 3, 4, 5]


def test_buffers_are_never_rebound_and_stay_float32():
    run = make_run(Adam(), regularizer=L2(0.1))
    parameters = run.network.parameters
    theta, grad, named = parameters.theta, parameters.grad, dict(parameters.named)
    list(run.records())
    assert parameters.theta is theta
    assert parameters.grad is grad
    assert all(parameters.named[name] is weights for name, weights in named.items())
    assert {theta.dtype, grad.dtype, *(state.dtype for state in run.optimizer.save().values())} == {np.dtype(np.float32)}


def test_batches_reach_the_network_in_its_own_dtype():
    run, seen = make_run(dtype=np.float32), set()
    forward = run.network.audible_loss_and_gradient
    run.network.audible_loss_and_gradient = lambda x, y: seen.add(x.dtype) or forward(x, y)
    list(run.records(make_splits(dtype=np.float64)))
    assert seen == {np.dtype(np.float32)}


def test_the_stopwatch_counts_neither_validation_nor_the_consumer(monkeypatch):
    run, stopwatch, ticks = make_run(), Stopwatch(), iter(range(1000))
    evaluate = run.network.evaluate
    run.network.evaluate = lambda *rows: next(ticks) and evaluate(*rows)
    with monkeypatch.context() as clock:
        clock.setattr("nnreg.engine.training.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
        for _ in run.records(steps=6, validate_every=1, stopwatch=stopwatch):
            next(ticks)
    assert stopwatch.seconds == 2 * 6  # one tick for each gradient, one for each update


def test_the_training_split_as_a_whole_is_measured_where_it_is_watched():
    run = make_run()
    records = list(run.records(steps=4, validate_every=2, watch_train=True))
    watched = [record for record in records if record.metric == "train/accuracy"]
    assert [record.step for record in watched] == [2, 4]
    assert watched[-1].value == run.network.evaluate(*make_splits().train)["accuracy"]


batchings = st.integers(1, 40).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(1, rows)))


def test_the_same_seed_gives_the_same_streams_and_another_seed_others():
    first, again, other = ([stream.integers(2**62) for stream in Streams.from_seed(seed)] for seed in (0, 0, 1))
    assert first == again
    assert not set(first) & set(other)


def test_streams_of_one_seed_are_independent_of_each_other():
    draws = [stream.integers(2**62) for stream in Streams.from_seed(0)]
    assert len(set(draws)) == len(draws) == len(Streams._fields)


def test_a_further_stream_leaves_those_before_it_as_they_were():
    before = map(np.random.default_rng, np.random.SeedSequence(7).spawn(3))
    assert [stream.integers(2**62) for stream in before] == [stream.integers(2**62) for stream in Streams.from_seed(7)[:3]]


@given(batchings, st.integers(0, 99))
def test_an_epoch_draws_no_row_twice_and_leaves_out_less_than_a_batch(batching, seed):
    rows, batch = batching
    batches = made_batches(rows, batch, "epoch", np.random.default_rng(seed))
    for _ in range(3):
        seen = np.concatenate(list(islice(batches, rows // batch)))
        assert len(set(seen)) == len(seen) == rows - rows % batch
        assert set(seen) <= set(range(rows))


def test_every_epoch_is_a_fresh_permutation():
    batches = made_batches(100, 100, "epoch", np.random.default_rng(0))
    assert not np.array_equal(next(batches), next(batches))


@given(batchings, st.sampled_from(["with_replacement", "epoch"]))
def test_batches_are_row_numbers_of_the_training_split(batching, sampling):
    rows, batch = batching
    for drawn in islice(made_batches(rows, batch, sampling, np.random.default_rng(0)), 5):
        assert drawn.shape == (batch,)
        assert drawn.min() >= 0
        assert drawn.max() < rows


def test_sampling_with_replacement_draws_rows_uniformly():
    drawn = np.concatenate(list(islice(made_batches(10, 100, "with_replacement", np.random.default_rng(0)), 100)))
    frequencies = np.bincount(drawn) / drawn.size
    assert frequencies == pytest.approx(np.full(10, 0.1), abs=5 * math.sqrt(0.09 / drawn.size))


@given(batchings, st.sampled_from(["with_replacement", "epoch"]), st.integers(0, 30))
def test_batches_taken_up_again_go_on_as_if_never_left(batching, sampling, taken):
    rows, batch = batching
    whole = made_batches(rows, batch, sampling, np.random.default_rng(1))
    list(islice(whole, taken))
    position = position_of(whole)
    again = made_batches(rows, batch, sampling, np.random.default_rng(2))
    take_up(again, position)
    assert position_of(again)[0] == position[0]
    for _ in range(40):
        np.testing.assert_array_equal(next(again), next(whole))


class Asked(Schedule):
    """Writes down what it is asked."""

    def __init__(self):
        self.questions = []

    def factor(self, t, steps):
        self.questions.append((t, steps))
        return 0.5


@given(steps=st.integers(1, 50))
def test_without_a_warm_up_the_schedule_is_asked_for_each_update_of_the_run(steps):
    schedule = Asked()
    factor = paced(schedule, steps)
    assert [factor(t) for t in range(1, steps + 1)] == [0.5] * steps
    assert schedule.questions == [(t, steps) for t in range(1, steps + 1)]


def test_a_warm_up_rises_in_equal_parts_and_begins_above_zero():
    factor = paced(Constant(), 10, 4)
    assert [factor(t) for t in range(1, 7)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_warm_up_of_one_update_is_none():
    none, one = paced(Polynomial(), 20), paced(Polynomial(), 20, 1)
    assert [none(t) for t in range(1, 21)] == [one(t) for t in range(1, 21)]


@given(steps=st.integers(2, 60), data=st.data())
def test_the_schedule_runs_from_its_first_update_to_its_last_over_what_the_warm_up_leaves(steps, data):
    warmup = data.draw(st.integers(1, steps - 1))
    schedule = Asked()
    factor = paced(schedule, steps, warmup)
    for t in range(1, steps + 1):
        factor(t)
    left = steps - warmup + 1  # the last update of the warm-up is the schedule's first
    assert schedule.questions == [(1, left)] * (warmup - 1) + [(t, left) for t in range(1, left + 1)]


@given(steps=st.integers(2, 100), data=st.data())
def test_the_course_has_one_top_and_no_jump(steps, data):
    warmup = data.draw(st.integers(1, steps - 1))
    factor = paced(Polynomial(), steps, warmup)
    course = [factor(t) for t in range(1, steps + 1)]
    assert course.index(max(course)) == warmup - 1
    assert max(course) == 1
    largest_step = max(1 / warmup, 1 / (steps - warmup + 1))
    assert all(abs(b - a) <= largest_step + 1e-12 for a, b in pairwise(course))


def test_a_warm_up_reaches_the_learning_rates_of_a_run(nnreg, project):
    def losses(*words):
        assert nnreg(*words, "steps=3", "hidden=[8]", "dataset=spirals", f"hydra.run.dir={len(words)}").code == 0
        return read_history(project / str(len(words))).series(TRAIN_LOSS)[1]

    warm, slow, fast = losses("optimizer.lr=0.1", "warmup=2"), losses("optimizer.lr=0.05"), losses()
    assert warm[1] == slow[1]  # half the rate at the first update
    assert warm[2] != slow[2]
    assert warm[1] != fast[1]


@pytest.mark.parametrize(("steps", "warmup"), [(20, 20), (20, 21), (1, 1)])
def test_a_warm_up_that_leaves_nothing_to_the_schedule_is_refused_in_one_line(nnreg, steps, warmup):
    answer = nnreg(f"steps={steps}", f"warmup={warmup}")
    assert answer.code == 2
    assert answer.complaint.startswith(f"nnreg: warmup={warmup} leaves none of the {steps} steps to the schedule")


def test_a_negative_warm_up_is_refused_in_one_line(nnreg):
    assert nnreg("warmup=-1").complaint == "nnreg: warmup must be in [0, inf), got -1"
