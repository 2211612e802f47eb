"""A rule that looks again sees the same batch, the same masks, and moves running statistics once a step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nnreg.contracts import Optimizer
from nnreg.engine.again import Again
from nnreg.engine.descent import descend
from nnreg.engine.history import GRADIENTS, TRAIN_LOSS
from nnreg.engine.network import Network
from nnreg.engine.training import Streams, clipper, train
from nnreg_std.activations.tanh import Tanh
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.optimizers.sam import SAM
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.decoupled import DecoupledDecay
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer
from nnreg_std.surfaces.quadratic import Quadratic
from tests.engine.drawing import made_batches
from tests.engine.test_training import FEATURES, OUTPUTS, ROWS, make_splits


@dataclass
class Looking(Optimizer):
    """Plain descent that looks twice more and writes down what it sees."""

    looks_again: ClassVar = True
    lr: float = 0.1

    def step(self, t, factor=1.0):
        theta, grad = self.parameters.theta, self.parameters.grad
        first, before = grad.copy(), theta.copy()
        self.seen = (self.loss_only(), self.reevaluate(), first, grad.copy())
        theta += 0.1
        self.moved = (self.loss_only(), self.reevaluate())
        theta[...] = before - self.lr * factor * first


def trained(rule, steps=6, *, clip=None, regularizer=None, dropout=True, dtype=np.float64):
    """Return the network, its objective and the records of a small training."""
    streams = Streams.from_seed(0)
    network = Network(
        FEATURES,
        (7, 6),
        OUTPUTS,
        activation=Tanh(),
        loss=SoftmaxCrossEntropy(),
        regularizer=regularizer or NoRegularizer(),
        norm=BatchNorm(),
        dropout=InvertedDropout(0.3) if dropout else None,
        masks=streams.dropout,
        rows=8,
        dtype=dtype,
    )
    network.initialise(He(), streams.init)
    rule.bind(network.parameters)
    again = Again(network, streams.dropout, clipper(None, clip))
    rule.equip(again, streams.optimizer)
    batches = made_batches(ROWS, 8, "with_replacement", streams.batches)
    options = {"steps": steps, "batches": batches, "validate_every": 2, "clip": clipper(None, clip)}
    return network, again, list(train(network, rule, make_splits(), **options))


@pytest.mark.parametrize("clip", [None, 1e-3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_second_look_at_the_same_parameters_sees_what_the_first_saw_to_the_bit(clip, dtype):
    rule = Looking()
    _, _, records = trained(rule, steps=1, clip=clip, regularizer=L2(0.1), dtype=dtype)
    loss, again, first, second = rule.seen
    np.testing.assert_array_equal(second, first)
    assert (loss, again) == (records[0].value, records[0].value)
    if clip:
        assert np.linalg.norm(second) == pytest.approx(clip, rel=1e-6)


def test_the_objective_elsewhere_is_another_and_the_same_with_and_without_a_gradient():
    rule = Looking()
    trained(rule, steps=1)
    assert rule.moved[0] == rule.moved[1] != rule.seen[0]


def test_who_looks_again_and_uses_nothing_of_it_trains_as_the_plain_rule_to_the_bit():
    """Masks and batches of later steps, running statistics and parameters are what they would have been."""
    plain, _, expected = trained(SGD(lr=0.1))
    looking, again, records = trained(Looking(lr=0.1))
    assert [record for record in records if record.metric != GRADIENTS] == expected
    np.testing.assert_array_equal(looking.parameters.theta, plain.parameters.theta)
    for name, array in plain.state().items():
        np.testing.assert_array_equal(looking.state()[name], array)
    assert again.evaluations == 3 * 6


def test_gradients_are_counted_before_each_validation_of_rules_that_look_again_alone():
    _, _, records = trained(SAM(inner=SGD(lr=0.1)))
    assert [(record.step, record.value) for record in records if record.metric == GRADIENTS] == [(2, 4), (4, 8), (6, 12)]
    _, again, records = trained(SGD(lr=0.1))
    assert GRADIENTS not in {record.metric for record in records}
    assert again.evaluations == 0


def test_decoupled_decay_is_that_of_the_parameters_before_the_step_and_added_after_it():
    """θ ← θ − η ∇L(θ + ρ∇L(θ)/‖∇L(θ)‖) − ηλθ, written down plainly; both looks see no decay."""
    decayed, plain = (SAM(inner=SGD(lr=0.5), rho=0.1) for _ in range(2))
    with_decay, _, _ = trained(decayed, steps=1, regularizer=DecoupledDecay(0.2))
    without, _, _ = trained(plain, steps=1)
    start, _, _ = trained(SGD(lr=1e-300), steps=1)
    expected = without.parameters.weights - 0.5 * 0.2 * start.parameters.weights
    np.testing.assert_allclose(with_decay.parameters.weights, expected, rtol=0, atol=1e-15)


@dataclass
class Wild(Optimizer):
    """Looks where the objective is not finite, and goes where it leads."""

    looks_again: ClassVar = True
    lr: float = 0.1

    def step(self, t, factor=1.0):
        self.parameters.theta[...] = math.nan
        assert math.isnan(self.reevaluate())


def test_a_look_that_is_not_finite_ends_training_as_any_divergence_does():
    _, _, records = trained(Wild())
    assert [(record.step, record.metric) for record in records] == [(0, TRAIN_LOSS), (1, TRAIN_LOSS)]
    assert math.isnan(records[-1].value)


def test_nothing_can_be_seen_before_there_was_a_batch():
    rule, streams = Looking(), Streams.from_seed(0)
    plugins = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer()}
    network = Network(FEATURES, (), OUTPUTS, **plugins, rows=8)
    rule.bind(network.parameters)
    rule.equip(Again(network, streams.dropout, clipper(None, None)), streams.optimizer)
    with pytest.raises(ValueError, match="no batch"):
        rule.reevaluate()


def test_on_a_surface_a_rule_looks_at_the_surface():
    """From (x, y) on ½(a x² + b y²): θ ← θ − η A(θ + ρ Aθ/‖Aθ‖)."""
    surface = Quadratic()
    path = descend(SAM(inner=SGD(lr=0.1), rho=0.3), surface, steps=5)
    theta = np.array(surface.start, float)
    for position in path[1:]:
        g = surface.gradient(theta)
        theta = theta - 0.1 * surface.gradient(theta + 0.3 * g / np.linalg.norm(g))
        np.testing.assert_allclose(position, theta, rtol=1e-14)


@dataclass
class Kronecker(Optimizer):
    """Whitens the gradient of each layer by the second moments of its inputs and of its outputs' gradient: K-FAC, damped."""

    lr: float = 0.1
    damping: float = 0.1

    def step(self, t, factor=1.0):
        theta, grad = self.parameters.theta, self.parameters.grad
        self.products = {}
        moved = grad.copy()
        for name, (x, dy) in self.passed().items():
            g = self.parameters.named[name].grad
            self.products[name] = (x.T @ dy, g.copy())
            a, b = (m.T @ m / len(m) + self.damping * np.eye(m.shape[1]) for m in (x, dy * len(dy)))
            g[...] = np.linalg.solve(a, g) @ np.linalg.inv(b)
        theta -= self.lr * factor * grad
        grad[...] = moved


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_inputs_and_output_gradients_make_the_gradient_of_each_layer(dtype):
    rule = Kronecker()
    trained(rule, steps=3, dtype=dtype)
    assert list(rule.products) == ["W1", "W2", "W3"]
    for product, grad in rule.products.values():
        np.testing.assert_allclose(product, grad, rtol=1e-3 if dtype is np.float32 else 1e-10, atol=1e-7)


def test_a_rule_that_goes_by_what_passed_learns_and_on_a_surface_finds_nothing():
    _, _, records = trained(Kronecker(lr=0.3), steps=60, dropout=False)
    losses = [record.value for record in records if record.metric == TRAIN_LOSS]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])
    rule = Kronecker()
    descend(rule, Quadratic(), steps=1)
    assert rule.products == {}


def test_nothing_has_passed_a_rule_that_was_not_equipped():
    with pytest.raises(ValueError, match="equip it first"):
        Kronecker().passed()
