"""What docs/studies.md says about studies is so."""

import json
import re
from pathlib import Path

import pytest

from nnreg.settings import conf_folder
from nnreg.studies import definition

PAGE = (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_studies_that_need_a_download_are_those_that_the_page_names():
    files = (conf_folder() / "experiment").glob("*.yaml")
    wanted = {path.stem for path in files if re.search("override /dataset: .*mnist", path.read_text(encoding="utf-8"))}
    named = re.search(r"These train on MNIST.*?: (.*?)\. All others", PAGE, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", named)) == wanted
    sisters = {f"{name.removesuffix('_mnist')}_digits" for name in wanted}
    assert sisters <= set(definition.names([conf_folder()]))


@pytest.fixture
def mine(nnreg, project):
    """A function that runs the example of the page, cut short, with something exchanged in it."""

    def run(command, *words, **exchanged):
        folder = project / "own" / "experiment"
        folder.mkdir(parents=True, exist_ok=True)
        text = EXAMPLE.replace("steps: 1000", "steps: 150").replace("seeds: 5", "seeds: 2")
        for old, new in exchanged.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "mine.yaml").write_text(text, encoding="utf-8")
        return nnreg(command, "--config-dir", "own", "tracking=off", *words)

    return run


@pytest.mark.long
def test_the_example_runs_and_leaves_what_the_page_says(mine, project):
    assert mine("experiment=mine").code == 0
    (home,) = (project / "runs").iterdir()
    assert re.fullmatch(r"\d{4}-[\d_-]+_mine", home.name)
    assert {path.name for path in home.iterdir()} == {"0", "1", "2", "3", "study", "sweep.json", "multirun.yaml"}
    assert {path.name for path in (home / "study").iterdir()} == {"mine.png", "claims.csv", "study.json"}


def test_random_trials_have_seeds_of_their_own(tmp_path):
    study = definition.Study("s", "?", random={"trials": 3, "settings": {"optimizer.lr": [0.1, 1]}}, seeds=5)
    assert [member.overrides[-1] for member in study.members()] == ["seed=0", "seed=1", "seed=2"]


@pytest.mark.long
def test_one_member_is_run_alone(mine, project):
    assert mine("experiment=mine", "member=3").code == 0
    (home,) = (project / "runs").iterdir()
    assert {path.name for path in home.iterdir() if path.is_dir()} == {"3", "study"}
    assert not list((home / "study").glob("*.png"))


@pytest.mark.long
def test_a_claim_that_fails_is_no_failure_of_the_study_but_one_of_its_reproduction(mine):
    wrong = {"< 0": "> 100"}
    assert mine("experiment=mine", **wrong).code == 0
    assert mine("reproduce", "mine", **wrong).code == 1


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "experiments").glob("*.json")), ids=lambda path: path.stem)
def test_the_notebook_says_of_a_study_what_its_yaml_says(path):
    study, facts = definition.read_study(path.stem, [conf_folder()]), json.loads(path.read_text(encoding="utf-8"))
    assert (facts["title"], facts["about"], facts["findings"]) == (study.title, study.about, study.findings)
    assert [claim["measure"] for claim in facts["claims"]] == [claim["measure"] for claim in study.claims]
