"""What every registered technique owes its reader: a documented formula, documented ranges, and that it keeps them."""

import inspect
import math
import re
import sys
import typing
from types import SimpleNamespace

import docstring_parser
import numpy as np
import pytest

from nnreg import registry
from nnreg.contracts import Weights

KINDS = ("optimizer", "init", "activation", "loss", "regularizer")
INTERVAL = re.compile(r"in ([\[(][^,\]()]+, [^,\]()]+[\])])")


def entries(*kinds):
    return [pytest.param(entry, id=f"{kind}/{name}") for kind in kinds for name, entry in registry.entries(kind).items()]


@pytest.fixture
def technique(request):
    return registry.load(request.param)


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
    def closed_ends(self):
        return [self.low] * (self.text[0] == "[") + [self.high] * (self.text[-1] == "]")

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
    technique()


@every_technique
def test_a_number_outside_its_documented_range_is_refused_by_name(technique):
    for name, interval in ranged(technique):
        for value in interval.just_outside:
            with pytest.raises(ValueError, match=re.escape(f"{name} must be in {interval.text}, got {value}")):
                technique(**{name: value})


@every_technique
def test_a_closed_end_of_a_documented_range_is_accepted(technique):
    for name, interval in ranged(technique):
        for end in interval.closed_ends:
            technique(**{name: end})


@every_technique
def test_a_word_that_is_no_choice_is_refused_by_name(technique):
    for name, annotation in typing.get_type_hints(technique).items():
        if typing.get_origin(annotation) is typing.Literal and name in inspect.signature(technique).parameters:
            for choice in typing.get_args(annotation):
                technique(**{name: choice})
            with pytest.raises(ValueError, match=rf"{name} must be .*'nonsense'"):
                technique(**{name: "nonsense"})


class Watched(np.ndarray):
    """An array that writes down in which precisions it takes part."""

    precisions: typing.ClassVar[set] = set()

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        if out:
            options["out"] = tuple(np.asarray(array) for array in out)
        plain = [np.asarray(array) if isinstance(array, Watched) else array for array in inputs]
        result = getattr(ufunc, method)(*plain, **options)
        self.precisions.update(
            a.dtype for a in (*plain, result) if isinstance(a, np.ndarray | np.generic) and a.dtype.kind == "f"
        )
        return out[0] if out else result.view(Watched) if isinstance(result, np.ndarray) else result


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def watched(request):
    """Makes arrays of one precision, and checks in the end that no other took part."""
    Watched.precisions.clear()
    rng = np.random.default_rng(0)
    yield lambda *shape: rng.standard_normal(shape).astype(request.param).view(Watched)
    assert Watched.precisions <= {np.dtype(request.param)}


@pytest.mark.parametrize("technique", entries("optimizer"), indirect=True)
def test_an_update_computes_in_the_precision_of_the_parameters(technique, watched):
    theta, grad = watched(24), watched(24)
    rule = technique()
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={"W1": Weights(theta.reshape(6, 4), grad.reshape(6, 4))}))
    for t in (1, 2, 3):
        rule.step(t, factor=0.5)
    assert {vector.dtype for vector in rule.save().values()} <= {theta.dtype}


@pytest.mark.parametrize("technique", entries("activation"), indirect=True)
def test_an_activation_computes_in_the_precision_of_its_input(technique, watched):
    z, y, dy, dz = (watched(5, 4) for _ in range(4))
    technique().forward(z, out=y)
    technique().backward(dy, z, y, out=dz)


@pytest.mark.parametrize("technique", entries("loss"), indirect=True)
def test_a_loss_computes_in_the_precision_of_the_logits(technique, watched):
    logits, out = watched(5, 4), watched(5, 4)
    labels = np.array([0, 3, 1, 1, 2])
    assert type(technique().value(logits, labels)) is float
    assert type(technique().value_and_gradient(logits, labels, out=out)) is float


@pytest.mark.parametrize("technique", entries("regularizer"), indirect=True)
def test_a_regularizer_computes_in_the_precision_of_the_weights(technique, watched):
    weights, grad = watched(20), watched(20)
    assert type(technique().penalty(weights)) is float
    technique().add_gradient(weights, grad)
