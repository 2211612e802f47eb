"""Rows with weights: two of a row are one that weighs twice, in training and in all that is measured."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Split, Splits
from nnreg.engine.network import Network
from nnreg.engine.rows import Batches, Gather, converted
from nnreg.engine.training import Streams, train
from nnreg.registry import entries
from tests.engine.drawing import sampler

FEATURES, ROWS, OUTPUTS = 4, 11, 3
LOSSES = [
    pytest.param(name, kind, id=f"{name}-{kind}")
    for name, entry in entries.techniques("loss").items()
    for kind in entries.load_class(entry).takes
    if kind != "soft"
]


def made(kind, name):
    return entries.load_class(entries.find_technique(kind, name))()


def network(loss):
    built = Network(
        FEATURES, (5,), OUTPUTS, activation=made("activation", "tanh"), loss=made("loss", loss), rows=64,
        regularizer=made("regularizer", "none"), dtype=np.float64,
    )  # fmt: skip
    built.initialise(made("init", "he"), np.random.default_rng(0))
    return built


def rows(kind, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(OUTPUTS, size=ROWS) if kind == "classes" else rng.random((ROWS, OUTPUTS))
    return rng.standard_normal((ROWS, FEATURES)), y, rng.integers(0, 4, size=ROWS)


def twins(kind, seed=0):
    """Return rows with whole weights, and the same rows each so many times."""
    x, y, times = rows(kind, seed)
    times[0] = 1
    weighted = converted(Split(x, y, times.astype(float)), np.float64, 1)
    return weighted, converted(Split(np.repeat(x, times, axis=0), np.repeat(y, times, axis=0)), np.float64, 1)


@pytest.mark.parametrize(("loss", "kind"), LOSSES)
def test_a_row_of_weight_two_is_two_rows_in_objective_gradient_and_measures(loss, kind):
    one = network(loss)
    weighted, repeated = twins(kind)
    value = one.loss_and_gradient(repeated.x, repeated.y)
    gradient = one.parameters.grad.copy()
    found = one.audible_loss_and_gradient(weighted.x, weighted.y, weighted.weight)
    assert found == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(one.parameters.grad, gradient, rtol=1e-9, atol=1e-12)
    assert one.evaluate(*weighted) == pytest.approx(one.evaluate(*repeated), rel=1e-12)
    assert one.measure_loss(*weighted) == pytest.approx(one.measure_loss(*repeated), rel=1e-12)
    assert one.audible_loss(*weighted) == pytest.approx(value, rel=1e-12)


@given(st.floats(1e-3, 1e3))
def test_the_unit_of_weights_does_not_matter(scale):
    x, y, times = rows("classes")
    weights = [converted(Split(x, y, unit * (times + 0.5)), np.float64, 1).weight for unit in (1.0, scale)]
    np.testing.assert_allclose(*weights, rtol=1e-12)
    assert weights[0].mean() == pytest.approx(1)


def test_weights_that_are_all_one_change_no_more_than_rounding():
    one = network("softmax_cross_entropy")
    x, y, _ = rows("classes")
    plain = one.loss_and_gradient(x, y)
    assert one.audible_loss_and_gradient(x, y, np.ones(ROWS)) == pytest.approx(plain, rel=1e-14)


def test_a_batch_has_the_weights_of_its_rows_and_those_without_have_none():
    x, y, times = rows("classes")
    weighted = converted(Split(x, y, times.astype(np.float32)), np.float32, 1)
    numbers = np.array([3, 3, 0])
    *_, weight = Gather(weighted, 5)(numbers)
    np.testing.assert_allclose(weight, (times / times.mean())[numbers], rtol=1e-6)
    assert weight.dtype == np.float32
    assert len(Gather(converted(Split(x, y), np.float32, 1), 5)(numbers)) == 2


def test_training_with_whole_weights_is_training_on_rows_that_are_repeated():
    found = []
    x, y, times = rows("classes", seed=3)
    times += 1
    for split in (Split(x, y, times.astype(float)), Split(np.repeat(x, times, axis=0), np.repeat(y, times))):
        one, optimizer = network("softmax_cross_entropy"), made("optimizer", "sgd")
        optimizer.bind(one.parameters)
        batches = Batches(sampler("full"), split, 8, Streams.from_seed(0).batches, 30)
        splits = Splits(split, split, None, OUTPUTS, "made up")
        records = train(one, optimizer, splits, steps=30, batches=batches, validate_every=5)
        found.append([record.value for record in records])
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize(
    ("weight", "told"),
    [
        (np.ones(3), r"train.weight must be a float array \(11,\), one for each row, got float64 \(3,\)"),
        (np.ones(ROWS, int), "train.weight must be a float array"),
        (-np.ones(ROWS), "train.weight must be 0 or more for each row, and more for some, got -1.0 to -1.0"),
        (np.zeros(ROWS), "and more for some"),
        (np.full(ROWS, np.nan), "must be 0 or more"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weight, told):
    x, y, _ = rows("classes")
    with pytest.raises(ValueError, match=told):
        Splits(Split(x, y, weight), None, None, OUTPUTS, "made up")


def test_a_split_is_a_pair_whatever_its_weights():
    x, y, times = rows("classes")
    split = Split(x, y, times.astype(float))
    one, other = split
    assert one is x
    assert other is y
    assert split.taken(slice(2)).weight.tolist() == times[:2].tolist()
    assert Split(x, y).taken(np.array([1])).weight is None
    for same in (split._replace(x=x), copy.copy(split), pickle.loads(pickle.dumps(split))):
        assert same.weight.tolist() == times.tolist()


@pytest.fixture
def table(project):
    """A table whose fourth column says how much a row counts."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    lines = [f"{a},{b},{('yes', 'no')[int(a > 0)]},{1 + int(b > 0)}" for a, b in x]
    (project / "t.csv").write_text("\n".join(["a,b,answer,much", *lines]) + "\n")
    return project / "t.csv"


def test_a_column_of_a_table_is_the_weight_and_no_feature(nnreg, table):
    words = ("tracking=off", "steps=40", "batch=8", "dataset=csv", "dataset.path=t.csv", "dataset.target=answer")
    answer = nnreg(*words, "dataset.weight=much", "hydra.run.dir=weighted")
    assert answer.code == 0, answer.err
    assert "weight 'much'" in answer.out
    assert json.loads(Path("weighted/summary.json").read_text())["dataset"]["features"] == 2
    assert nnreg(*words, "hydra.run.dir=plain").code == 0
    digests = {json.loads(Path(f"{name}/summary.json").read_text())["dataset"]["digest"] for name in ("weighted", "plain")}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("dataset.weight=mach",), "there is no column 'mach'; did you mean 'much'?"),
        (("dataset.weight=answer",), "'answer' is the target or left out, and cannot be the weight of a row"),
        (("dataset.weight=a",), "train.weight must be 0 or more for each row"),
        (("dataset.weight=much", "augmentation=mixup"), "augmentation=mixup mixes rows, and those of dataset=csv have weights"),
    ],
)
def test_a_column_that_cannot_be_the_weight_is_refused_in_one_line(nnreg, table, more, told):
    answer = nnreg("tracking=off", "steps=2", "batch=8", "dataset=csv", "dataset.path=t.csv", "dataset.target=answer", *more)
    assert answer.code == 2
    assert told in answer.complaint
    assert "\n" not in answer.complaint.strip()
