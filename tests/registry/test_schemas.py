"""A constructor's signature as a configuration and back."""

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Optional

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg.registry.schemas import REQUIRED, parameters_of, schema


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


def one(annotation: Any, default: Any = REQUIRED) -> Any:
    """The only parameter of a technique."""
    given_default = [] if default is REQUIRED else [field(default_factory=lambda: default)]
    (parameter,) = parameters_of(make_dataclass("Technique", [("x", annotation, *given_default)]))
    return parameter


def config(annotation: Any, default: Any) -> Any:
    technique = make_dataclass("Technique", [("x", annotation, field(default_factory=lambda: default))])
    return OmegaConf.structured(schema(technique, "technique", __name__))


# --- there and back ------------------------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_characters="$?{}\x85\u2028\u2029", exclude_categories=["C"]), max_size=6)
choice_words = st.lists(words, min_size=1, max_size=4, unique=True)
floats = st.floats(allow_nan=False)
simple = st.sampled_from([(bool, st.booleans()), (int, st.integers(-(2**60), 2**60)), (float, floats), (str, words)])


@st.composite
def annotated(draw):
    """An annotation, with two values of it."""
    scalar, values = draw(st.one_of(simple, st.just((Path, words.map(Path)))))
    form = draw(st.sampled_from(["plain", "words", "numbers", "enum", "list", "tuple", "pair", "sequence", "dict", "anything"]))
    if form == "words":
        choices = draw(choice_words)
        scalar, values = Literal[tuple(choices)], st.sampled_from(choices)
    elif form == "numbers":
        choices = draw(st.lists(st.integers(-99, 99), min_size=1, max_size=4, unique=True))
        scalar, values = Literal[tuple(choices)], st.sampled_from(choices)
    elif form == "enum":
        scalar, values = Colour, st.sampled_from(Colour)
    elif form == "list":
        scalar, values = list[scalar], st.lists(values, max_size=3)
    elif form == "tuple":
        scalar, values = tuple[scalar, ...], st.lists(values, max_size=3).map(tuple)
    elif form == "pair":
        scalar, values = tuple[scalar, scalar], st.tuples(values, values)
    elif form == "sequence":
        scalar, values = Sequence[scalar], st.lists(values, max_size=3).map(tuple)
    elif form == "dict":
        scalar, values = dict[str, scalar], st.dictionaries(st.sampled_from("abc"), values, max_size=2)
        if draw(st.booleans()):
            scalar = Mapping[typing.get_args(scalar)]
    elif form == "anything":
        scalar, values = Any, st.one_of(st.none(), *(strategy for _, strategy in [draw(simple)]))
    if form not in ("anything", "sequence") and draw(st.booleans()):
        scalar, values = Optional[scalar], st.one_of(st.none(), values)  # noqa: UP045 - made at run time
    default = {} if form == "dict" else draw(values)  # configurations are merged, so the entries of a default would stay
    return scalar, default, draw(values)


@pytest.mark.long
@settings(max_examples=50, deadline=None)
@given(st.lists(annotated(), max_size=5))
def test_what_goes_through_a_configuration_and_its_yaml_comes_back_as_it_was(techniques):
    fields = [
        (f"x{i}", annotation, field(default_factory=lambda v=default: v))
        for i, (annotation, default, _) in enumerate(techniques)
    ]
    technique = make_dataclass("Technique", fields)
    wanted = technique(*(value for _, _, value in techniques))

    node = OmegaConf.structured(schema(technique, "technique", __name__, fixed={"name": "technique"}))
    assert restored(technique, node) == technique()

    for i, (_, _, value) in enumerate(techniques):
        plain = typed(value)
        if isinstance(plain, dict):
            node[f"x{i}"] = {}
        OmegaConf.update(node, f"x{i}", plain, merge=False, force_add=True)
    saved = OmegaConf.to_yaml(node)
    assert "!!python" not in saved
    assert restored(technique, OmegaConf.merge(schema_of(technique), OmegaConf.create(saved))) == wanted


def schema_of(technique):
    return OmegaConf.structured(schema(technique, "technique", __name__, fixed={"name": "technique"}))


def restored(technique, node):
    values = OmegaConf.to_container(node, throw_on_missing=True)
    return technique(**{p.name: p.restore(values[p.name]) for p in parameters_of(technique)})


def typed(value):
    """A value as a person would write it in YAML."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    return [typed(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(
    ("annotation", "configured", "expected"),
    [
        (tuple[tuple[int, int], ...], [[1, 2], [3, 4]], ((1, 2), (3, 4))),
        (tuple[str, Path, int], ["a", "b", 3], ("a", Path("b"), 3)),
        (list[tuple[int, ...]], [[1], []], [(1,), ()]),
        (tuple, [1, "a"], (1, "a")),
        (Optional[tuple[int, ...]], None, None),  # noqa: UP045 - the old spelling must work too
        (typing.Tuple[int, ...], [1], (1,)),  # noqa: UP006 - the old spelling must work too
        (Any, [1], [1]),
    ],
)  # fmt: skip
def test_containers_are_restored_to_the_depth_of_the_annotation(annotation, configured, expected):
    assert one(annotation).restore(configured) == expected


# --- what a signature says -----------------------------------------------------------------------------------------------


def test_parameters_come_in_the_order_of_the_constructor_with_inherited_ones_first():
    @dataclass
    class Base:
        lr: float
        state: typing.ClassVar[tuple[str, ...]] = ()

    @dataclass
    class Rule(Base):
        lr: float = 0.1
        beta: float = 0.9
        hidden: float = field(default=0, init=False)
        last: int = field(default=3, kw_only=True)

    assert [(p.name, p.annotation, p.default) for p in parameters_of(Rule)] == [
        ("lr", float, 0.1),
        ("beta", float, 0.9),
        ("last", int, 3),
    ]


def test_a_plain_class_is_read_from_its_constructor_without_the_catch_alls():
    class Plain:
        def __init__(self, lr: float, *rest: int, mode: Literal["a", "b"] = "a", untyped=3, **options: str) -> None: ...

    assert [(p.name, p.annotation, p.default) for p in parameters_of(Plain)] == [
        ("lr", float, REQUIRED),
        ("mode", Literal["a", "b"], "a"),
        ("untyped", Any, 3),
    ]


def test_a_class_without_a_constructor_has_no_parameters():
    assert parameters_of(type("Plain", (), {})) == ()


def test_one_annotation_that_only_a_type_checker_can_resolve_leaves_the_others_alone():
    module = ModuleType("resolving")
    sys.modules["resolving"] = module
    source = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
if TYPE_CHECKING:
    from nowhere import Unknown
@dataclass
class Rule:
    lr: float = 0.1
    unknown: Unknown | None = None
    mode: Literal["a", "b"] = "a"
class Plain:
    def __init__(self, lr: float, unknown: Unknown) -> None: ...
"""
    try:
        exec(source, vars(module))
        assert [p.annotation for p in parameters_of(module.Rule)] == [float, Any, Literal["a", "b"]]
        assert [p.annotation for p in parameters_of(module.Plain)] == [float, Any]
    finally:
        del sys.modules["resolving"]


@pytest.mark.parametrize(
    "default",
    [print, np.ones(2), object(), {1, 2}, 1j, dataclasses.field, Colour, make_dataclass("Inner", [])(), [np.ones(2)]],
    ids=lambda default: type(default).__name__,
)
def test_a_default_that_no_yaml_can_hold_can_be_set_in_code_only(default):
    parameter = one(Any, default)
    assert not parameter.settable
    assert "x" not in config(Any, default)


@pytest.mark.parametrize("default", [None, True, 3, 0.5, "a", Path("a"), Colour.RED, [1], (1, (2,)), {"a": [1]}, REQUIRED])
def test_any_other_default_can_be_set(default):
    assert one(Any, default).settable


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (float, "float"),
        (Any, "Any"),
        (Path, "Path"),
        (float | None, "float | None"),
        (tuple[float, ...], "tuple[float, ...]"),
        (list[int], "list[int]"),
        (Sequence[float], "Sequence[float]"),
        (Callable[[Path], int] | None, "Callable[[Path], int] | None"),
        (np.ndarray, "ndarray"),
        (Literal["fan_avg", "fan_in"], "fan_avg | fan_in"),
        (Literal["a"] | None, "a | null"),
        (Literal[1, 2], "1 | 2"),
        (Colour, "RED | GREEN"),
    ],
)
def test_a_type_is_shown_without_its_modules(annotation, text):
    assert one(annotation).type_text == text


# --- what a configuration checks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "default", "wrong"),
    [
        (float, 0.1, "fast"),
        (int, 1, 1.5),
        (bool, True, "perhaps"),
        (str, "a", [1]),
        (Path, Path("a"), [1]),
        (float | None, None, "fast"),
        (float, None, "fast"),  # the author forgot "| None"
        (Literal["a", "b"], "a", "c"),
        (Literal["a", "b"] | None, None, "c"),
        (Literal[1, 2], 2, 3),
        (Colour, Colour.RED, "BLUE"),
        (list[int], [1], ["a"]),
        (tuple[float, float], (0.9, 0.99), [0.9, "x"]),
        (tuple[float, ...], (), 3),
        (Sequence[float], (1.0,), ["x"]),
        (dict[str, float], {}, {"a": "b"}),
        (Mapping[str, int], {"a": 1}, {"a": "b"}),
        (typing.Dict[str, int], {}, {"a": "b"}),  # noqa: UP006 - the old spelling must work too
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(annotation, default, wrong):
    with pytest.raises(OmegaConfBaseException):
        OmegaConf.merge(config(annotation, default), {"x": wrong})


@pytest.mark.parametrize(
    ("annotation", "default", "value"),
    [
        (int | str, "auto", 3),
        (list, [1], ["a"]),
        (dict, {}, {"a": 1}),
        (typing.Dict, {}, {"a": 1}),  # noqa: UP006 - the old spelling must work too
        (tuple[int, str], (1, "a"), [2, "b"]),
        (dict[str, list[int]], {}, {"a": [1]}),
        (Callable[[float], float] | None, None, "a"),
        (np.ndarray, None, [1]),
        (Literal["a", None, 2.5], "a", 2.5),
        (Literal["1", 1], 1, "1"),
        (Literal["mro", "_a_"], "mro", "_a_"),
        (typing.NewType("Rate", float), 0.1, 0.2),
        (int, 0.5, 0.25),  # the author's default is of another type
        (Literal["a"], "c", "a"),
        (float, "auto", 0.5),
        ([int], 1, 2),
    ],
)
def test_an_annotation_or_default_that_cannot_be_checked_takes_anything(annotation, default, value):
    node = config(annotation, default)
    assert one(annotation, default).restore(OmegaConf.to_container(node)["x"]) == default
    assert OmegaConf.to_container(OmegaConf.merge(node, {"x": value}))["x"] == value


def test_a_required_parameter_is_missing_until_it_is_given():
    node = OmegaConf.structured(schema(make_dataclass("Technique", [("x", float)]), "technique", __name__))
    assert OmegaConf.is_missing(node, "x")
    assert OmegaConf.to_container(node) == {"x": MISSING}
    assert repr(one(float).default) == "required"


def test_parameters_may_be_called_like_the_methods_of_a_dictionary():
    names = ["items", "keys", "get", "pop", "copy", "_private", "lambda_"]
    technique = make_dataclass("Technique", [(name, int, i) for i, name in enumerate(names)])
    assert restored(technique, OmegaConf.structured(schema(technique, "technique", __name__))) == technique()


def test_a_parameter_cannot_have_the_name_of_a_fixed_field():
    with pytest.raises(ValueError, match="the parameter 'name' must be called otherwise"):
        schema(make_dataclass("Technique", [("name", str, "")]), "technique", __name__, fixed={"name": "technique"})


def test_two_configurations_do_not_share_a_default():
    technique = make_dataclass("Technique", [("x", list[int], field(default_factory=lambda: [1]))])
    made = schema(technique, "technique", __name__)
    OmegaConf.structured(made).x.append(2)
    assert OmegaConf.structured(made).x == [1]


def test_a_tuple_of_fixed_length_refuses_another_length_by_name():
    @dataclass
    class Betas:
        betas: tuple[float, float] = (0.9, 0.999)

    (parameter,) = parameters_of(Betas)
    assert parameter.restore([0.5, 0.6]) == (0.5, 0.6)
    with pytest.raises(ValueError, match="betas must have 2 values, got 1"):
        parameter.restore([0.5])
