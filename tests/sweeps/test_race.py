"""A race runs all arms on a few seeds, and on more those that may still be the best."""

import json

import pytest

from nnreg.comparison.judging import Ruler
from nnreg.comparison.race import STAGES, judge_race
from nnreg.records.manifest import read_manifest
from nnreg.records.metrics import TRAIN_FINAL
from nnreg.sweeps import ending
from tests.sweeps.test_sweeper import listed

TINY = ("dataset=iris", "hidden=[4]", "steps=20", "batch=8")
RACE = ("-m", "protocol=race")
EIGHT = "protocol.seeds=[0,1,2,3,4,5,6,7]"


@pytest.fixture(autouse=True)
def nothing_drawn(undrawn, monkeypatch):
    monkeypatch.setattr(ending, "_saved", lambda *_: [])  # takes longer than these runs, and is tested elsewhere


def results(folder):
    """Return arm, seed, status and metrics of each run, by its number."""
    found = {}
    for path in folder.glob("*/summary.json"):
        facts = json.loads(path.read_text())
        given = dict(word.split("=", 1) for word in facts["overrides"])
        found[int(path.parent.name)] = (given["optimizer"], facts["seed"], facts["status"], facts["metrics"])
    return dict(sorted(found.items()))


def values(folder, metric=TRAIN_FINAL):
    found = {}
    for arm, seed, _, metrics in results(folder).values():
        found.setdefault(arm, {})[seed] = metrics[metric]
    return found


@pytest.mark.long
def test_arms_that_cannot_be_the_best_get_no_more_seeds(nnreg, project):
    answer = nnreg(*RACE, "optimizer=sgd,adam,lion", EIGHT, "hydra.sweep.dir=s", *TINY)
    assert (answer.code, answer.err) == (0, "")
    found, manifest = values(project / "s"), read_manifest(project / "s")
    judged = judge_race(found, range(8), Ruler("ratio", least=1e-8), STAGES[:3])
    assert judged.following is None
    assert {name: len(by) for name, by in found.items()} == judged.seeds
    assert min(judged.seeds.values()) < 8, "some arm is worse than others, or this shows nothing"
    assert manifest.race.live == tuple(judged.live)
    assert manifest.race.left == {name: tuple(gone) for name, gone in judged.left.items()}
    assert (manifest.race.metric, manifest.race.seeds) == (TRAIN_FINAL, tuple(range(8)))
    assert manifest.race.looks == tuple((look.seeds, look.share) for look in STAGES[:3])
    assert (manifest.jobs, manifest.race.saved) == (24, 24 - len(results(project / "s")))
    assert f"{manifest.race.saved} of 24 runs" in answer.out


def test_runs_are_numbered_in_the_order_in_which_they_are_run(nnreg, project):
    assert nnreg(*RACE, "optimizer=sgd,adam", "protocol.seeds=[7,3,5]", "hydra.sweep.dir=s", *TINY).code == 0
    order = [(arm, seed) for seed in (7, 3, 5) for arm in ("sgd", "adam")]
    found = results(project / "s")
    assert list(found) == list(range(6))
    assert [run[:2] for run in found.values()] == order


@pytest.mark.long
def test_a_race_is_judged_by_the_metric_of_the_sweep(nnreg, project):
    words = ("sweep.metric=valid/accuracy", "protocol.seeds=[1,2,3]", "hydra.sweep.dir=s")
    answer = nnreg(*RACE, "optimizer=sgd,adam", *words, *TINY, "steps=60")
    judged = judge_race(values(project / "s", "valid/accuracy_final"), [1, 2, 3], Ruler(higher=True), STAGES[:1])
    assert sorted(read_manifest(project / "s").race.live) == sorted(judged.live)
    assert read_manifest(project / "s").race.metric == "valid/accuracy_final"
    assert "final validation accuracy" in answer.out


def test_an_arm_that_always_diverges_leaves(nnreg, project):
    words = ("optimizer=sgd", "optimizer.lr=0.1,1e30", "hydra.sweep.dir=s", "protocol.seeds=[0,1,2,3,4]")
    answer = nnreg(*RACE, *words, *TINY)
    race = read_manifest(project / "s").race
    assert (race.live, race.left) == (("optimizer.lr=0.1",), {"optimizer.lr=1e+30": (3, "")})
    assert [run[2] for run in results(project / "s").values()].count("diverged") == 3
    assert "optimizer.lr=0.1 is left alone" in answer.out


@pytest.mark.long
def test_a_race_that_lost_runs_is_gone_on_with_and_ends_the_same(nnreg, project):
    words = ("optimizer=sgd,adam,lion", EIGHT, *TINY)
    assert nnreg(*RACE, *words, "hydra.sweep.dir=s").code == 0
    home = project / "s"
    whole, race = results(home), read_manifest(home).race
    for number in (1, 8, max(whole)):
        (home / str(number) / "summary.json").unlink()
    (home / "sweep.json").unlink()  # killed before it was written, as far as a test can play it
    assert nnreg(*RACE, *words, "sweep.resume=s").code == 0
    again = results(home)
    kept = [{number: run[:3] for number, run in found.items()} for found in (whole, again)]
    assert kept[0] == kept[1]
    assert read_manifest(home).race == race
    answer = nnreg("-m", "sweep.resume=s")
    assert (answer.code, "nothing to resume" in answer.out) == (0, True)


def test_a_dry_run_lists_all_that_there_may_be(nnreg, project):
    answer = nnreg(*RACE, "optimizer=sgd,adam", "protocol.seeds=[4,5,6,7,8]", "sweep.dry_run=true")
    jobs = listed(answer)
    assert (len(jobs), jobs["0"], jobs["9"]) == (
        10,
        "optimizer=sgd tracking=off seed=4",
        "optimizer=adam tracking=off seed=8",
    )
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer=sgd,adam", "seed=1,2"), "protocol=race has its own seeds: leave out seed=, or give"),
        (("optimizer=adam",), "a race needs two arms or more: sweep a setting, such as optimizer=sgd,adam"),
        (("optimizer=adam,adam",), "a race needs two arms or more"),
        (("optimizer=glob(zz*)",), "the sweep has no runs: its glob or range holds nothing"),
        (("dataset=iris,wine",), "protocol=race runs arms against each other on one dataset"),
        (("optimizer=sgd,adam", "task=descend"), "protocol=race needs arms that differ by chance, and task=descend"),
        (("init=he,glorot", "task=activations"), "protocol=race needs arms that differ by chance, and task=activations"),
        (("loss=mse,softmax_cross_entropy",), "losses of different kinds cannot be raced by their values"),
        (("optimizer=sgd,adam", "sweep.metric=valid/lss"), "sweep.metric=valid/lss is not a metric that runs record"),
        (("optimizer=sgd,adam", "protocol.seeds=[1,1,2]"), "protocol.seeds must list seeds of 0 or more, each once"),
        (("optimizer=sgd,adam", "protocol.seeds=[]"), "protocol.seeds must list seeds of 0 or more, each once"),
        (("optimizer=sgd,adam", "protocol.seeds=[1,2]"), "protocol.seeds must list 3, 5, 8, 12 or 20 of them"),
        (("optimizer=sgd,adm",), "there is no optimizer 'adm'; did you mean 'adam'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_answered_in_one_line_and_leaves_nothing_behind(nnreg, project, words, said):
    answer = nnreg(*RACE, *words)
    assert answer.code == 2
    assert said in answer.complaint
    assert list(project.iterdir()) == []


def test_a_metric_that_no_run_records_is_said_before_the_first_run(nnreg, project):
    answer = nnreg(*RACE, "optimizer=sgd,adam", "sweep.metric=test/r2", "protocol.seeds=[0,1,2]", *TINY)
    assert answer.code == 2
    assert "test/r2 is not measured where targets are classes" in answer.complaint
