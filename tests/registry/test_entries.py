"""Kind and name to class: listed without importing, imported when chosen, with one line for whatever is wrong."""

import importlib.metadata
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg import errors
from nnreg.contracts import CONTRACTS
from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.entries import BrokenPlugin, UnknownTechnique
from tests.registry.publishing import OPTIMIZER, publishing

publish = pytest.fixture(publishing)
ROOT = Path(__file__).resolve().parents[2]


def trouble(name, kind="optimizer"):
    """The one line that loading a technique ends in."""
    with pytest.raises(BrokenPlugin) as caught:
        entries.load_class(entries.find_technique(kind, name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_built_in_techniques_are_those_that_pyproject_lists():
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    for group, written_there in written.items():
        found = entries.techniques(group.removeprefix("nnreg."))
        assert {name: found[name].target for name in written_there} == written_there
        assert {found[name].distribution for name in written_there} == {"nnreg"}


def test_every_file_of_the_built_in_techniques_is_registered_but_those_with_an_underscore():
    targets = {entry.target.partition(":")[0] for kind in entries.kinds() for entry in entries.techniques(kind).values()}
    written = {path for path in (ROOT / "plugins" / "nnreg_std").glob("*/*.py") if path.name != "__init__.py"}
    assert len(written) > 80
    for path in written:
        is_technique = f"nnreg_std.{path.parent.name}.{path.stem}" in targets
        assert is_technique is not path.name.startswith("_"), path


def test_names_are_sorted_and_known_without_importing_anything(publish):
    publish("zoo", {"zoo_module": "raise RuntimeError"}, optimizer={"zebra": "zoo_module:Zebra", "aardvark": "zoo_module:A"})
    names = list(entries.techniques("optimizer"))
    assert names == sorted(names)
    assert {"aardvark", "zebra", "adam"} <= set(names)
    assert "zoo_module" not in sys.modules


def test_a_technique_knows_who_brought_it(publish):
    publish("zoo", {"zoo_module": OPTIMIZER}, version="3.4", optimizer={"zebra": "zoo_module:Rule"})
    entry = entries.find_technique("optimizer", "zebra")
    assert (entry.distribution, entry.version, entry.target) == ("zoo", "3.4", "zoo_module:Rule")
    assert str(entry) == "optimizer 'zebra' (zoo 3.4)"
    assert entries.load_class(entry).__name__ == "Rule"


def test_a_class_inside_a_class_can_be_a_technique(publish):
    publish("zoo", {"zoo_module": "class Zoo:\n    class Cage: ..."}, tempo={"cage": "zoo_module:Zoo.Cage"})
    assert entries.load_class(entries.find_technique("tempo", "cage")).__qualname__ == "Zoo.Cage"


def test_a_new_kind_needs_an_entry_point_group_and_nothing_else(publish):
    publish("zoo", {"zoo_module": "class Halving: ..."}, tempo={"halving": "zoo_module:Halving"})
    assert "tempo" in entries.kinds()
    assert entries.required_methods("tempo") == ()
    assert entries.load_class(entries.find_technique("tempo", "halving")).__name__ == "Halving"


def test_groups_that_only_begin_alike_are_somebody_elses(publish, monkeypatch):
    zoo = SimpleNamespace(metadata={"Name": "zoo"}, entry_points=[EntryPoint("zebra", "zoo:Zebra", "nnregular.optimizer")])
    known, installed = entries.kinds(), importlib.metadata.distribution("nnreg")
    monkeypatch.setattr("importlib.metadata.distributions", lambda: iter((installed, zoo)))
    entries._catalogue.cache_clear()
    assert set(entries.kinds()) <= set(known)
    assert "zebra" not in entries.techniques("optimizer")


def test_an_unknown_kind_has_no_techniques():
    assert entries.techniques("banana") == {}


def test_a_name_that_nobody_registered_is_answered_with_what_there_is():
    with pytest.raises(
        UnknownTechnique, match=r"^there is no optimizer 'adm'; did you mean 'adam'\? Available: adabelief, adadelta, "
    ):
        entries.find_technique("optimizer", "adm")
    with pytest.raises(UnknownTechnique, match=r"^there is no banana 'adam'\. Available: none$"):
        entries.find_technique("banana", "adam")


@pytest.mark.parametrize(
    ("source", "target", "cause"),
    [
        ("raise ImportError('no\\n  such library')", ":Rule", "raised ImportError: no such library"),
        ("import nothing_of_this_name", ":Rule", "raised ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("raise SystemExit('needs a licence')", ":Rule", "raised SystemExit: needs a licence"),
        ("def broken(:", ":Rule", "raised SyntaxError: "),
        ("1 / 0", ":Rule", "raised ZeroDivisionError: division by zero"),
        ("", ":Rule", "raised AttributeError: module 'zoo_module' has no attribute 'Rule'"),
        ("", "", "raised AttributeError: "),
        ("Rule = 3", ":Rule", "zoo_module:Rule is a int, must be a class"),
        ("def Rule(): ...", ":Rule", "zoo_module:Rule is a function, must be a class"),
        ("class Rule: ...", ":Rule", "Rule lacks update; subclass nnreg.contracts.Optimizer"),
        (OPTIMIZER.replace("update", "updat"), ":Rule", "Rule lacks update; subclass nnreg.contracts.Optimizer"),
        ("class Rule:\n  update = 3", ":Rule", "Rule lacks update; subclass nnreg.contracts.Optimizer"),
        ("class Rule:\n  def update(self): ...", ":Rule", "Rule must subclass nnreg.contracts.Optimizer"),
    ],
)
def test_a_plugin_that_cannot_be_used_says_why_with_its_name_and_distribution(publish, source, target, cause):
    publish("zoo", {"zoo_module": source}, optimizer={"zebra": f"zoo_module{target}"})
    message = trouble("zebra")
    assert message.startswith("optimizer 'zebra' (zoo 1.0) is broken: ")
    assert cause in message


LAYER = "from nnreg.contracts import Layer\nclass Own(Layer):\n  def build(self, fan_in): return fan_in, ()\n"
METHODS = "  def bind(self, *given): ...\n  def forward(self, x, *, training): return x\n"
BACKWARD = "  def backward(self, dy, *, need_dx=True): return dy\n"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (LAYER + METHODS, "Own lacks backward; subclass nnreg.contracts.Layer"),
        (LAYER.replace("(Layer)", "") + METHODS + BACKWARD, "Own must subclass nnreg.contracts.Layer"),
    ],
)
def test_an_activation_with_build_is_a_layer_and_has_all_of_its_methods(publish, source, cause):
    publish("zoo", {"zoo_module": source}, activation={"own": "zoo_module:Own"})
    assert cause in trouble("own", "activation")


def test_a_layer_that_is_neither_norm_nor_dropout_is_registered_as_an_activation(publish):
    publish("zoo", {"zoo_module": LAYER + METHODS + BACKWARD}, activation={"own": "zoo_module:Own"})
    own = entries.load_class(entries.find_technique("activation", "own"))
    assert entries.kind_of(own) == "activation"
    assert entries.kind_of(dict) is None


@pytest.mark.parametrize("kind", sorted(CONTRACTS))
def test_a_class_without_methods_is_no_technique_of_a_known_kind(publish, kind):
    publish("zoo", {"zoo_module": "class Empty: ..."}, **{kind: {"empty": "zoo_module:Empty"}})
    assert f"Empty lacks {', '.join(entries.required_methods(kind))}; subclass nnreg.contracts." in trouble("empty", kind)


def test_two_distributions_that_claim_one_name_are_both_named(publish):
    publish("zoo", {"zoo_module": OPTIMIZER}, optimizer={"zebra": "zoo_module:Rule"})
    publish("circus", {"circus_module": OPTIMIZER}, optimizer={"zebra": "circus_module:Rule"})
    message = trouble("zebra")
    assert "'zebra' is claimed by circus (circus_module:Rule) and zoo (zoo_module:Rule): uninstall one" in message
    assert "zoo_module" not in sys.modules


def test_one_distribution_that_is_listed_twice_is_one(publish):
    for _ in range(2):
        publish("zoo", {"zoo_module": OPTIMIZER}, optimizer={"zebra": "zoo_module:Rule"})
    assert entries.find_technique("optimizer", "zebra").targets == (("zoo_module:Rule", "zoo"),)


def test_two_distributions_that_mean_the_same_class_do_not_quarrel(publish):
    publish("zoo", {"zoo_module": OPTIMIZER}, optimizer={"zebra": "zoo_module:Rule"})
    publish("zoo-extras", optimizer={"zebra": "zoo_module:Rule"})
    assert entries.load_class(entries.find_technique("optimizer", "zebra")).__name__ == "Rule"


def test_of_two_copies_of_a_distribution_the_first_on_the_path_counts(publish):
    publish("zoo", {"zoo_module": OPTIMIZER}, version="1.0", optimizer={"zebra": "zoo_module:Rule"})
    publish("zoo", {"zoo_new": OPTIMIZER}, version="2.0", optimizer={"zebra": "zoo_new:Rule"})
    entry = entries.find_technique("optimizer", "zebra")
    assert (entry.target, entry.version) == ("zoo_new:Rule", "2.0")


def test_a_technique_that_no_distribution_brought_has_no_version():
    assert str(entries.Entry("optimizer", "mine", (("my:Mine", "not registered"),))) == "optimizer 'mine' (not registered)"


def test_where_nnreg_is_not_installed_one_line_says_how_to_install_it(publish, monkeypatch):
    monkeypatch.setattr("importlib.metadata.distributions", lambda: iter(()))
    entries._catalogue.cache_clear()
    with pytest.raises(UserError, match=r"^nnreg is not installed: `python -m pip install -e \.` in its folder"):
        entries.kinds()


words = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=8)


@given(words, st.lists(words, max_size=5))
def test_every_available_name_is_said_and_a_name_itself_is_its_best_correction(word, known):
    said = errors.instead(word, known)
    assert said.endswith(f" Available: {', '.join(known) or 'none'}")
    assert ("did you mean" in said) <= bool(known)
    if word in known:
        assert said.startswith(f"; did you mean '{word}'?")


def test_a_name_that_is_far_from_all_others_is_not_corrected():
    assert errors.instead("xyz", ["adam", "sgd"]) == ". Available: adam, sgd"


@pytest.mark.parametrize(("message", "line"), [("a\n  b\t c", "a b c"), ("", "")])
def test_a_message_becomes_one_line(message, line):
    assert errors.one_line(ValueError(message)) == line


def test_a_place_is_chosen_by_its_kind_or_by_the_kind_at_the_place():
    groups = entries.groups()
    assert (groups["optimizer"], groups["init"], groups["init@bias"]) == ("optimizer", "init", "bias")
    assert sorted(groups.values()) == sorted(entries.slots())
