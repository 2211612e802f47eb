"""A rule that is evaluated elsewhere trains as if it were not, and everything that is told of it is of the other parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nnreg.contracts import Optimizer
from nnreg.engine.elsewhere import MOST_BATCHES, Elsewhere, estimation_rows
from nnreg.engine.history import VALID_LOSS
from nnreg.engine.network import Network
from nnreg.engine.stopping import EarlyStopping
from nnreg.engine.training import Streams, train
from nnreg_std.activations.tanh import Tanh
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.ema import EMA
from nnreg_std.regularizers.none import NoRegularizer
from tests.engine.drawing import made_batches
from tests.engine.test_training import FEATURES, OUTPUTS, ROWS, make_splits


class Run:
    """A small network with batch norm and dropout, and what trains it."""

    def __init__(self, rule, *, norm=True, dtype=np.float64):
        self.rule, self.streams, self.splits = rule, Streams.from_seed(0), make_splits()
        plugins = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer()}
        plugins |= {"norm": BatchNorm() if norm else None, "dropout": InvertedDropout(0.3)}
        self.network = Network(FEATURES, (7, 6), OUTPUTS, **plugins, masks=self.streams.dropout, rows=8, dtype=dtype)
        self.network.initialise(He(), self.streams.init)
        rule.bind(self.network.parameters)
        self.batches = made_batches(ROWS, 8, "with_replacement", self.streams.batches)
        self.elsewhere = Elsewhere(self.network, rule, self.splits, 8)

    def records(self, steps=12, validate_every=3, **options):
        options |= {"batches": self.batches, "elsewhere": self.elsewhere}
        return train(self.network, self.rule, self.splits, steps=steps, validate_every=validate_every, **options)

    def arrays(self):
        return {"theta": self.network.parameters.theta.copy()} | {
            name: array.copy() for name, array in self.network.state().items()
        }


def same(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_training_trajectory_is_the_inner_rules_to_the_bit(dtype):
    plain, averaged = Run(Adam(lr=0.01), dtype=dtype), Run(EMA(inner=Adam(lr=0.01), decay=0.9), dtype=dtype)
    expected = [record for record in plain.records() if record.metric == "train/loss"]
    assert [record for record in averaged.records() if record.metric == "train/loss"] == expected
    same(averaged.arrays(), plain.arrays())
    assert averaged.streams.dropout.bit_generator.state == plain.streams.dropout.bit_generator.state


def test_validation_is_that_of_the_average():
    run = Run(EMA(inner=Adam(lr=0.01), decay=0.9), norm=False)
    seen = []
    for record in run.records():
        if record.metric == VALID_LOSS:
            twin = Run(Adam(), norm=False).network
            run.rule.evaluation_parameters(twin.parameters.theta)
            assert record.value == twin.evaluate(*run.splits.valid)["loss"]
            assert record.value != run.network.evaluate(*run.splits.valid)["loss"]
            seen.append(record.value)
    assert len(seen) == 4


def test_running_statistics_are_the_mean_over_the_batches_of_the_other_parameters():
    """For the first norm they follow from the rows and W1 alone: plain float64."""
    run = Run(EMA(inner=Adam(lr=0.01), decay=0.9))
    list(run.records(steps=5))
    x, named = run.splits.train.x, run.network.parameters.named
    run.elsewhere.settle()
    batches = [x[numbers] @ named["W1"].theta + named["b1"].theta for numbers in estimation_rows(len(x), 8)]
    state = run.network.state()
    mean = np.mean([rows.mean(axis=0) for rows in batches], axis=0)
    np.testing.assert_allclose(state["1.running_mean"], mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        state["1.running_variance"], np.mean([rows.var(axis=0, ddof=1) for rows in batches], axis=0), rtol=1e-12
    )


def test_after_statistics_were_renewed_a_norm_collects_as_before():
    one, other = Run(Adam()), Run(Adam())
    before = one.arrays()
    one.network.renew([one.splits.train.x[:8]])
    for name, array in one.network.state().items():
        array[...] = before[name]
    list(one.records(steps=3))
    list(other.records(steps=3))
    same(one.arrays(), other.arrays())


@pytest.mark.parametrize(("rows", "batch", "count"), [(1000, 8, MOST_BATCHES), (100, 8, 12), (8, 8, 1), (165, 8, MOST_BATCHES)])
def test_statistics_see_rows_spread_evenly_in_batches_of_the_runs_size(rows, batch, count):
    numbers = estimation_rows(rows, batch)
    assert numbers.shape == (count, batch)
    assert len(np.unique(numbers)) == numbers.size
    assert numbers.min() == 0
    assert numbers.max() >= rows - -(-rows // numbers.size)
    gaps = np.diff(numbers, axis=1)
    assert gaps.min(initial=rows) >= rows // batch - -(-rows // numbers.size)


def test_what_early_stopping_brings_back_is_what_was_evaluated():
    run = Run(EMA(inner=Adam(lr=0.3), decay=0.5))
    stopping = EarlyStopping(run.network, 6, run.elsewhere.arrays)
    lowest = min(record.value for record in stopping.watch(run.records(steps=200)) if record.metric == VALID_LOSS)
    stopping.restore()
    assert run.network.evaluate(*run.splits.valid)["loss"] == lowest


def test_settling_leaves_the_network_as_it_was_validated_last():
    run = Run(EMA(inner=Adam(lr=0.01), decay=0.9))
    last = [record.value for record in run.records() if record.metric == VALID_LOSS][-1]
    run.elsewhere.settle()
    assert run.network.evaluate(*run.splits.valid)["loss"] == last


def test_training_that_is_given_up_leaves_the_training_parameters():
    run, plain = Run(EMA(inner=Adam(lr=0.01), decay=0.9)), Run(Adam(lr=0.01))
    for one in (run, plain):
        records = one.records()
        next(record for record in records if record.metric == VALID_LOSS)
        records.close()
    same(run.arrays(), plain.arrays())


def test_a_rule_that_is_evaluated_where_it_trains_is_not_even_asked():
    @dataclass
    class Plain(Optimizer):
        lr: float = 0.1

        def update(self, theta, g, *, t, lr):
            theta -= lr * g

    run = Run(Plain())
    before = run.arrays()
    with run.elsewhere.swapped():
        same(run.arrays(), before)
    assert run.elsewhere.arrays()["theta"] is run.network.parameters.theta


def test_before_its_first_step_an_average_is_evaluated_where_it_starts():
    run = Run(EMA(inner=Adam()))
    before = run.arrays()
    run.elsewhere.settle()
    same(run.arrays(), before)
