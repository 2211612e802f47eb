"""Python values as words of a command line, read back by Hydra's own grammar."""

from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nnreg.errors import UserError
from nnreg.registry.overrides import keep_text, of_run, of_sweep, quoted
from nnreg.sweeps.axes import read_axes

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


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("dataset.target=1.10", "1.10"),
        ("dataset.target=2.0", "2.0"),
        ("dataset.target=1e3", "1e3"),
        ("dataset.target=1_000", "1_000"),
        ("dataset.target=.5", ".5"),
        ("dataset.target=inf", "inf"),
        ("dataset.target=TRUE", "TRUE"),
        ("dataset.target=null", "null"),
        ("dataset.target=01", "01"),
        ("dataset.target=höhe", "höhe"),
        ("dataset.target=length (cm)", "length (cm)"),
        ("dataset.target=it's", "it's"),
        ("dataset.path=a=b;c.csv", "a=b;c.csv"),
        ("dataset.target='1.10'", "1.10"),
        ('dataset.target="a, b"', "a, b"),
        ("dataset.drop=[1.10,höhe,x y]", ["1.10", "höhe", "x y"]),
        ("++dataset.target=1.10", "1.10"),
        ("experiment_name=1.10", "1.10"),
        ("tracking_uri=1.10", "1.10"),
        ("sweep.resume=2024_01_02", "2024_01_02"),
        ("hydra.run.dir=1.10", "1.10"),
    ],
)
def test_what_a_text_parameter_is_given_stays_as_typed(typed, read):
    *_, word = keep_text(["dataset=csv", typed])
    assert parsed(word).value() == read


@pytest.mark.parametrize("chosen", [[], ["dataset=csv,arrays"], ["dataset=a_yaml_of_ones_own"]])
def test_text_stays_text_whichever_dataset_is_chosen(chosen):
    assert keep_text([*chosen, "dataset.path=1.10"])[-1] == "dataset.path='1.10'"


@pytest.mark.parametrize(
    ("typed", "tried"),
    [
        ("dataset.target=1.1,1.10", ["1.1", "1.10"]),
        ("dataset.target=choice(1.1,1.10)", ["1.1", "1.10"]),
        ("dataset.target=sort(1.10,1.1,reverse=true)", ["1.10", "1.1"]),
        ("dataset.drop=[1.1],[1.10,true]", [["1.1"], ["1.10", "true"]]),
    ],
)
def test_text_that_is_swept_stays_as_typed(typed, tried):
    (axis,) = read_axes(keep_text([typed]), None, None)
    assert [parsed(word).value() for word in axis.words] == tried


@pytest.mark.parametrize(
    "word",
    [
        "optimizer.lr=1e-3",
        "hidden=[1_0]",
        "watch_train=true",
        "tracking_uri=null",
        "dataset.target=2",
        "dataset.path=${oc.env:HOME}/x.csv",
        "dataset.target=a\\,b",
        "dataset.standardise=false",
        "dataset.nothing=1.10",
        "--config-dir=1.10",
        "~dataset",
        "-m",
    ],
)
def test_words_that_are_read_as_they_were_meant_stay(word):
    assert keep_text(["dataset=csv", word])[-1] == word


@given(
    text=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="$\\'\",[]{}()"), min_size=1)
)
def test_any_text_without_signs_of_the_grammar_is_read_as_typed(text):
    assert str(parsed(keep_text(["dataset=csv", f"dataset.target={text}"])[-1]).value()) == text
