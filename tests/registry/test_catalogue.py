"""What ``python -m nnreg plugins`` prints, read from the techniques' own source."""

import enum
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nnreg.errors import UserError
from nnreg.registry import catalogue, entries
from nnreg.registry.catalogue import describe
from tests.registry.publishing import OPTIMIZER, publishing

publish = pytest.fixture(publishing)
DOCUMENTED = '''
"""Rule: a rule.

    θ ← θ − ηg
    next line

Source: Somebody (1999),
"A rule".

A paragraph that is neither.
"""
from dataclasses import dataclass
from nnreg.contracts import Optimizer

@dataclass
class Rule(Optimizer):
    """Walks [straight] downhill.

    More about it.

    Args:
        lr: learning rate,
            in (0, inf).
        table: entries [a] and [/b].
        hook: called.
    """

    lr: float
    table: tuple[int, ...] = (1, 2)
    hook: object = print

    def update(self, theta, g, *, t, lr): ...
'''


@pytest.fixture
def shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")

    def show(wanted=None):
        code = catalogue.show_plugins(wanted)
        return code, capsys.readouterr().out

    return show


def test_every_technique_has_a_line_with_its_summary(shown):
    code, text = shown()
    assert code == 0
    lines = [line.split(maxsplit=2) for line in text.splitlines()[1:] if line and not line.startswith(("python", "from "))]
    assert [line[:2] for line in lines] == [[kind, name] for kind in entries.kinds() for name in entries.techniques(kind)]
    assert all(len(line) == 3 for line in lines)


def test_a_kind_can_be_listed_alone(shown):
    code, text = shown("init")
    assert code == 0
    assert {line.split()[0] for line in text.splitlines()[1:-3]} == {"init"}


def test_a_second_name_of_a_technique_is_said_to_be_one(shown):
    _, text = shown("init")
    assert any(line.split(maxsplit=2)[1:] == ["xavier", "same as glorot"] for line in text.splitlines())


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("optimizr", "there is no kind 'optimizr'; did you mean 'optimizer'? Available: activation, "),
        ("optimizr/adam", "there is no kind 'optimizr'; did you mean 'optimizer'? Available: activation, "),
        ("optimizer/adm", "there is no optimizer 'adm'; did you mean 'adam'? Available: adabelief, adadelta, adafactor, "),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(wanted, complaint):
    with pytest.raises(UserError) as caught:
        catalogue.show_plugins(wanted)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize("kind", entries.kinds())
def test_every_technique_can_be_shown_with_its_formula_source_and_place(shown, kind):
    for name, entry in entries.techniques(kind).items():
        _, text = shown(f"{kind}/{name}")
        technique = entries.load_class(entry)
        assert text.startswith(f"{kind}/{name}  {technique.__name__}, nnreg ")
        file, _, line = text.splitlines()[-1].removeprefix("written in  ").rpartition(":")
        source = Path(file).read_text(encoding="utf-8").splitlines()
        assert any(f"class {technique.__name__}" in row for row in source[int(line) - 1 : int(line) + 2])
        if kind != "dataset":
            assert "Source: " in text
            assert catalogue.describe(technique).formula in text.replace("\n    ", "\n")


def test_a_technique_is_shown_as_it_would_be_typed(shown, publish):
    publish("zoo", {"zoo_module": DOCUMENTED}, optimizer={"zebra": "zoo_module:Rule"})
    code, text = shown("optimizer/zebra")
    assert code == 0
    assert "Walks [straight] downhill." in text
    assert "    θ ← θ − ηg\n    next line\n" in text
    assert 'Source: Somebody (1999), "A rule".' in text
    rows = [line.strip().split(maxsplit=3) for line in text.splitlines() if line.startswith("optimizer.")]
    assert rows == [
        ["optimizer.lr", "float", "required", "learning rate, in (0, inf)."],
        ["optimizer.table", "tuple[int,", "...]", "[1,2]     entries [a] and [/b]."],
        ["optimizer.hook", "object", "print", "called. (set in code only)"],
    ]


def test_a_technique_without_parameters_says_so(shown):
    assert "no parameters: activation=relu\n" in shown("activation/relu")[1]


def test_a_broken_plugin_is_listed_with_its_cause_and_ends_in_exit_code_1(shown, publish):
    publish("zoo", {"zoo_module": "raise ImportError('[no] way')"}, optimizer={"zebra": "zoo_module:Rule"})
    code, text = shown("optimizer")
    assert code == 1
    (line,) = (line for line in text.splitlines() if "zebra" in line)
    assert "BROKEN optimizer 'zebra' (zoo 1.0) is broken: importing zoo_module:Rule raised ImportError: [no] way" in line
    assert shown("init")[0] == 0


def test_a_technique_may_be_undocumented(shown, publish):
    source = OPTIMIZER.replace('"Walks."', "")
    publish("zoo", {"zoo_module": source}, optimizer={"zebra": "zoo_module:Rule"})
    code, text = shown("optimizer/zebra")
    assert code == 0
    assert "optimizer.lr" in text


def test_a_class_may_say_everything_in_its_own_docstring(monkeypatch):
    class Alone:
        """Sum it up.

            θ ← 0

        Source: Me (2000).

        Args:
            x: meaning.
        """

    module = ModuleType("quiet")
    monkeypatch.setitem(sys.modules, "quiet", module)
    Alone.__module__ = "quiet"
    description = describe(Alone)
    assert description.summary == "Sum it up."
    assert description.formula.strip() == "θ ← 0"
    assert description.notes == ("Source: Me (2000).",)
    assert description.meanings == {"x": "meaning."}


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0.001, "0.001"),
        ("a", "a"),
        ((0.9, None), "[0.9,null]"),
        ([[1], []], "[[1],[]]"),
        ({"a": True}, "{a:true}"),
        (Colour.RED, "RED"),
        (Path("x"), "x"),
        (print, "print"),
    ],
)
def test_a_default_is_written_as_one_types_it(value, typed):
    assert catalogue._typed(value) == typed


def test_a_technique_shows_where_sweeps_search_it(nnreg):
    assert "searched    optimizer.lr from 0.0001 to 0.1 (protocol=tune_then_seeds)" in nnreg("plugins", "optimizer/adam").out
    assert "searched" not in nnreg("plugins", "init/he").out
