"""What every registered technique owes its reader: a documented formula, documented ranges, and that it keeps them."""

import inspect
import math
import re
import sys
import typing

import docstring_parser
import pytest

from nnreg.registry.building import make_technique
from nnreg.registry.entries import load_class, techniques

KINDS = (
    *("optimizer", "init", "activation", "network", "loss", "regularizer", "norm", "dropout", "schedule", "surface"),
    *("sampler", "augmentation"),
)
INTERVAL = re.compile(r"in ([\[(][^,\]()]+, [^,\]()]+[\])])")


def entries(*kinds):
    return [pytest.param(entry, id=f"{kind}/{name}") for kind in kinds for name, entry in techniques(kind).items()]


@pytest.fixture
def technique(request):
    return load_class(request.param)


every_technique = pytest.mark.parametrize("technique", entries(*KINDS), indirect=True)


def paragraphs(technique):
    return [part.strip("\n") for part in sys.modules[technique.__module__].__doc__.split("\n\n")]


def meanings(technique):
    return {parameter.arg_name: parameter.description for parameter in docstring_parser.parse(technique.__doc__).params}


class Interval(typing.NamedTuple):
    text: str
    low: float
    high: float

    @property
    def just_outside(self):
        below = math.nextafter(self.low, -math.inf) if self.text[0] == "[" else self.low
        above = math.nextafter(self.high, math.inf) if self.text[-1] == "]" else self.high
        return [math.nan, below, above]


def ranged(technique):
    """Parameters that are numbers, with the interval that their documentation promises."""
    types = typing.get_type_hints(technique)
    for name in inspect.signature(technique).parameters:
        if types.get(name) in (int, float):
            promise = INTERVAL.search(meanings(technique)[name])
            assert promise, f"the meaning of {name} must say its range"
            yield name, Interval(promise[1], *map(float, promise[1].strip("[]()").split(",")))


@every_technique
def test_the_module_opens_with_the_name_of_the_class_and_a_summary_in_one_line(technique):
    assert re.fullmatch(rf"{technique.__name__}: \S.*\.", paragraphs(technique)[0])


@every_technique
def test_the_module_shows_the_formula_as_an_indented_block(technique):
    formula = paragraphs(technique)[1]
    assert all(line.startswith("    ") for line in formula.splitlines())
    assert re.search("[=←~]", formula)


@every_technique
def test_the_module_says_where_the_technique_comes_from_with_year_and_link(technique):
    sources = [part for part in paragraphs(technique) if part.startswith("Source: ")]
    assert len(sources) == 1
    assert re.search(r"\((19|20)\d\d\)", sources[0])
    assert re.search("https?://", sources[0])


@every_technique
def test_the_class_is_summed_up_in_one_short_sentence(technique):
    summary = docstring_parser.parse(technique.__doc__).short_description
    assert summary.endswith(".")
    assert "\n" not in summary
    assert len(summary) <= 90


@every_technique
def test_every_parameter_has_a_meaning_and_no_meaning_lacks_a_parameter(technique):
    documented = meanings(technique)
    assert list(documented) == list(inspect.signature(technique).parameters)
    assert all(documented.values())


@every_technique
def test_the_defaults_are_accepted(technique):
    needed = [p for p in inspect.signature(technique).parameters.values() if p.default is p.empty]
    make_technique(technique, **{parameter.name: "x" for parameter in needed})


@every_technique
def test_a_number_outside_its_documented_range_is_refused_by_name(technique):
    for name, interval in ranged(technique):
        for value in interval.just_outside:
            with pytest.raises(ValueError, match=re.escape(f"{name} must be in {interval.text}, got {value}")):
                make_technique(technique, **{name: value})


@every_technique
def test_a_word_that_is_no_choice_is_refused_by_name(technique):
    for name, annotation in typing.get_type_hints(technique).items():
        if typing.get_origin(annotation) is typing.Literal and name in inspect.signature(technique).parameters:
            for choice in typing.get_args(annotation):
                make_technique(technique, **{name: choice})
            with pytest.raises(ValueError, match=rf"{name} must be .*'nonsense'"):
                make_technique(technique, **{name: "nonsense"})
