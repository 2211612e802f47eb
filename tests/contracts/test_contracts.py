"""The contracts module: intervals, the optimizer base and what a dataset may look like."""

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import CONTRACTS, Optimizer, Split, Splits, check_choices, check_range

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("[0, 1]", [0, 0.5, 1], [-1e-9, 1 + 1e-9, -INF, INF, NAN]),
        ("[0, 1)", [0, 0.999999], [-1e-9, 1, INF, NAN]),
        ("(0, 1]", [1e-300, 1], [0, 1.1, NAN]),
        ("(0, 1)", [0.5], [0, 1, NAN]),
        ("(0, inf)", [1e-300, 1e300], [0, -1, INF, NAN]),
        ("[0, inf)", [0, 7], [-0.1, INF, NAN]),
        ("(-inf, inf)", [-5, 0, 5], [-INF, INF, NAN]),
        ("(-inf, inf]", [INF], [-INF, NAN]),
    ],
)
def test_an_interval_means_what_the_usual_notation_says(interval, inside, outside):
    for value in inside:
        check_range(SimpleNamespace(lr=value), lr=interval)
    for value in outside:
        with pytest.raises(ValueError, match="lr must be in"):
            check_range(SimpleNamespace(lr=value), lr=interval)


def test_a_range_error_names_attribute_interval_and_value():
    with pytest.raises(ValueError, match=r"^beta1 must be in \[0, 1\), got 1\.2$"):
        check_range(SimpleNamespace(lr=0.1, beta1=1.2), lr="(0, inf)", beta1="[0, 1)")


@given(value=st.floats(), low=st.floats(-10, 0), high=st.floats(1, 10))
def test_a_half_open_range_agrees_with_the_comparison_it_stands_for(value, low, high):
    accepted = True
    try:
        check_range(SimpleNamespace(p=value), p=f"[{low!r}, {high!r})")
    except ValueError:
        accepted = False
    assert accepted == (low <= value < high)


@dataclass(frozen=True)
class Chooser:
    size: float = 1.0
    mode: Literal["here", "there", 3] = "here"

    def __post_init__(self):
        check_choices(self)


@pytest.mark.parametrize("mode", ["here", "there", 3])
def test_a_value_that_the_annotation_lists_is_accepted(mode):
    assert Chooser(mode=mode).mode == mode


@pytest.mark.parametrize("mode", ["nonsense", "", 2, None, ["here"]])
def test_a_value_that_the_annotation_does_not_list_is_refused_with_those_it_does(mode):
    with pytest.raises(ValueError, match=re.escape(f"mode must be 'here' or 'there' or 3, got {mode!r}")):
        Chooser(mode=mode)


@dataclass
class Recorder(Optimizer):
    """Writes down how it is called."""

    state = ("a", "b")
    slice_size = 4

    lr: float = 0.5

    def update(self, theta, g, a, b, *, t, lr):
        theta += 1
        a += g
        b -= g
        self.calls = [*getattr(self, "calls", []), (len(theta), len(g), len(a), len(b), t, lr)]


@dataclass
class Stateless(Optimizer):
    lr: float = 0.5

    def update(self, theta, g, *, t, lr):
        theta -= lr * g


def ten_parameters(dtype=np.float64):
    return SimpleNamespace(theta=np.zeros(10, dtype), grad=np.arange(10, dtype=dtype), named={})


def bound(rule, parameters):
    rule.bind(parameters)
    return rule


def test_the_optimizer_base_walks_the_buffer_in_slices_that_cover_it_once():
    parameters = ten_parameters()
    rule = bound(Recorder(), parameters)
    rule.step(3, factor=0.1)
    assert rule.calls == [(4, 4, 4, 4, 3, 0.05), (4, 4, 4, 4, 3, 0.05), (2, 2, 2, 2, 3, 0.05)]
    np.testing.assert_array_equal(parameters.theta, 1)
    np.testing.assert_array_equal(rule.save()["a"], np.arange(10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_vectors_start_at_zero_in_the_dtype_of_the_parameters(dtype):
    saved = bound(Recorder(), ten_parameters(dtype)).save()
    assert {name: (vector.dtype, vector.shape, vector.any()) for name, vector in saved.items()} == {
        "a": (np.dtype(dtype), (10,), np.False_),
        "b": (np.dtype(dtype), (10,), np.False_),
    }


def test_what_save_returned_is_not_changed_by_later_steps():
    rule = bound(Recorder(), ten_parameters())
    saved = rule.save()
    rule.step(1)
    assert not saved["a"].any()


def test_load_writes_into_the_vectors_that_step_uses():
    rule = bound(Recorder(), ten_parameters())
    rule.load({"a": np.full(10, 5.0), "b": np.full(10, 7.0)})
    rule.step(1)
    np.testing.assert_array_equal(rule.save()["a"], 5 + np.arange(10))
    np.testing.assert_array_equal(rule.save()["b"], 7 - np.arange(10))


@pytest.mark.parametrize(
    "state",
    [{}, {"a": np.zeros(10)}, {"a": np.zeros(10), "c": np.zeros(10)}, {"a": np.zeros(10), "b": np.zeros(9)}],
    ids=["nothing", "one missing", "a wrong name", "a wrong shape"],
)
def test_load_refuses_a_state_that_does_not_fit_and_says_what_the_rule_keeps(state):
    with pytest.raises(ValueError, match="does not fit Recorder: it keeps a, b"):
        bound(Recorder(), ten_parameters()).load(state)


def test_a_rule_without_state_saves_nothing_and_loads_nothing():
    rule = bound(Stateless(), ten_parameters())
    assert rule.save() == {}
    rule.load({})
    with pytest.raises(ValueError, match="keeps none"):
        rule.load({"v": np.zeros(10)})


def test_an_optimizer_drives_one_network_only():
    rule = bound(Recorder(), ten_parameters())
    with pytest.raises(ValueError, match="this Recorder already drives a network: make one instance for each"):
        rule.bind(ten_parameters())


@pytest.mark.parametrize("lr", [0, -1, INF, NAN])
def test_the_optimizer_base_checks_the_learning_rate(lr):
    with pytest.raises(ValueError, match="lr must be in"):
        Recorder(lr=lr)


def test_an_optimizer_without_update_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer(lr=0.1)


def good(rows=4, features=3, classes=2):
    return Split(np.zeros((rows, features), np.float32), np.arange(rows) % classes)


def splits(train=None, valid=None, test=None):
    return Splits(train or good(), valid, test, outputs=2, source="made up")


def test_splits_lists_those_that_exist_by_name():
    assert list(splits().present()) == ["train"]
    assert list(splits(valid=good(2), test=good(1)).present()) == ["train", "valid", "test"]


def with_x(change):
    x = good().x.copy()
    return good()._replace(x=change(x))


def with_y(labels):
    return good()._replace(y=np.array(labels))


def with_value(value):
    def change(x):
        x[1, 2] = value
        return x

    return with_x(change)


@pytest.mark.parametrize("name", ["train", "valid", "test"])
@pytest.mark.parametrize(
    ("split", "complaint"),
    [
        pytest.param(
            with_x(lambda x: x[0]), r"x must be a float or uint8 array \(rows, features\), got float32 \(3,\)", id="flat x"
        ),
        pytest.param(
            with_x(lambda x: x.astype(int)), r"x must be a float or uint8 array .*, got int64 \(4, 3\)", id="integer x"
        ),
        pytest.param(
            with_y([0, 1, 1]), r"y must be an integer array \(4,\), one answer for each row, got int64 \(3,\)", id="few y"
        ),
        pytest.param(with_y([[0, 1]] * 4), r"y must be an integer array .*, got int64 \(4, 2\)", id="one-hot y"),
        pytest.param(with_y([0.0, 1.0, 0.0, 1.0]), r"y must be an? \w+ array .*, got float64 \(4,\)", id="float y"),
        pytest.param(good(rows=0), "has no rows", id="empty"),
        pytest.param(with_y([0, 1, 2, 1]), "y must hold classes 0 to 1, got 0 to 2", id="class too high"),
        pytest.param(with_y([0, 1, -1, 1]), "y must hold classes 0 to 1, got -1 to 1", id="class below 0"),
        pytest.param(with_value(NAN), "x holds values that are not finite", id="nan"),
        pytest.param(with_value(INF), "x holds values that are not finite", id="inf"),
        pytest.param(with_value(-INF), "x holds values that are not finite", id="-inf"),
    ],
)
def test_a_damaged_split_is_refused_with_its_name(name, split, complaint):
    with pytest.raises(ValueError, match=rf"^{name}\.?\s?{complaint}"):
        splits(**{name: split})


def test_splits_must_have_the_features_of_the_training_split():
    with pytest.raises(ValueError, match=r"valid\.x has 5 features, train\.x has 3"):
        splits(valid=good(features=5))


def pixels():
    return good()._replace(x=np.full((4, 3), 255, np.uint8))


def test_features_may_be_bytes_with_what_they_are_divided_by():
    kept = Splits(pixels(), pixels(), None, outputs=2, source="made up", divisor=255)
    assert kept.train.x.dtype == np.uint8
    assert splits(train=pixels()).divisor == 1


def test_features_are_bytes_in_all_splits_or_in_none():
    with pytest.raises(ValueError, match=r"valid\.x is float32, train\.x is uint8: all are uint8, or none is"):
        splits(train=pixels(), valid=good())


@pytest.mark.parametrize("divisor", [0, -255, NAN, INF, 1e-60])
def test_a_divisor_out_of_its_range_is_refused(divisor):
    with pytest.raises(ValueError, match=r"divisor must be in \(0, inf\), got"):
        Splits(pixels(), None, None, outputs=2, source="made up", divisor=divisor)


def test_a_divisor_of_floats_is_refused_as_they_are_taken_as_they_are():
    with pytest.raises(ValueError, match=r"divisor=255 is for uint8 features, and train\.x is float32"):
        Splits(good(), None, None, outputs=2, source="made up", divisor=255)


def test_a_row_may_have_a_natural_shape():
    assert splits().shape is None
    assert Splits(good(features=12), None, None, outputs=2, source="made up", shape=(2, 2, 3)).shape == (2, 2, 3)


@pytest.mark.parametrize("shape", [(2, 2), (3, 0), (), (-1, -3)])
def test_a_shape_that_is_not_that_of_a_row_is_refused(shape):
    with pytest.raises(ValueError, match=rf"^shape {re.escape(str(shape))} is not that of a row: it has 3 features"):
        Splits(good(), None, None, outputs=2, source="made up", shape=shape)


def test_labels_of_any_integer_dtype_are_fine():
    splits(train=good()._replace(y=np.array([0, 1, 1, 0], np.uint8)))


def test_every_contract_names_a_kind_in_one_word():
    assert all(kind.isidentifier() and kind.islower() for kind in CONTRACTS)


def test_numpy_scalars_as_hyper_parameters_or_schedule_factors_leave_float32_alone():
    rule = Recorder(lr=np.float64(0.1))
    assert type(rule.lr) is float
    seen = []
    rule.update = lambda theta, g, *state, t, lr: seen.append(type(lr))
    rule.bind(SimpleNamespace(theta=np.zeros(3, np.float32), grad=np.ones(3, np.float32), named={}))
    rule.step(1, np.float64(0.5))
    assert seen == [float]


def test_splits_refuse_both_infinities_at_once_without_a_warning():
    x = np.array([[np.inf], [-np.inf]])
    with pytest.raises(ValueError, match=r"train\.x holds values that are not finite"):
        Splits(Split(x, np.array([0, 0])), None, None, 1, "made up")
