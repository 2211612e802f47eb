"""What every technique owes its reader."""

from __future__ import annotations

import re

from nnreg.registry.catalogue import describe
from nnreg.registry.schemas import parameters_of
from nnreg.testing.outcome import expect
from nnreg.testing.subject import Subject


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
