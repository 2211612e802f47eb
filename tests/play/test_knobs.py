"""Knobs are made from signatures, search ranges and docstrings, and turn what a run is given."""

import pytest

from nnreg.contracts import Optimizer
from nnreg.errors import UserError
from nnreg.play.knobs import Interval, knobs_of, made_technique, shown_technique, slider, symbol_in, turned, words_of
from nnreg.registry import entries


def by_key(kind, name):
    return {knob.key: knob for knob in knobs_of(kind, name)}


@pytest.mark.parametrize("kind", ["optimizer", "surface", "schedule", "activation", "init", "norm", "dropout", "dataset"])
def test_every_technique_has_knobs_that_begin_at_its_defaults(kind):
    for name in entries.techniques(kind):
        for knob in knobs_of(kind, name):
            if knob.form == "range" and knob.default is not None:
                assert knob.low < knob.high, knob
                is_at_zero = knob.scale == "log_from_zero" and knob.default == 0
                assert is_at_zero or knob.low <= knob.default <= knob.high, knob
            if knob.scale == "log":
                assert knob.low > 0, knob


def test_a_rate_goes_by_its_logarithm_a_decade_beyond_what_is_searched():
    rate = by_key("optimizer", "adam")["lr"]
    assert (rate.form, rate.scale, rate.low, rate.high, rate.symbol) == ("range", "log", 1e-5, 1.0, "η")
    assert "longest step" in rate.meaning


def test_a_share_that_survives_goes_by_the_logarithm_of_what_does_not():
    beta = by_key("optimizer", "adam")["beta2"]
    assert (beta.scale, beta.low, beta.high, beta.symbol) == ("one_minus", 0.0, 0.99999, "β₂")


def test_truths_are_boxes_and_words_are_lists():
    assert by_key("optimizer", "adam")["amsgrad"].form == "box"
    shape = by_key("surface", "spectrum")["shape"]
    assert (shape.form, shape.choices) == ("list", ("log", "linear", "power"))


def test_a_wrapper_has_the_knobs_of_what_stands_inside_and_leaves_the_rate_to_it():
    assert list(by_key("optimizer", "sam+momentum")) == ["rho", "inner.lr", "inner.momentum"]
    made = made_technique("optimizer", "sam+momentum", {"rho": 0.1, "inner.momentum": 0.5})
    assert (made.rho, made.inner.momentum) == (0.1, 0.5)
    assert words_of("optimizer", "sam+momentum", {"rho": 0.05, "inner.momentum": 0.5}) == [
        "optimizer=sam+momentum",
        "optimizer.inner.momentum=0.5",
    ]


@pytest.mark.parametrize(
    ("default", "stated", "searched", "expected"),
    [
        (0.5, Interval("(0, 1)", 0, 1), None, ("linear", 0.001, 0.999)),
        (20.0, Interval("[1, inf)", 1, float("inf")), None, ("log", 1, 2000)),
        (0.0, Interval("[0, inf)", 0, float("inf")), None, ("log_from_zero", 1e-4, 10)),
        (1.0, None, None, ("linear", -2, 2)),
        (45.0, Interval("[-180, 180]", -180, 180), None, ("linear", -180, 180)),
        (None, None, (1e-3, 1.0), ("log", 1e-4, 10)),
    ],
)
def test_a_slider_follows_what_is_said_of_the_parameter(default, stated, searched, expected):
    assert slider(default, stated, searched) == pytest.approx(expected)


def test_a_symbol_is_a_word_of_the_meaning_that_the_formula_has():
    assert symbol_in("share m of the velocity that survives a step", "v ← mv − ηg") == "m"
    assert symbol_in("learning rate η, a length", "θ ← θ − ηg") == "η"
    assert symbol_in("β₂, the same", "v ← β₂v + (1 − β₂)g²") == "β₂"
    assert symbol_in("a number of steps", "θ ← θ − ag") == ""


def test_two_that_are_made_of_one_description_share_nothing():
    one, other = (made_technique("optimizer", "lookahead+adam", {}) for _ in range(2))
    assert one is not other
    assert one.inner is not other.inner


def test_one_knob_is_turned_of_a_rule_or_of_one_inside():
    made = made_technique("optimizer", "sam+momentum", {})
    assert turned(made, "inner.lr", 0.7).inner.lr == 0.7
    assert made.inner.lr != 0.7
    with pytest.raises(ValueError, match="rho"):
        turned(made, "rho", -1.0)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("adam", {"lrr": 1}, "no parameter 'lrr'; did you mean 'lr'"),
        ("adam", {"lr": -1}, "lr must be in (0, inf)"),
        ("adam", {"lr": "${oc.env:HOME}"}, "must be a finite number"),
        ("adam", {"lr": {"a": 1}}, "must be a finite number"),
        ("adam", {"lr": float("inf")}, "must be a finite number"),
        ("+".join(["sam"] * 9), {}, "must be the name of a technique"),
        ("no_such", {}, "there is no optimizer 'no_such'"),
    ],
)
def test_what_a_page_cannot_ask_for_is_refused_in_one_line(name, values, said):
    with pytest.raises(UserError) as caught:
        made_technique("optimizer", name, values)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_technique_is_shown_with_formulas_from_the_outside_in():
    shown = shown_technique("optimizer", "lookahead")
    assert shown["chain"] == ["lookahead", "momentum"]
    assert [part["of"] for part in shown["formulas"]] == ["lookahead", "momentum"]
    assert "φ ← φ + α(θ − φ)" in shown["formulas"][0]["text"]
    assert isinstance(made_technique("optimizer", shown["name"], {}), Optimizer)
