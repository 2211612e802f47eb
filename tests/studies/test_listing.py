"""`nnreg studies` names every study with its question; a technique names the studies that look at it."""

from __future__ import annotations

import pytest

from nnreg.registry.catalogue import HOME
from nnreg.registry.entries import kinds, techniques
from nnreg.settings import conf_folder
from nnreg.studies.definition import names, read_study
from nnreg.studies.listing import studies_of

CONF = conf_folder()
MINE = """
# @package _global_
defaults:
  - override /optimizer: momentum
task: descend
study:
  title: Does [it] roll?
  about: A ball, and what it does.
  arms: {one: [], two: optimizer=sgd}
  claims: [{say: it rolls, measure: '1', expect: "= 1"}]
"""


@pytest.fixture
def mine(project):
    (project / "mine" / "experiment").mkdir(parents=True)
    (project / "mine" / "experiment" / "ball.yaml").write_text(MINE)
    return project / "mine"


def test_every_study_is_listed_with_its_question(nnreg, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    answer = nnreg("studies")
    assert (answer.code, answer.err) == (0, "")
    found = dict(line.split(maxsplit=1) for line in answer.out.splitlines()[1:] if line and not line.startswith("python"))
    for name in names([CONF]):
        assert found[name].strip() == read_study(name, [CONF]).title


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_fits_the_terminal(nnreg, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, nnreg("studies").out.splitlines())) <= width


def test_one_study_says_what_is_done_and_why(nnreg, mine):
    out = nnreg("studies", "ball", "--config-dir", str(mine)).out
    for said in (
        "Does [it] roll?",
        "A ball, and what it does.",
        "it rolls",
        "2, 1 claims",
        f"--config-dir={mine} experiment=ball",
    ):
        assert said in out


def test_a_study_that_cannot_be_read_costs_itself_alone(nnreg, mine):
    (mine / "experiment" / "odd.yaml").write_text("study: {about: nothing}")
    answer = nnreg("studies", "--config-dir", str(mine))
    assert answer.code == 1
    assert "needs a title" in answer.complaint
    assert "ball" in answer.out
    assert "there is no experiment 'bal'; did you mean 'ball'?" in nnreg("studies", "bal", "--config-dir", str(mine)).complaint


def test_what_is_chosen_and_what_an_arm_chooses_are_both_looked_at(mine):
    assert [study.name for study in studies_of("optimizer", "momentum", [mine])] == ["ball"]
    assert [study.name for study in studies_of("optimizer", "sgd", [mine])] == ["ball"]
    assert studies_of("optimizer", "adam", [mine]) == []


def test_a_technique_names_its_study_first(nnreg):
    out = nnreg("plugins", "optimizer/momentum").out
    line = next(line for line in out.splitlines() if line.startswith("study "))
    assert "python -m nnreg experiment=descent_momentum" in line
    assert read_study("descent_momentum", [CONF]).title in line


def test_a_technique_without_a_study_says_nothing_of_any(nnreg):
    assert "study " not in nnreg("plugins", "optimizer/sophia").out


def test_a_version_is_said_once(nnreg):
    out = nnreg("plugins").out
    version = next(iter(techniques("init").values())).version
    count = sum(entry.distribution == HOME for kind in kinds() for entry in techniques(kind).values())
    assert f"{HOME} {version} ({count})" in out
    assert out.count(f"{HOME} {version}") == 1


def test_a_study_says_its_reason_with_its_claims(nnreg, mine):
    answer = nnreg(f"--config-dir={mine}", "experiment=ball", "steps=3")
    assert answer.code == 0, answer.err
    assert answer.out.index("A ball, and what it does.") < answer.out.index("it rolls")
