"""Every technique gets the same budget on the tuning seeds, and only the best of each is run on fresh ones."""

from __future__ import annotations

import json

import pytest

from nnreg.records.manifest import read_manifest
from nnreg.sweeps import ending
from tests.sweeps.test_sweeper import listed

TINY = ("dataset=iris", "hidden=[4]", "steps=6", "batch=8")
TUNE = ("-m", "protocol=tune_then_seeds")


@pytest.fixture(autouse=True)
def nothing_drawn(undrawn, monkeypatch):
    monkeypatch.setattr(ending, "_saved", lambda *_: [])  # takes longer than these runs, and is tested elsewhere


def runs(folder):
    """Return (rule, rate, seed, summary) of each run in a folder, in order of their numbers."""
    found = []
    for path in sorted(folder.glob("*/summary.json"), key=lambda path: int(path.parent.name)):
        facts = json.loads(path.read_text())
        given = dict(word.split("=", 1) for word in facts["overrides"])
        found.append((given.get("optimizer"), float(given["optimizer.lr"]), facts["seed"], facts))
    return found


@pytest.mark.long
def test_a_sweep_is_tuned_on_some_seeds_and_compared_on_others(nnreg, project):
    words = (
        "optimizer=sgd,lion",
        "protocol.trials=2",
        "protocol.tuning_seeds=[7,8,9]",
        "protocol.seeds=[1]",
        "hydra.sweep.dir=s",
    )
    answer = nnreg(*TUNE, *words, *TINY)
    assert (answer.code, answer.err) == (0, "")
    trials, finals, tuning = runs(project / "s/tuning"), runs(project / "s"), read_manifest(project / "s").tuning
    rates = {"sgd": (0.001, 1.0), "lion": (1e-5, 0.01)}
    assert [trial[:3] for trial in trials] == [
        (rule, rate, seed) for rule in rates for rate in rates[rule] for seed in (7, 8, 9)
    ]
    losses = {trial[:2]: 0.0 for trial in trials}
    for rule, rate, _, facts in trials:
        losses[rule, rate] += facts["metrics"]["valid/loss_final"]
    best = {rule: min(rates[rule], key=lambda rate: losses[rule, rate]) for rule in rates}
    assert [final[:3] for final in finals] == [(rule, best[rule], 1) for rule in rates]
    assert (tuning.technique, tuning.parameter, tuning.by) == ("optimizer", "optimizer.lr", "valid/loss_final")
    assert (tuning.budget, tuning.ranges, tuning.chosen) == ({"sgd": 2, "lion": 2}, rates, best)
    assert (tuning.fresh_seeds, tuning.folder, read_manifest(project / "s").jobs) == (True, "tuning", 12 + 2)
    assert all(f"{rule}: optimizer.lr={rate:g}" in answer.out for rule, rate in best.items())
    assert {facts["sweep_id"] for *_, facts in finals} == {"s"}
    assert {facts["sweep_id"] for *_, facts in trials} == {"s/tuning"}  # to the tracking store they are another sweep


@pytest.mark.parametrize("seeds", ["[11,2]", "[13]"])
def test_no_run_is_compared_at_a_seed_of_the_tuning(nnreg, project, seeds):
    words = ("optimizer=sgd,lion", "protocol.trials=2", "protocol.tuning_seeds=[11,12,13]", f"protocol.seeds={seeds}")
    answer = nnreg(*TUNE, *words, *TINY)
    assert answer.code == 2
    assert "seeds must be others than tuning_seeds" in answer.complaint
    assert list(project.iterdir()) == []


def test_every_combination_with_the_other_axes_is_tuned(nnreg):
    answer = nnreg(
        *TUNE, "init=he,glorot", "optimizer=sgd,adam", "protocol.trials=2", "protocol.seeds=[1]", "sweep.dry_run=true"
    )
    jobs = listed(answer)
    assert len([number for number in jobs if number.startswith("tuning/")]) == 2 * 2 * 2 * 3
    assert jobs["0"] == "init=he optimizer=sgd tracking=off optimizer.lr=<best of 2> seed=1"
    assert "28 runs" in answer.out


def test_a_single_technique_is_tuned_for_each_value_of_another_axis(nnreg):
    jobs = listed(nnreg(*TUNE, "init=he,glorot", "optimizer=adam", "protocol.trials=2", "sweep.dry_run=true"))
    assert jobs["tuning/3"] == "init=he optimizer=adam tracking=off optimizer.lr=0.1 seed=11"
    assert len(jobs) == 2 * 2 * 3 + 2 * 5


def test_any_kind_that_declares_a_range_can_be_tuned(nnreg, monkeypatch):
    from nnreg_std.regularizers.l2 import L2

    monkeypatch.setattr(L2, "search", {"weight_decay": (1e-5, 0.1)}, raising=False)
    jobs = listed(nnreg(*TUNE, "regularizer=none,l2", "protocol.trials=2", "protocol.seeds=[3]", "sweep.dry_run=true"))
    assert list(jobs.values()) == [
        *(f"regularizer=l2 tracking=off regularizer.weight_decay=1e-05 seed={seed}" for seed in (11, 12, 13)),
        *(f"regularizer=l2 tracking=off regularizer.weight_decay=0.1 seed={seed}" for seed in (11, 12, 13)),
        "regularizer=none tracking=off seed=3",
        "regularizer=l2 tracking=off regularizer.weight_decay=<best of 2> seed=3",
    ]


def test_the_range_may_be_given(nnreg):
    words = (*TUNE, "optimizer=sgd,adam", "protocol.trials=3", "protocol.range=[0.01,1]", "sweep.dry_run=true")
    jobs = listed(nnreg(*words))
    assert [text.split()[2] for number, text in jobs.items() if number.startswith("tuning/")] == [
        *["optimizer.lr=0.01"] * 3, *["optimizer.lr=0.1"] * 3, *["optimizer.lr=1.0"] * 3,
    ] * 2  # fmt: skip


def test_a_variant_in_a_yaml_of_ones_own_is_searched_as_its_technique_says(nnreg, project):
    (project / "my/optimizer").mkdir(parents=True)
    (project / "my/optimizer/slow.yaml").write_text("defaults: [lion, _self_]\nlr: 0.001\n")
    answer = nnreg("--config-dir=my", *TUNE, "optimizer=slow,adam", "protocol.trials=2", "sweep.dry_run=true")
    assert listed(answer)["tuning/0"] == "optimizer=slow tracking=off optimizer.lr=1e-05 seed=11"


def test_a_descent_is_tuned_by_where_it_ends(nnreg, project):
    words = ("task=descend", "optimizer=sgd", "protocol.trials=2", "steps=5", "hydra.sweep.dir=s")
    assert nnreg(*TUNE, *words).code == 0
    assert read_manifest(project / "s").tuning.by == "descent/value"
    assert read_manifest(project / "s").jobs == 3  # the same at every seed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("seed=1,2",),
            "protocol=tune_then_seeds has its own seeds: leave out seed=, and give protocol.tuning_seeds=[11,12,13]",
        ),
        (("optimizer.lr=0.1",), "protocol=tune_then_seeds chooses optimizer.lr itself: leave it out, or give the range"),
        (
            ("optimizer=sam", "optimizer.inner.lr=0.1"),
            "protocol=tune_then_seeds chooses optimizer.inner.lr itself: leave it out",
        ),
        (("protocol.seeds=2",), "protocol.seeds: it takes a list, such as 'protocol.seeds=[1,2,3]'"),
        (("protocol.trials=0",), "protocol.trials must be in [1, inf), got 0"),
        (("protocol.seeds=[a]",), "it takes a list of whole numbers, such as protocol.seeds=[2,3]"),
        (("protocol.trials=x",), "protocol.trials: it takes a whole number, such as protocol.trials=2"),
        (("protocol.trails=3",), "protocol has no parameter 'trails'; did you mean 'trials'?"),
        (("protocol.range=[1,0.1]",), "protocol.range must be [low,high] with 0 < low < high, such as [1e-4,1]"),
        (("protocol.seeds=[]",), "protocol.seeds must list seeds of 0 or more, each once, such as [0,1], got []"),
        (("protocol.tuning_seeds=[1,1]",), "protocol.tuning_seeds must list seeds"),
        (
            ("protocol.tuning_seeds=[11,12]",),
            "protocol.tuning_seeds must list 3 seeds or more, such as [11,12,13], got [11, 12]",
        ),
        (("protocol.seeds=[3,12]",), "protocol.seeds must be others than tuning_seeds, got [12] in both: a choice flatters"),
        (("protocol.parameter=speed",), "none of sgd has a parameter speed to tune"),
        (("task=activations",), "protocol=tune_then_seeds needs a loss to tune by, and task=activations has none"),
        (("optimizer=glob(zz*)",), "the sweep has no runs: its glob or range holds nothing"),
        (("optimizer=sgd,adm",), "there is no optimizer 'adm'; did you mean 'adam'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_answered_in_one_line_and_leaves_nothing_behind(nnreg, project, words, said):
    answer = nnreg(*TUNE, *words)
    assert answer.code == 2
    assert said in answer.complaint
    assert list(project.iterdir()) == []


def test_a_descent_on_a_noisy_surface_is_tuned_and_compared_on_every_seed(nnreg):
    words = ("task=descend", "surface=noisy_quadratic,quadratic", "optimizer=sgd", "protocol.trials=2", "sweep.dry_run=true")
    jobs = listed(nnreg(*TUNE, *words))
    assert sum(number.startswith("tuning/") for number in jobs) == 2 * 2 * 3
