"""Python values as words of a command line, read back by Hydra's own grammar."""

from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nnreg.errors import UserError
from nnreg.registry.overrides import of_run, of_sweep, quoted

texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8) | st.sampled_from(
    ["a b", " a", "a,b", "true", "Null", "NaN", "inf", "1e5", "it's", "C:\\data\\", "\\'", "a=b", "${steps}", "*", ""]
)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | texts
values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), scalars, max_size=3)
)


def parsed(word):
    (override,) = OverridesParser.create().parse_overrides([word])
    return override


@given(value=values)
def test_every_value_survives_the_way_through_hydras_grammar(value):
    read = parsed(f"key={quoted(value)}").value()
    assert read == value
    assert type(read) is type(value)


@given(tried=st.lists(values, min_size=2, max_size=4))
def test_every_element_of_an_axis_survives_the_way_through_hydras_grammar(tried):
    (word,) = of_sweep({"key": tried})
    override = parsed(word)
    assert override.is_sweep_override()
    assert [parsed(f"key={one}").value() for one in override.sweep_string_iterator()] == tried


@pytest.mark.parametrize("text", ["adam", "fan_in", "off", "data/mine.csv", "ab-c", "_x", "trueish", "e5"])
def test_plain_text_stays_as_one_would_type_it(text):
    assert quoted(text) == text


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (np.float64(0.1), "0.1"),
        (np.int32(3), "3"),
        (np.bool_(True), "true"),
        (np.array([64, 32]), "[64,32]"),
        ((64, 32), "[64,32]"),
        (range(3), "[0,1,2]"),
        (Path("data/mine.csv"), "data/mine.csv"),
        ([[1, 2], [3]], "[[1,2],[3]]"),
    ],
    ids=str,
)
def test_numpys_values_paths_and_every_kind_of_sequence_are_written(value, word):
    assert quoted(value) == word


def test_two_underscores_stand_for_a_dot():
    assert of_run({"optimizer__lr": 0.1, "weight_decay": None}) == ["optimizer.lr=0.1", "weight_decay=null"]


@pytest.mark.parametrize(
    ("tried", "word"),
    [
        (["he", "xavier"], "key=he,xavier"),
        (range(3), "key=0,1,2"),
        (np.logspace(-2, 0, 3), "key=0.01,0.1,1.0"),
        ([[64, 64], [128]], "key=[64,64],[128]"),
        ([7], "key=7"),
        (7, "key=7"),
        ("he", "key=he"),
        (np.float64(0.5), "key=0.5"),
    ],
    ids=str,
)
def test_in_a_sweep_a_sequence_is_what_is_tried(tried, word):
    assert of_sweep({"key": tried}) == [word]


def test_what_says_how_a_sweep_is_made_is_never_tried():
    settings = {
        "protocol__seeds": [1, 2],
        "sweep__axes": ("optimizer", "init"),
        "hydra__job__env_copy": ["PATH"],
        "seed": [3, 4],
    }
    assert of_sweep(settings) == [
        "protocol.seeds=[1,2]",
        "sweep.axes=[optimizer,init]",
        "hydra.job.env_copy=[PATH]",
        "seed=3,4",
    ]


@pytest.mark.parametrize("nothing", [[], (), range(0), np.array([])], ids=repr)
def test_an_axis_without_values_is_refused(nothing):
    with pytest.raises(UserError, match=r"key=.* is a sweep over nothing: give at least one value"):
        of_sweep({"key": nothing})


@pytest.mark.parametrize("widths", [[64, 64], (64,), range(8, 10)], ids=str)
def test_a_network_where_several_are_wanted_is_answered_with_what_to_write(widths):
    with pytest.raises(UserError) as caught:
        of_sweep({"hidden": widths})
    said = f"hidden={widths!r}: a list in a sweep is what is tried; one that is always the same is hidden=[{widths!r}]"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("tried", "word"), [([[8]], "hidden=[8]"), ([[8, 8], [9]], "hidden=[8,8],[9]"), ("[8]", "hidden='[8]'")]
)
def test_networks_are_lists_of_widths(tried, word):
    assert of_sweep({"hidden": tried}) == [word]


def test_a_set_is_refused_as_it_has_no_order():
    with pytest.raises(UserError, match="a set has no order"):
        of_sweep({"key": {"he"}})


@pytest.mark.parametrize("write", [of_run, of_sweep])
def test_what_hydra_has_no_words_for_is_refused_by_name(write):
    with pytest.raises(UserError, match=r"^optimizer__lr: <function .* is no value of a setting: give a number, text"):
        write({"optimizer__lr": lambda: 0.1})
