"""``nnreg reproduce``: exit codes, the table at the end, and the notebook it leaves."""

import json

import pytest

from nnreg.settings import conf_folder
from nnreg.studies import definition

MINE = """\
# @package _global_
defaults:
  - override /optimizer: sgd
task: descend
steps: 2
study:
  title: "How far do two steps get?"
  about: A descent.
  arms: {one: optimizer.lr=0.1}
  figures: [{kind: paths}]
  claims: [{say: x rises, measure: 'final("x")', expect: "EXPECT"}]
"""


@pytest.fixture
def mine(project):
    """A function that writes a study that expects something of x, and returns the words that name its folder."""

    def write(expect, name="mine"):
        folder = project / "own" / "experiment"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(MINE.replace("EXPECT", expect), encoding="utf-8")
        return "--config-dir", "own"

    return write


def last_line(answer):
    return answer.out.strip().splitlines()[-1]


def test_a_study_that_is_reproduced_has_a_page_in_the_notebook(nnreg, project):
    answer = nnreg("reproduce", "descent_adam", "tracking=off", "--folder", "notes")
    assert (answer.code, answer.err) == (0, "")
    assert last_line(answer) == "2 of 2 claims reproduced; pages in notes"
    assert {path.name for path in (project / "notes").iterdir()} == {
        "README.md",
        "descent_adam.md",
        "descent_adam.json",
        "descent_adam.png",
    }
    page = (project / "notes" / "descent_adam.md").read_text(encoding="utf-8")
    facts = json.loads((project / "notes" / "descent_adam.json").read_text(encoding="utf-8"))
    for claim in facts["claims"]:
        assert f"| {claim['say']} | `{claim['expect']}` | {claim['measured']} | reproduced |" in page
        assert claim["measured"] in answer.out


@pytest.mark.long
def test_a_claim_that_is_not_reproduced_is_named_and_the_exit_code_says_so(nnreg, project, mine):
    answer = nnreg("reproduce", "descent_adam", "mine", *mine("< -8"), "tracking=off")
    assert answer.code == 1
    (line,) = [line for line in answer.out.splitlines() if "x rises" in line]
    assert line.strip().startswith("NOT reproduced")
    assert "2 of 3 claims reproduced" in last_line(answer)
    assert "**not reproduced**" in (project / "experiments" / "mine.md").read_text(encoding="utf-8")
    assert "**2 of 3 claims reproduced.**" in (project / "experiments" / "README.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_other_pages_stay_when_one_study_is_reproduced_again(nnreg, project, mine):
    option = mine("> -7")
    assert nnreg("reproduce", "descent_adam", "mine", *option, "tracking=off").code == 0
    before = (project / "experiments" / "descent_adam.md").read_bytes()
    assert nnreg("reproduce", "mine", *option, "tracking=off").code == 0
    assert (project / "experiments" / "descent_adam.md").read_bytes() == before
    assert "**3 of 3 claims reproduced.**" in (project / "experiments" / "README.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_all_means_every_study_there_is(nnreg, monkeypatch, mine):
    found = definition.names([conf_folder()])
    assert len(found) > 10
    mine("> -7", "another")
    monkeypatch.setattr(definition, "names", lambda folders: ["another", "mine"])
    answer = nnreg("reproduce", "--all", *mine("> -7"), "tracking=off")
    assert answer.code == 0
    assert "2 of 2 claims reproduced" in last_line(answer)


@pytest.mark.parametrize("words", [[], ["--all", "descent_adam"], ["tracking=off"]])
def test_either_names_or_all(nnreg, words):
    answer = nnreg("reproduce", *words)
    assert answer.code == 2
    assert "say which studies to reproduce, or --all" in answer.complaint


@pytest.mark.long
def test_a_page_has_the_command_that_made_it(nnreg, project, mine):
    folder = mine("> -7")
    nnreg("reproduce", "mine", *folder, "steps=3", "tracking=off")
    page = (project / "experiments" / "mine.md").read_text(encoding="utf-8")
    (command,) = [line for line in page.splitlines() if line.startswith("python -m nnreg")]
    assert command == "python -m nnreg --config-dir=own experiment=mine steps=3 tracking=off"
    measured = json.loads((project / "experiments" / "mine.json").read_text(encoding="utf-8"))["claims"][0]["measured"]
    again = nnreg(*command.split()[3:])
    assert again.code == 0
    assert measured in again.out


def test_an_unknown_study_stops_it_before_anything_is_run(nnreg, project):
    answer = nnreg("reproduce", "descent_adam", "descent_adan")
    assert answer.code == 2
    assert "there is no experiment 'descent_adan'; did you mean 'descent_adam'" in answer.complaint
    assert not (project / "runs").exists()


def test_a_study_that_cannot_be_run_is_named_and_the_others_go_on(nnreg, project, mine):
    option = mine("about 3", "vague")
    answer = nnreg("reproduce", "vague", "descent_adam", *option, "tracking=off")
    assert answer.code == 1
    assert last_line(answer).startswith("vague was not run: cannot read the expectation 'about 3'")
    assert "2 of 2 claims reproduced" in answer.out
    assert not (project / "experiments" / "vague.md").exists()


def test_a_mistake_for_every_member_is_one_line(nnreg, project):
    answer = nnreg("reproduce", "descent_adam", "stepz=3")
    assert answer.code in (1, 2)
    assert "did you mean 'steps'" in answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err


def test_a_study_of_which_a_figure_cannot_be_drawn_has_no_page_and_is_named(nnreg, project, mine):
    option = mine("> -7")
    path = project / "own" / "experiment" / "mine.yaml"
    path.write_text(path.read_text().replace("{kind: paths}", "{kind: curves, metric: vlaue}"))
    answer = nnreg("reproduce", "mine", *option, "tracking=off")
    assert answer.code == 1
    assert "1 of 1 claims reproduced" in answer.out
    assert last_line(answer).startswith("mine has no new page: figure 1 was not drawn: ")
    assert not (project / "experiments").exists()


def test_a_study_of_which_some_runs_failed_has_no_page(nnreg, project, mine):
    option = mine("> -7")
    path = project / "own" / "experiment" / "mine.yaml"
    path.write_text(path.read_text().replace("{one: optimizer.lr=0.1}", "{one: optimizer.lr=0.1, bad: optimizer.lr=-1}"))
    answer = nnreg("reproduce", "mine", *option, "tracking=off")
    assert answer.code == 1
    assert "mine: some runs failed, no claim was checked" in answer.out
    assert not (project / "experiments" / "mine.md").exists()
