"""Techniques in pairs: whatever is registered trains a few steps together, or the run is refused with a reason."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from omegaconf import OmegaConf

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS
from nnreg.engine.training import train
from nnreg.errors import UserError
from nnreg.records.folder import read_history, read_summary
from nnreg.registry import entries
from nnreg.runs.assembly import assemble
from nnreg_std.datasets.digits import Digits
from tests.records.cards import PLAIN

STEPS = 20
UNTRAINABLE = {"step"}  # activations; no other pair is refused

NEEDY = {"saved"}  # what has to be given a file


def pairs(kind, other):
    names = product(*([name for name in entries.techniques(each) if name not in NEEDY] for each in (kind, other)))
    return pytest.mark.parametrize(("one", "two"), [pytest.param(*pair, id="-".join(pair)) for pair in names])


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


@pytest.fixture
def assembled(digits, monkeypatch):
    """Assemble a small run from the names of its techniques, on digits that are loaded once."""
    monkeypatch.setattr(Digits, "load", lambda self: digits)

    def make(settings=None, **names):
        choices = PLAIN | names
        nodes = {slot: {"name": name} for slot, name in choices.items()}
        return assemble(
            OmegaConf.create({"steps": STEPS, "batch": 32, "hidden": [16, 16], **nodes, **(settings or {})}), choices
        )

    return make


def train_all(run, **options):
    """Train as a run does and return its records; a warning is an error in every test."""
    settings = run.settings
    options = {"steps": settings.steps, "validate_every": 10, "schedule": run.pace.factor} | options
    return list(train(run.network, run.optimizer, run.splits, batches=run.batches, **options))


def assert_trains(run):
    start = run.network.parameters.theta.copy()
    records = train_all(run)
    losses = [record.value for record in records if record.metric == TRAIN_LOSS]
    assert len(losses) == STEPS
    assert all(math.isfinite(record.value) for record in records)
    theta = run.network.parameters.theta
    assert theta.dtype == run.network.parameters.grad.dtype == np.float32
    assert np.isfinite(theta).all()
    assert not np.array_equal(theta, start)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in run.network.state().values())
    assert losses[-1] < 10 * losses[0]


@pairs("optimizer", "init")
def test_every_optimizer_trains_from_every_start(one, two, assembled):
    assert_trains(assembled(optimizer=one, init=two))


@pairs("optimizer", "schedule")
def test_every_optimizer_trains_on_every_schedule(one, two, assembled):
    assert_trains(assembled(optimizer=one, schedule=two))


@pairs("activation", "norm")
def test_every_activation_trains_with_every_norm_before_and_after_it_or_is_refused(one, two, assembled):
    if one in UNTRAINABLE:
        with pytest.raises(UserError, match=f"activation={one} cannot be trained: "):
            assembled(activation=one, norm=two)
        return
    for position in ("before", "after"):
        node = {} if two == "none" else {"norm": {"name": two, "position": position}}
        assert_trains(assembled(node, activation=one, norm=two))


LOSS = {"autoencoder": "mse"}
SLOWLY = {"optimizer": {"name": "sgd", "lr": 1e-4}}  # the squared error of a whole row has a steep gradient


@pairs("network", "norm")
def test_every_network_trains_with_every_norm(one, two, assembled):
    assert_trains(assembled(SLOWLY, network=one, norm=two, loss=LOSS.get(one, "softmax_cross_entropy")))


@pairs("network", "activation")
def test_every_network_trains_with_every_activation(one, two, assembled):
    if two not in UNTRAINABLE:
        assert_trains(assembled(SLOWLY, network=one, activation=two, loss=LOSS.get(one, "softmax_cross_entropy")))


@pairs("norm", "dropout")
def test_every_norm_trains_with_every_dropout(one, two, assembled):
    assert_trains(assembled(norm=one, dropout=two))


@pairs("optimizer", "regularizer")
def test_every_optimizer_trains_under_every_regularizer(one, two, assembled):
    assert_trains(assembled(optimizer=one, regularizer=two))


@pytest.mark.parametrize("one", entries.techniques("dropout"))
def test_optimizers_with_one_seed_see_the_same_masks_also_after_a_validation(one, assembled):
    ends = []
    for optimizer, every in (("sgd", 1), ("adam", 7)):
        run = assembled(optimizer=optimizer, dropout=one)
        train_all(run, validate_every=every)
        ends.append(run.streams.dropout.bit_generator.state)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("one", entries.techniques("norm"))
@pytest.mark.parametrize("two", entries.techniques("dropout"))
def test_a_run_is_the_same_to_the_last_bit_when_it_is_run_again(one, two, assembled):
    first, second = (train_all(assembled(norm=one, dropout=two, optimizer="adam")) for _ in range(2))
    assert first == second


def test_batches_of_one_row_are_refused_with_batch_norm_before_anything_is_trained(assembled):
    with pytest.raises(UserError, match=r"^norm=batch_norm cannot be trained with batch=1: use batch=2 or more$"):
        assembled({"batch": 1}, norm="batch_norm")
    assembled({"batch": 2}, norm="batch_norm")
    assembled({"batch": 1}, norm="layer_norm")


def test_a_rule_a_schedule_a_norm_and_a_dropout_compose_on_the_command_line(nnreg, project):
    techniques = ("optimizer=adam", "schedule=cosine", "norm=batch_norm", "dropout=dropout", "dropout.rate=0.2")
    answer = nnreg(*techniques, "hidden=[32,32]", "steps=200", "validate_every=100")
    assert answer.code == 0, answer.err
    assert answer.err == ""
    (folder,) = (project / "runs").iterdir()
    assert read_summary(folder)["status"] == "finished"
    _, losses = read_history(folder).series(VALID_LOSS)
    assert losses[-1] < 1.5  # a guess costs 2.3
