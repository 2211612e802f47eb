"""Arms: everything but the seed; what was swept is told apart from what only follows from it."""

import json

import pytest

from nnreg.comparison.gathering import gather
from nnreg.errors import UserError
from nnreg.records.manifest import Manifest, Tuned
from tests.comparison.sweeps import leave, sweep


def named(found):
    return {arm.name: list(arm.runs.seeds) for arm in found.arms}


def test_arms_differ_in_what_was_swept_and_hold_a_run_for_each_seed(tmp_path):
    jobs = {(f"optimizer={rule}", f"init={init}"): [0.5, 0.4] for rule in ("sgd", "adam") for init in ("he", "xavier")}
    found = gather([sweep(tmp_path / "sweep", jobs)])
    assert named(found) == {name: [1, 2] for name in ("sgd, he", "sgd, xavier", "adam, he", "adam, xavier")}
    assert dict(found.axes) == {"optimizer": ["sgd", "adam"], "init": ["he", "xavier"]}
    assert found.arms[2].settings == {"optimizer": "adam", "init": "he"}
    assert (found.seeds, found.paired, found.left_out) == ((1, 2), True, ())
    assert {run.arm for run in found.arms[0].runs} == {"sgd, he"}


def test_arms_of_one_technique_have_shades_of_its_colour_and_no_two_are_alike(tmp_path):
    jobs = {(f"optimizer={rule}", f"init={init}"): [0.5] for rule in ("sgd", "adam") for init in ("he", "xavier")}
    colours = [arm.colour for arm in gather([sweep(tmp_path / "sweep", jobs)]).arms]
    assert len(set(colours)) == 4
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour in colours)


@pytest.mark.parametrize(
    ("arms", "names", "axes"),
    [
        ([["optimizer.lr=0.1"], ["optimizer.lr=0.01"]], ["lr 0.1", "lr 0.01"], {"optimizer.lr": [0.01, 0.1]}),
        ([["hidden=[8]"], ["hidden=[16,8]"]], ["hidden 8", "hidden 16-8"], {"hidden": [(8,), (16, 8)]}),
        ([["regularizer=none"], ["regularizer=l2"]], ["no regularizer", "l2"], {"regularizer": ["none", "l2"]}),
        ([["optimizer=adam"], ["optimizer=sgd"]], ["adam", "sgd"], {"optimizer": ["adam", "sgd"]}),
        ([["init=normal", "init.std=0.1"], ["init=normal", "init.std=0.10000000001"]],
         ["std 0.1", "std 0.10000000001"], {"init.std": [0.1, 0.10000000001]}),
    ],
)  # fmt: skip
def test_an_arm_is_called_by_its_settings(tmp_path, arms, names, axes):
    found = gather([sweep(tmp_path / "sweep", {tuple(arm): [0.5] for arm in arms})])
    assert [arm.name for arm in found.arms] == names
    assert dict(found.axes) == axes


def test_default_parameters_of_a_technique_are_no_axis_but_tuned_ones_are_told(tmp_path):
    tuned = {("optimizer=sgd", "optimizer.lr=0.3"): [0.5], ("optimizer=adam", "optimizer.lr=0.01"): [0.4]}
    found = gather([sweep(tmp_path / "tuned", tuned)])
    assert named(found) == {"sgd, lr 0.3": [1], "adam, lr 0.01": [1]}
    assert dict(found.axes) == {"optimizer": ["sgd", "adam"]}
    plain = gather([sweep(tmp_path / "plain", {("optimizer=sgd",): [0.5], ("optimizer=adam",): [0.4]})])
    assert named(plain) == {"sgd": [1], "adam": [1]}


def test_what_was_not_given_everywhere_is_known_from_the_configuration(tmp_path):
    found = gather([sweep(tmp_path / "a", {("optimizer.lr=0.5",): [0.5]}), sweep(tmp_path / "b", {(): [0.4]})])
    assert named(found) == {"lr 0.5": [1], "lr 0.01": [1]}


def test_single_runs_are_compared_by_what_differs_between_them(tmp_path):
    folders = [
        leave(tmp_path / "a", ["optimizer=adam"], seed=1, settings={"tracking": "mlflow", "checkpoint_seconds": 0}),
        leave(tmp_path / "b", ["optimizer=sgd"], seed=1, settings={"tracking": "off", "animate": "gif"}),
    ]
    found = gather(folders)
    assert named(found) == {"adam": [1], "sgd": [1]}
    assert found.paired
    assert not gather([folders[0], leave(tmp_path / "c", ["optimizer=sgd"], seed=2)]).paired


def test_a_setting_that_nobody_typed_still_tells_arms_apart(tmp_path):
    folders = [leave(tmp_path / name, settings={"batch": batch}) for name, batch in (("a", 32), ("b", 64))]
    found = gather(folders)
    assert [arm.name for arm in found.arms] == ["batch 32", "batch 64"]


def test_the_seed_under_another_name_is_no_axis(tmp_path):
    for seed in (1, 2):
        for rule in ("sgd", "adam"):
            leave(tmp_path / f"{seed}{len(rule)}", [f"optimizer={rule}"], seed=seed, settings={"random_state": seed})
    assert named(gather([tmp_path])) == {"sgd": [1, 2], "adam": [1, 2]}


def test_one_value_is_no_axis_and_one_arm_is_an_arm(tmp_path):
    found = gather([sweep(tmp_path / "sweep", {("optimizer=adam", "init=he"): [0.5, 0.4]})])
    assert named(found) == {"adam, he": [1, 2]}
    assert dict(found.axes) == {}


def test_of_one_configuration_and_seed_the_run_that_came_furthest_is_kept(tmp_path):
    leave(tmp_path / "0", seed=1, status="killed", metrics={})
    leave(tmp_path / "1", seed=1)
    leave(tmp_path / "2", seed=1, status="failed", metrics={})
    found = gather([tmp_path])
    assert [run.folder.name for run in found.arms[0].runs] == ["1"]
    assert {each.folder.name for each in found.left_out} == {"0", "2"}
    assert "configuration and seed of" in found.left_out[0].why


def test_diverged_and_failed_runs_stay_in_their_arm(tmp_path):
    for number, status in enumerate(("finished", "diverged", "failed", "killed")):
        leave(tmp_path / str(number), seed=number, status=status)
    assert named(gather([tmp_path])) == {"sgd, he": [0, 1, 2, 3]}


def test_a_study_lends_its_arms_their_names(tmp_path):
    home = sweep(
        tmp_path / "study1",
        {("optimizer=adam", "optimizer.beta1=0.5", f"init.std={std}"): [0.5] for std in (1, 2)}
        | {("optimizer=sgd", f"init.std={std}"): [0.6] for std in (1, 2)},
    )
    (home / "study").mkdir()
    (home / "study" / "study.json").write_text(json.dumps({"arms": {"0": "Fast", "1": "Fast", "2": "Slow", "3": "Slow"}}))
    found = gather([home])
    assert [arm.name for arm in found.arms] == ["Fast, std 1", "Fast, std 2", "Slow, std 1", "Slow, std 2"]
    assert dict(found.axes) == {"study.arm": ["Fast", "Slow"], "init.std": [1, 2]}
    (home / "study" / "study.json").write_text('{"arms": {"0')
    assert list(gather([home]).axes)[:1] == ["optimizer"]


INCOMPARABLE = [
    ({"overrides": ["loss=mse"]}, "loss=softmax_cross_entropy", "loss=mse", "one loss"),
    ({"overrides": ["dataset=wine"]}, "dataset=iris", "dataset=wine", "sweep over it: -m dataset=iris,wine"),
    ({"settings": {"task": "descend"}}, "task=train", "task=descend", "one task"),
    ({"digest": "other rows"}, "dataset=iris", "different rows", "run them again"),
]


@pytest.mark.parametrize(("other", "one", "two", "advice"), INCOMPARABLE)
def test_runs_whose_numbers_mean_different_things_are_refused_in_one_line(tmp_path, other, one, two, advice):
    folders = [leave(tmp_path / "a"), leave(tmp_path / "b", **other)]
    with pytest.raises(UserError) as refusal:
        gather(folders)
    said = str(refusal.value)
    assert "\n" not in said
    for part in (str(folders[0]), str(folders[1]), one, two, advice):
        assert part in said


def test_looks_at_untrained_layers_are_refused(tmp_path):
    with pytest.raises(UserError, match="none is better or worse"):
        gather([leave(tmp_path / "a", settings={"task": "activations"})])


def test_datasets_may_differ_where_they_were_swept(tmp_path):
    jobs = {(f"dataset={data}", f"optimizer={rule}"): [0.5] for data in ("iris", "wine") for rule in ("sgd", "adam")}
    home = sweep(tmp_path / "sweep", jobs)
    assert list(gather([home]).axes) == ["dataset", "optimizer"]
    both = sweep(tmp_path / "again", {(f"dataset={data}", "optimizer=momentum"): [0.5] for data in ("iris", "wine")})
    assert len(gather([home, both]).arms) == 6
    with pytest.raises(UserError, match="dataset=wine"):
        gather([home, leave(tmp_path / "single", ["dataset=iris"])])


def test_where_the_files_of_a_dataset_lie_makes_no_difference(tmp_path):
    places = (("a", "sgd"), ("b", "adam"))
    folders = [leave(tmp_path / place, [f"optimizer={rule}"], data_dir=f"/data/{place}") for place, rule in places]
    assert named(gather(folders)) == {"sgd": [0], "adam": [0]}


def test_a_grid_of_learning_rates_is_a_budget_and_an_edge_is_noticed(tmp_path):
    losses = {0.001: [0.9], 0.01: [0.2], 0.1: [0.5]}
    jobs = {("optimizer=sgd", f"optimizer.lr={rate}"): each for rate, each in losses.items()}
    jobs |= {("optimizer=adam", f"optimizer.lr={rate}"): [rate] for rate in losses}
    tuning = gather([sweep(tmp_path / "sweep", jobs)]).tuning
    assert (tuning.protocol, tuning.technique, tuning.fresh_seeds) == ("grid", "optimizer", False)
    assert dict(tuning.budget) == {"sgd": 3, "adam": 3}
    assert list(tuning.at_edge) == ["adam"]


def test_a_tuned_sweep_tells_its_budget_and_keeps_the_runs_of_tuning_apart(tmp_path):
    chosen = {("optimizer=sgd", "optimizer.lr=0.1"): [0.5, 0.6], ("optimizer=adam", "optimizer.lr=0.01"): [0.1, 0.2]}
    home = sweep(tmp_path / "sweep", chosen)
    sweep(home / "tuning", {("optimizer=sgd", f"optimizer.lr={rate}"): [rate] for rate in (0.1, 1.0)})
    ranges = {"sgd": (0.1, 1.0), "adam": (0.001, 0.1)}
    tuned = Tuned("optimizer", "optimizer.lr", {"sgd": 2, "adam": 2}, ranges, {"sgd": 0.1, "adam": 0.01})
    Manifest(protocol="tune_then_seeds", tuning=tuned).save(home)
    found = gather([home])
    assert named(found) == {"sgd, lr 0.1": [1, 2], "adam, lr 0.01": [1, 2]}
    assert list(found.axes) == ["optimizer"]
    assert (found.tuning.protocol, found.tuning.fresh_seeds, len(found.tuning.runs)) == ("tune_then_seeds", True, 2)
    assert list(found.tuning.at_edge) == ["sgd"]


def test_what_ran_with_a_value_that_was_chosen_before_is_not_compared_and_named(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer.lr=1",): [0.5, 0.6], ("optimizer.lr=0.1",): [0.1, 0.2]})
    Manifest(protocol="tune_then_seeds", compared=("2", "3", "4")).save(home)
    found = gather([home])
    assert [arm.runs.seeds for arm in found.arms] == [(1, 2)]
    assert {run.config["optimizer"]["lr"] for arm in found.arms for run in arm.runs} == {0.1}
    assert [(each.folder.name, each.why) for each in found.left_out] == [
        ("0", "another value was chosen since"),
        ("1", "another value was chosen since"),
    ]


def test_nothing_is_said_to_be_tuned_where_no_rate_was_swept(tmp_path):
    tuning = gather([sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5], ("optimizer=adam",): [0.4]})]).tuning
    assert (dict(tuning.budget), tuning.technique, list(tuning.at_edge)) == ({}, "", [])


@pytest.mark.parametrize(
    ("chosen", "edges"),
    [
        ({"sgd": 0.5, "adam": 1.0}, ["adam"]),
        ({"sgd, init=he": 0.1, "sgd, init=xavier": 0.5, "adam, init=he": 0.5}, ["sgd with init=he"]),
        ({"sgd, init=he": 0.1, "sgd, init=xavier": 1.0, "adam, init=he": 0.5}, ["sgd"]),
    ],
)
def test_a_tuned_rate_at_the_edge_of_its_range_is_told_of_each_combination(tmp_path, chosen, edges):
    home = sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5], ("optimizer=adam",): [0.4]})
    ranges = dict.fromkeys(("sgd", "adam"), (0.1, 1.0))
    Manifest(tuning=Tuned("optimizer", "optimizer.lr", {"sgd": 3, "adam": 3}, ranges, chosen)).save(home)
    assert list(gather([home]).tuning.at_edge) == edges
