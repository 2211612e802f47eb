"""What every kind owes: documentation, a configuration, and the same again from the same seed."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import random
import re
import unittest
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from omegaconf import OmegaConf

from nnreg.numerals import as_typed
from nnreg.registry import building
from nnreg.registry.catalogue import describe, interval_in
from nnreg.registry.nested import default_node, slots_of
from nnreg.registry.schemas import REQUIRED, parameters_of, schema_of
from nnreg.testing.report import Subject, expect, expect_equal, skip
from nnreg.testing.usage import use, use_varied


def it_is_summed_up_in_one_sentence(subject: Subject) -> None:
    """The class has a docstring of its own that begins with a one-line summary."""
    technique = subject.technique
    own = vars(technique).get("__doc__") or ""
    made_up = own.startswith(f"{technique.__name__}(")  # a dataclass without a docstring is given its signature
    expect(own.strip() and not made_up, f"the class {technique.__name__} needs a docstring that begins with one sentence")
    summary = describe(technique).summary
    expect(summary.endswith((".", "?", "!")), f"the docstring must begin with one sentence on one line, got: {summary}")


def it_says_where_it_comes_from(subject: Subject) -> None:
    """A paragraph of the module's or the class's docstring names the source."""
    sources = [note for note in describe(subject.technique).notes if re.match(r"Source:\s*\S", note)]
    expect(sources, "no paragraph of the docstrings begins with 'Source: ' and names the paper, its year and a link")


def every_parameter_has_a_meaning(subject: Subject) -> None:
    """The ``Args:`` section lists exactly the parameters of the constructor."""
    meanings = describe(subject.technique).meanings
    names = [parameter.name for parameter in parameters_of(subject.technique)]
    silent = [name for name in names if not meanings.get(name)]
    expect(not silent, f"the docstring's Args section says nothing about {', '.join(silent)}")
    strangers = sorted(set(meanings) - set(names))
    expect(not strangers, f"the docstring's Args section explains {', '.join(strangers)}, which the constructor does not take")


class Range(NamedTuple):
    """An interval that a parameter's meaning promises, such as ``[0, 1)``."""

    text: str
    low: float
    high: float
    whole: bool

    @property
    def closed_ends(self) -> list[float]:
        """Values that must be accepted."""
        ends = [self.low] * (self.text[0] == "[") + [self.high] * (self.text[-1] == "]")
        return [int(end) if self.whole else end for end in ends if math.isfinite(end)]

    @property
    def outside(self) -> list[float]:
        """Values that must be refused: the nearest ones, and NaN where the parameter is no whole number."""
        if self.whole:
            below, above = self.low - (self.text[0] == "["), self.high + (self.text[-1] == "]")
            return [int(end) for end in (below, above) if math.isfinite(end)]
        below = math.nextafter(self.low, -math.inf) if self.text[0] == "[" else self.low
        above = math.nextafter(self.high, math.inf) if self.text[-1] == "]" else self.high
        return [math.nan, below, above]


def it_is_built_from_a_configuration(subject: Subject) -> None:
    """The signature becomes a typed configuration, and that becomes an instance with the same parameters."""
    if "<locals>" in subject.entry.target:
        skip("the class is made inside a function, where no configuration can find it")
    wanted = subject.make()
    slots = {name: str(p.kind) for name, p in slots_of(subject.entry).items()}
    given: dict[Any, Any] = {
        name: default_node(slots[name], value) if name in slots else value for name, value in subject.settings.items()
    }
    node = OmegaConf.merge(OmegaConf.structured(schema_of(subject.entry)), given)
    made = building.build_entry(subject.entry, node)  # type: ignore[arg-type] # merge returns what its first argument is
    expect(type(made) is subject.technique, f"the configuration built a {type(made).__name__}")
    if dataclasses.is_dataclass(wanted):
        for field in dataclasses.fields(wanted):
            direct, built = getattr(wanted, field.name), getattr(made, field.name)
            same = direct == built or direct is built or (direct != direct and built != built)
            expect(same, f"{field.name} is {direct!r} by default, but {built!r} when built from its configuration")


def every_choice_is_accepted(subject: Subject) -> None:
    """Each word that a parameter's type allows makes an instance."""
    parameters = [parameter for parameter in parameters_of(subject.technique) if parameter.choices]
    if not parameters:
        skip("no parameter is a choice of words")
    for parameter in parameters:
        for choice in parameter.choices:
            _expect_accepted(subject, parameter.name, choice, "its type allows it")


def documented_ranges_are_kept(subject: Subject) -> None:
    """A number just outside the interval in a parameter's meaning is refused by name; a closed end is accepted."""
    promises = list(_promises(subject))
    if not promises:
        skip("no parameter's meaning says an interval, such as 'in [0, 1)'")
    subject.make()
    for name, promise in promises:
        for value in promise.outside:
            try:
                subject.make(**{name: value})
            except ValueError as error:
                expect(name in str(error), f"{name}={value} is refused without naming {name}: {error}")
            else:
                raise AssertionError(f"{name} is documented to be in {promise.text}, yet {name}={value} is accepted")
        for end in promise.closed_ends:
            _expect_accepted(subject, name, end, f"it is documented to be in {promise.text}")


def the_declared_search_range_can_be_searched(subject: Subject) -> None:
    """Each range in ``search`` is of a parameter, goes from above 0 upwards, and holds the default; both ends are accepted."""
    declared = getattr(subject.technique, "search", {})
    if not declared:
        skip("it declares no range to search: sweeps look around its defaults")
    known = {parameter.name: parameter for parameter in parameters_of(subject.technique)}
    expect(isinstance(declared, Mapping), f"search must be such as {{'lr': (1e-4, 1.0)}}, got {declared!r}")
    for name, span in declared.items():
        expect(name in known, f"search names {name!r}, which is no parameter: they are {', '.join(known)}")
        is_pair = isinstance(span, tuple) and len(span) == 2 and all(isinstance(end, int | float) for end in span)
        in_order = is_pair and 0 < span[0] < span[1] < math.inf
        expect(in_order, f"search[{name!r}] must be (low, high) with 0 < low < high, got {span!r}")
        default = known[name].default
        if default is not REQUIRED:
            expect(span[0] <= default <= span[1], f"search[{name!r}] = {span} leaves out the default, {default}")
        for end in span:
            _expect_accepted(subject, name, end, f"search[{name!r}] says that it is worth trying")


def _promises(subject: Subject) -> Iterator[tuple[str, Range]]:
    meanings = describe(subject.technique).meanings
    for parameter in parameters_of(subject.technique):
        kinds = {text.strip() for text in parameter.type_text.split("|")} - {"None"}
        promise = interval_in(meanings.get(parameter.name, "")) if kinds <= {"int", "float"} else None
        if promise is not None:
            yield parameter.name, Range(*promise, whole=kinds == {"int"})


def _expect_accepted(subject: Subject, name: str, value: Any, promise: str) -> None:
    try:
        subject.make(**{name: value})
    except ValueError as error:
        raise AssertionError(f"{name}={value} is refused ({error}), yet {promise}") from error


def the_global_generators_are_left_alone(subject: Subject) -> None:
    """Neither NumPy's global generator nor Python's is drawn from or seeded."""
    before = _global_state()
    use(subject)
    expect(
        _global_state() == before,
        "it draws from a global random generator; only the numpy.random.Generator that is passed in may be used",
    )


def equal_seeds_give_equal_results(subject: Subject) -> None:
    """Used twice from equal seeds, it computes the same to the last bit, whatever a global generator does meanwhile."""
    first = use(subject)
    before = np.random.get_state()  # noqa: NPY002 - it is disturbed on purpose, and restored
    try:
        np.random.random()  # noqa: NPY002
        second = use(subject)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    for one, other in zip(first, second, strict=True):
        expect_equal(other, one, "used a second time with the same seed it gave other numbers")


def a_varied_number_is_that_of_a_fresh_instance(subject: Subject) -> None:
    """Each number in ``varies``, set while in use, changes what follows, to what an instance made with it computes."""
    names = tuple(getattr(subject.technique, "varies", ()))
    if not names:
        skip("no number of it varies")
    known = {parameter.name: parameter for parameter in parameters_of(subject.technique)}
    for name in names:
        expect(name in known and name != "lr", f"varies names {name!r}; it may name numbers of the constructor but lr")
        before = getattr(subject.make(), name)
        is_number = isinstance(before, int | float) and not isinstance(before, bool)
        expect(is_number, f"varies names {name}, which is {before!r}, no number")
        other = _another(subject, name, float(before))
        unchanged, varied = (use_varied(subject, name, (before, value)) for value in (before, other))
        fresh = use_varied(subject, name, (before, other), afresh=True)
        for got, wanted in zip(varied, fresh, strict=True):
            expect_equal(
                got,
                wanted,
                f"{name} was set to {as_typed(other)} while in use, and an instance made with it computes otherwise",
            )
        same = all(np.array_equal(one, two, equal_nan=True) for one, two in zip(unchanged, varied, strict=True))
        expect(not same, f"{name} was set from {as_typed(before)} to {as_typed(other)} while in use, and nothing changed")


def _another(subject: Subject, name: str, before: float) -> float:
    """Return another value that a parameter takes, near its own."""
    for value in (0.5 * before, 0.9 * before + 0.05, 2 * before, before + 1):
        with contextlib.suppress(ValueError):
            subject.make(**{name: value})
            if value != before:
                return value
    raise unittest.SkipTest(f"{name} takes no other value near {as_typed(before)}")


def _global_state() -> Any:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - looked at, not drawn from
    return name, np.asarray(keys).tobytes(), tuple(rest), random.getstate()
