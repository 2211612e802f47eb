"""Studies run from the command line: members, figures, claims, and what is said when it cannot be done."""

import csv
import json

import pytest

from nnreg import figures
from nnreg.records.folder import read_summary
from nnreg.records.manifest import read_manifest
from nnreg.settings import conf_folder
from nnreg.studies import command
from nnreg_std.datasets import _fetching, _locating
from tests.figures.runs import overlaps
from tests.figures.words import cut, foreign, seen
from tests.tracking.stores import artifacts, client, new_database

PNG = b"\x89PNG\r\n"
OFFLINE = (
    "surface_3d",
    "descent_sgd",
    "descent_momentum",
    "descent_same_lr",
    "descent_adagrad",
    "descent_adam",
    "descent_compare",
)  # those that need no MNIST and take a second
DIGITS = (path.stem for path in sorted((conf_folder() / "experiment").glob("*_digits.yaml")))
STUDIES = [path.stem for path in sorted((conf_folder() / "experiment").glob("*.yaml"))]
LONG = ("activations", "batch_norm_gradient", "weight_decay_gradient", "zero_init", *DIGITS)  # some ten seconds each
MINE = """\
# @package _global_
defaults:
  - override /surface: quadratic
  - override /optimizer: sgd
task: descend
steps: 5
study:
  title: "How far do five steps get?"
  arms: {slow: optimizer.lr=0.1, fast: optimizer.lr=0.2}
  figures: [{kind: paths}]
  claims:
    - {say: slow is less far, measure: 'final("x", arm="slow") - final("x", arm="fast")', expect: "< 0"}
    - {say: "x is 0.99 ** 5 of -7", measure: 'final("x", arm="slow")', expect: "= -6.65693 +- 1e-5"}
"""
FAILING = """\
# @package _global_
task: train
hidden: [4]
steps: 2
study:
  title: "What if one cannot be assembled?"
  arms: {good: optimizer=sgd, bad: optimizer.lr=-1}
  figures: [{kind: curves, metric: train/loss}]
  claims: [{say: it learns, measure: 'final("train/loss")', expect: "< 9"}]
"""


@pytest.fixture
def own(project):
    """A function that writes a study of one's own, and returns the option that names its folder."""

    def write(text, name="mine", folder="my studies, 2"):
        place = project / folder / "experiment"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.yaml").write_text(text, encoding="utf-8")
        return f"--config-dir={folder}"

    return write


@pytest.fixture
def pictures(monkeypatch):
    """The figures of a study as they are saved, by name."""
    kept, save = {}, figures.save

    def keep(figure, path):
        kept[path.name] = figure
        save(figure, path)

    monkeypatch.setattr(figures, "save", keep)
    return kept


def check_readable(pictures):
    """Fail where words of a figure overlap, are cut, or have a number that is not written in the one way."""
    for name, figure in pictures.items():
        words = seen(figure)
        assert overlaps(words) == [], name
        assert foreign(words) == [], name
        assert cut(figure, words) == [], name


def home_of(project):
    (home,) = (project / "runs").iterdir()
    return home


def study_json(home):
    return json.loads((home / "study" / "study.json").read_text(encoding="utf-8"))


@pytest.mark.long
def test_a_study_runs_every_member_draws_its_figure_and_checks_every_claim(nnreg, project):
    answer = nnreg("experiment=descent_compare")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("How do four update rules come down the same valley?")
    home = home_of(project)
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["0", "1", "2", "3", "study"]
    assert read_manifest(home).protocol == "study"
    with (home / "study" / "claims.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert {row["holds"] for row in rows} == {"True"}
    for row in rows:
        (line,) = [line for line in answer.out.splitlines() if row["say"] in line]
        assert line.split()[0] == "reproduced"
        assert row["measured"] in line
        assert row["expect"] in line
    assert "NOT reproduced" not in answer.out
    facts = study_json(home)
    assert [claim["measured"] for claim in facts["claims"]] == [row["measured"] for row in rows]
    assert (facts["runs"], facts["failed"], facts["seeds"]) == (4, 0, [0])
    assert facts["figures"] == ["descent_compare.png"]
    assert (home / "study" / "descent_compare.png").read_bytes().startswith(PNG)
    assert str(home / "study" / "descent_compare.png") in answer.out


@pytest.mark.long
def test_one_member_can_be_run_alone(nnreg, project):
    answer = nnreg("experiment=descent_compare", "member=1")
    assert answer.code == 0
    home = home_of(project)
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["1", "study"]
    summary = read_summary(home / "1")
    assert summary["choices"]["optimizer"] == "momentum"
    assert summary["command"] == "python -m nnreg experiment=descent_compare member=1 tracking=off"
    assert "reproduced" not in answer.out
    assert study_json(home)["claims"] == []
    assert study_json(home)["command"] == summary["command"]


@pytest.mark.long
def test_what_is_typed_holds_for_every_member(nnreg, project):
    assert nnreg("experiment=descent_compare", "steps=3").code == 0
    assert [read_summary(home_of(project) / str(number))["steps"] for number in range(4)] == [3] * 4
    assert not all(claim["holds"] for claim in study_json(home_of(project))["claims"])


TINY_CLAIM = """\
# @package _global_
steps: 5
hidden: [4]
batch: 16
study:
  title: "Does it learn?"
  arms: {small: optimizer.lr=0.1, large: optimizer.lr=0.2}
  seeds: 2
  claims:
    - {say: it is a loss, measure: 'final("train/loss", arm="small")', expect: "> 0"}
    - {say: so it is at the end, measure: 'at(4, "train/loss", arm="small")', expect: "> 0"}
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["steps=3"], "steps=3 (5 in the study)"),
        (["steps=3", "hidden=[8,8]"], "hidden=[8,8] ([4] in the study), steps=3 (5 in the study)"),
        (["optimizer.lr=0.1"], "optimizer.lr=0.1 (0.2 in the study)"),
        (["optimizer=adam"], "optimizer.name=adam (sgd in the study), "),
    ],
)
def test_claims_are_not_checked_on_runs_of_other_settings(nnreg, project, own, words, changed):
    answer = nnreg(own(TINY_CLAIM), "experiment=mine", *words)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("  other settings  ") == 2
    assert "reproduced" not in answer.out
    assert "no claim was checked, as they are of the study's own settings: " in answer.out
    verdicts = study_json(home_of(project))["claims"]
    assert [claim["holds"] for claim in verdicts] == [False, False]
    assert set(changed.split(", ")) - {""} <= set(verdicts[0]["changed"].split(", "))
    assert "trouble" not in answer.out


@pytest.mark.long
@pytest.mark.parametrize(
    "words", [[], ["steps=5"], ["hidden=[4]", "kernels=numpy"], ["checkpoint_seconds=null"], ["seed=3"], ["diagnostics=on"]]
)
def test_claims_are_checked_where_nothing_of_the_study_was_changed(nnreg, project, own, words):
    assert nnreg(own(TINY_CLAIM), "experiment=mine", *words).out.count("  reproduced  ") == 2
    verdicts = study_json(home_of(project))["claims"]
    assert [claim["holds"] for claim in verdicts] == [True, True]
    assert "changed" not in verdicts[0]


@pytest.mark.long
def test_a_study_reproduced_with_other_settings_is_not(nnreg, project, own):
    answer = nnreg("reproduce", "mine", own(TINY_CLAIM), "steps=3", "tracking=off")
    assert answer.code == 1
    assert "0 of 2 claims reproduced" in answer.out
    assert "not checked: steps=3 (5 in the study)" in (project / "experiments/mine.md").read_text()


def test_a_claim_that_does_not_hold_is_shown_as_not_reproduced(nnreg, own):
    answer = nnreg(own(MINE.replace("< 0", "> 0")), "experiment=mine")
    (line,) = [line for line in answer.out.splitlines() if "slow is less far" in line]
    assert line.strip().startswith("NOT reproduced")


@pytest.mark.long
def test_a_study_of_ones_own_works_the_same_way(nnreg, project, own):
    answer = nnreg(own(MINE), "experiment=mine")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("  reproduced  ") == 2
    home = home_of(project)
    assert (home / "study" / "mine.png").read_bytes().startswith(PNG)
    command = read_summary(home / "1")["command"]
    assert command == "python -m nnreg '--config-dir=my studies, 2' experiment=mine member=1 tracking=off"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["experiment=nope"], "there is no experiment 'nope'"),
        (["experiment=descent_compar"], "did you mean 'descent_compare'"),
        (["experiment=descent_compare", "member=9"], "descent_compare has no member 9: they are 0 to 3"),
        (["experiment=descent_compare", "member=one"], "not 'one'"),
        (["experiment=descent_compare", "stepz=3"], "did you mean 'steps'"),
        (["experiment=descent_compare", "optimizer=nope"], "nope"),
        (["experiment=descent_compare", "hparams_search=optuna_tpe"], "hparams_search=optuna_tpe is for sweeps, and a study"),
        (["experiment=descent_compare", "sweep.target=x=1"], "`python -m nnreg compare FOLDER` makes one of a study"),
        (["-m", "protocol=study"], "protocol=study needs a study: experiment=NAME"),
        (["-m", "experiment=descent_compare", "protocol=random_search"], "protocol=random_search is for sweeps"),
        (["-m", "experiment=descent_compare", "seed=1,2"], "seed=1,2 names several values, and a study says itself what it"),
    ],
)
def test_a_mistake_is_answered_in_one_line_and_leaves_nothing(nnreg, project, words, said):
    answer = nnreg(*words)
    assert answer.code == 2
    assert said in answer.complaint
    assert not list(project.rglob("summary.json"))


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("final(", "finl(", "there is no measure 'finl'; did you mean 'final'"),
        ('final("x", arm="slow")\', expect: "=', "final()', expect: \"=", "missing a required argument: 'metric'"),
        ('"< 0"', '"about 0"', "cannot read the expectation 'about 0'"),
        ("say: slow", "sai: slow", "lacks say"),
        ("arms: {", "arm: {", "did you mean 'arms'"),
        ("kind: paths", "kind: path", "there is no figure of kind 'path'; did you mean 'paths'"),
        ("kind: paths", "kind: paths, layuot: panels", "a figure of kind paths has no 'layuot'; did you mean 'layout'"),
        ("kind: paths", "kind: paths, columns: many", "a figure of kind paths: columns: "),
        ("kind: paths", "kind: paths, layout: beside", "layout must be overlay or panels, got beside"),
        ("kind: paths", "kind: paths, xlim: [1]", "xlim must be two numbers"),
        ("kind: paths", "kind: curves", "a figure of kind curves needs metric"),
        ("kind: paths", "kind: curves, metric: x, smooth: 2", "smooth must be odd"),
        ("kind: paths", "kind: panels, metrics: [x], by: arm, clumns: 2", "did you mean 'columns'"),
        ("kind: paths", "kind: panels, metrics: [x, y]", "x and y have different units"),
        ("kind: paths", "kind: heatmap, metric: x, row: arm", "did you mean 'rows'"),
        ("kind: paths", "kind: histograms, bye: arm", "did you mean 'by'"),
        ("kind: paths", "kind: surface_3d, elevatoin: 3", "did you mean 'elevation'"),
        ("{kind: paths}", "paths", "a figure is words such as {kind: curves, metric: train/loss}, got 'paths'"),
    ],
)
def test_a_study_that_cannot_be_read_is_refused_before_anything_is_run(nnreg, project, own, good, bad, said):
    answer = nnreg(own(MINE.replace(good, bad)), "experiment=mine")
    assert answer.code == 2
    assert said in answer.complaint
    assert not (project / "runs").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("good", "bad", "said", "drawn", "holds"),
    [
        (
            "[{kind: paths}]",
            "[{kind: curves, metric: vlaue}, {kind: paths}]",
            "figure 1 was not drawn: ",
            "mine-2",
            [True, True],
        ),
        ('final("x", arm="slow") -', 'final("z", arm="slow") -', "not measured, 'slow is less far': ", "mine", [False, True]),
        ('final("x", arm="slow") -', 'at(9, "x", arm="slow") -', "not measured, 'slow is less far': ", "mine", [False, True]),
    ],
)
def test_what_cannot_be_drawn_or_measured_costs_itself_alone(nnreg, project, own, good, bad, said, drawn, holds):
    answer = nnreg(own(MINE.replace(good, bad)), "experiment=mine")
    assert (answer.code, answer.err) == (1, "")
    (line,) = [line for line in answer.out.splitlines() if said in line]
    facts = study_json(home_of(project))
    assert facts["arms"] == {"0": "slow", "1": "fast"}
    assert facts["figures"] == [f"{drawn}.png"]
    assert [claim["holds"] for claim in facts["claims"]] == holds
    assert len(facts["troubles"]) == 1
    assert facts["troubles"][0] in line
    with (home_of(project) / "study" / "claims.csv").open(encoding="utf-8", newline="") as file:
        assert [row["holds"] for row in csv.DictReader(file)] == [str(each) for each in holds]
    assert answer.out.count("  reproduced  ") == sum(holds)


@pytest.mark.long
def test_a_study_with_a_figure_that_cannot_be_drawn_is_tracked_and_its_arms_are_known(nnreg, project, own):
    new_database(project / "mlflow.db")
    nnreg(own(MINE.replace("{kind: paths}", "{kind: curves, metric: vlaue}")), "experiment=mine", tracking=True)
    uri = f"sqlite:///{project / 'mlflow.db'}"
    witness = client(uri)
    runs = witness.search_runs([experiment.experiment_id for experiment in witness.search_experiments()])
    (study,) = [run for run in runs if run.info.run_name == "study mine"]
    assert study.info.status == "FAILED"  # and its page says why
    assert study.data.metrics["claims_reproduced"] == 2
    assert {"claims.csv", "study.json"} <= artifacts(uri, study.info.run_id)
    compared = nnreg("compare", str(home_of(project)))
    assert compared.code == 0
    assert "slow" in compared.out


@pytest.mark.long
def test_what_breaks_while_drawing_leaves_the_arms_on_disk(nnreg, project, own, monkeypatch):
    def broken(results, spec, title):
        raise ZeroDivisionError("a mistake of nnreg's own")

    monkeypatch.setattr(figures, "draw", broken)
    answer = nnreg(own(MINE), "experiment=mine")
    assert answer.code == 1
    assert "figure 1 was not drawn: ZeroDivisionError: a mistake of nnreg's own" in answer.out
    assert study_json(home_of(project))["arms"] == {"0": "slow", "1": "fast"}


@pytest.mark.long
def test_a_study_whose_data_is_missing_stops_at_once_with_one_line(nnreg, project, monkeypatch):
    def unreachable(*arguments, **keywords):
        raise FileNotFoundError("MNIST could not be downloaded")

    for module in (_fetching, _locating):
        monkeypatch.setattr(module, "cache_folder", lambda files: project / "cache" / files.folder)
    monkeypatch.setattr(_locating, "fetch", unreachable)
    monkeypatch.delenv("NNREG_DATA", raising=False)
    answer = nnreg("experiment=optimizers_mnist")
    assert answer.code == 2
    (line,) = {line for line in answer.err.splitlines() if line.startswith("nnreg:")}
    assert "MNIST" in line
    assert not (project / "runs").exists()


@pytest.mark.long
def test_a_study_with_a_member_that_fails_checks_no_claim_and_says_so(nnreg, project, own):
    answer = nnreg(own(FAILING), "experiment=mine")
    assert answer.code == 1
    assert "1 of 2 runs: no claim was checked" in answer.out
    assert "reproduced" not in answer.out
    assert [read_summary(home_of(project) / number)["status"] for number in "01"] == ["finished", "failed"]
    assert study_json(home_of(project))["claims"] == []


@pytest.mark.long
def test_what_a_study_says_of_its_data_is_the_same_on_every_machine(nnreg, project, own):
    assert nnreg(own(FAILING.replace("optimizer.lr=-1", "batch=8")), "experiment=mine").code == 0
    data = study_json(home_of(project))["dataset"]
    ran = read_summary(home_of(project) / "0")["dataset"]
    assert (data["name"], data["digest"]) == ("digits", ran["digest"])
    assert data == {key: value for key, value in ran.items() if key != "source"} != ran


@pytest.mark.long
def test_a_study_is_tracked_as_a_run_of_its_own_beside_its_members(nnreg, project, own):
    new_database(project / "mlflow.db")
    answer = nnreg(own(MINE), "experiment=mine", tracking=True)
    assert (answer.code, answer.err) == (0, "")
    uri = f"sqlite:///{project / 'mlflow.db'}"
    witness = client(uri)
    runs = witness.search_runs([experiment.experiment_id for experiment in witness.search_experiments()])
    studies = [run for run in runs if run.info.run_name == "study mine"]
    assert len(runs) == 3
    assert {run.data.tags["sweep_id"] for run in runs} == {home_of(project).name}
    (study,) = studies
    assert study.info.status == "FINISHED"
    assert {"mine.png", "claims.csv", "study.json"} <= artifacts(uri, study.info.run_id)
    assert study.data.metrics["claims_reproduced"] == study.data.metrics["claims_total"] == 2
    assert "python -m nnreg '--config-dir=my studies, 2' experiment=mine" in study.data.tags["mlflow.note.content"]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", [*OFFLINE, *(pytest.param(name, marks=pytest.mark.study) for name in LONG)])
def test_every_claim_of_a_study_that_needs_no_download_is_reproduced_and_its_figures_are_read(nnreg, project, pictures, name):
    assert nnreg(f"experiment={name}").code == 0
    facts = study_json(home_of(project))
    claims = facts["claims"]
    assert claims
    assert [(claim["say"], claim["measured"]) for claim in claims if not claim["holds"]] == []
    assert sorted(pictures) == sorted(facts["figures"])
    check_readable(pictures)


@pytest.mark.long
@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in STUDIES if name not in (*OFFLINE, *LONG)])
def test_the_figures_of_a_study_of_mnist_are_read(nnreg, project, undrawn, pictures, name):
    assert nnreg(f"experiment={name}", "steps=30").code == 0
    assert sorted(pictures) == sorted(study_json(home_of(project))["figures"])
    assert pictures
    check_readable(pictures)


@pytest.mark.long
@pytest.mark.parametrize("option", ["--config-dir", "-cd"])
def test_the_folder_may_be_a_word_of_its_own(nnreg, project, own, option):
    folder = own(MINE).partition("=")[2]
    answer = nnreg("experiment=mine", option, folder)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("  reproduced  ") == 2


def test_a_folder_that_is_not_there_is_answered_in_one_line(nnreg):
    answer = nnreg("experiment=descent_adam", "--config-dir=nowhere")
    assert answer.code == 2
    assert "nowhere" in answer.complaint


@pytest.mark.long
def test_two_studies_may_be_named_at_once(nnreg, project):
    assert nnreg("experiment=descent_adam,descent_adagrad").code == 0
    assert sorted(path.name.partition("_descent")[2] for path in (project / "runs").iterdir()) == ["_adagrad", "_adam"]


def test_hydra_itself_still_shows_the_configuration_of_a_study(nnreg):
    answer = nnreg("--cfg", "job", "experiment=descent_adam")
    assert answer.code == 0
    assert "epsilon_hat: true" in answer.out
    assert command.names_experiments(["experiment=descent_adam"])
    assert not command.names_experiments(["experiment=descent_adam", "--cfg", "job"])
