"""Arms: everything but the seed; what was swept is told apart from what only follows from it."""

import json
import os

import pytest

from nnreg.comparison.compare import compare
from nnreg.comparison.fairness import fairness_line
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


def test_of_runs_of_one_configuration_and_seed_the_first_is_kept_unless_a_later_one_came_further(tmp_path):
    homes = [leave(tmp_path / name, ["optimizer=adam"], seed=1, metrics={"final/train_loss": loss})
             for name, loss in (("a", 0.5), ("b", 0.1))]  # fmt: skip
    found = gather(homes)
    assert [run.summary["metrics"]["final/train_loss"] for run in found.arms[0].runs] == [0.5]
    (left,) = found.left_out
    assert (left.folder.name, left.why) == ("b", f"it has the configuration and seed of {homes[0]}")
    broken = leave(tmp_path / "0", ["optimizer=adam"], seed=1, status="failed", metrics={})
    assert [run.folder.name for run in gather([broken, *homes]).arms[0].runs] == ["a"]


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


def code(**changes):
    """Return fingerprints, such as a run records them."""
    return dict.fromkeys(("optimizer", "init", "activation", "dataset", "bias"), "0" * 16) | changes


OLD, NEW = "3f9a" + "0" * 12, "77b1" + "0" * 12
RULES = ("optimizer=sgd",), ("optimizer=adam",)


def versions_of(tmp_path, was, now, *jobs):
    """Leave the same sweep twice, of other code; the later one is worse."""
    before = sweep(tmp_path / "before", {job: [0.4, 0.5, 0.41] for job in jobs or RULES}, **({"code": was} if was else {}))
    return before, sweep(tmp_path / "after", {job: [0.8, 0.9, 0.81] for job in jobs or RULES}, **({"code": now} if now else {}))


def test_an_edited_technique_is_two_arms_named_by_their_code_and_never_pooled(tmp_path):
    before, after = versions_of(tmp_path, code(optimizer=OLD), code(optimizer=NEW), ("optimizer=adam",))
    found = gather([before, after])
    assert named(found) == {"adam [3f9a]": [1, 2, 3], "adam [77b1]": [1, 2, 3]}
    assert dict(found.axes) == {"optimizer": ["adam [3f9a]", "adam [77b1]"]}
    assert found.left_out == ()
    assert len({arm.colour for arm in found.arms}) == 2
    assert {run.folder.parent.name for run in found.arms[0].runs} == {"before"}


def test_techniques_whose_code_stayed_stay_one_arm_under_their_own_name(tmp_path):
    jobs = {rule: [0.4, 0.5] for rule in RULES}
    before = sweep(tmp_path / "before", jobs, code=code())
    for number in (2, 3):
        facts = json.loads((before / f"{number}/summary.json").read_text())
        (before / f"{number}/summary.json").write_text(json.dumps(facts | {"code": code(optimizer=OLD)}))
    after = sweep(tmp_path / "after", {("optimizer=adam",): [0.8, 0.9]}, code=code(optimizer=NEW))
    assert named(gather([before, after])) == {"sgd": [1, 2], "adam [3f9a]": [1, 2], "adam [77b1]": [1, 2]}


def test_other_code_and_another_learning_rate_are_both_told(tmp_path):
    before = sweep(tmp_path / "before", {("optimizer=adam", "optimizer.lr=0.1"): [0.4]}, code=code(optimizer=OLD))
    after = sweep(tmp_path / "after", {("optimizer=adam", "optimizer.lr=0.2"): [0.4]}, code=code(optimizer=NEW))
    assert set(named(gather([before, after]))) == {"adam [3f9a], lr 0.1", "adam [77b1], lr 0.2"}


def test_of_many_that_changed_together_the_first_is_named(tmp_path):
    before, after = versions_of(tmp_path, code(optimizer=OLD, init=OLD, bias=OLD), code(optimizer=NEW, init=NEW, bias=NEW))
    found = gather([before, after])
    assert set(named(found)) == {"sgd [3f9a]", "adam [3f9a]", "sgd [77b1]", "adam [77b1]"}
    assert list(found.axes) == ["optimizer"]


def test_an_edited_initialiser_is_told_apart_under_every_optimizer(tmp_path):
    before, after = versions_of(tmp_path, code(init=OLD), code(init=NEW))
    assert set(named(gather([before, after]))) == {
        f"{rule}, he [{each}]" for rule in ("sgd", "adam") for each in ("3f9a", "77b1")
    }


def test_runs_that_do_not_say_which_code_they_are_are_alike_and_apart_from_those_that_do(tmp_path):
    before, after = versions_of(tmp_path, None, code(optimizer=NEW), ("optimizer=adam",))
    assert set(named(gather([before, after]))) == {"adam [code not recorded]", "adam [77b1]"}
    assert set(named(gather([before]))) == {"adam, he"}


def test_a_dataset_is_told_by_its_rows_and_not_by_its_code(tmp_path):
    before = sweep(tmp_path / "before", {RULES[0]: [0.4]}, code=code(dataset=OLD))
    after = sweep(tmp_path / "after", {RULES[1]: [0.4]}, code=code(dataset=NEW))
    assert set(named(gather([before, after]))) == {"sgd", "adam"}


def test_fingerprints_that_begin_alike_are_told_whole(tmp_path):
    before, after = versions_of(tmp_path, code(optimizer=OLD), code(optimizer=OLD[:-1] + "1"), ("optimizer=adam",))
    assert set(named(gather([before, after]))) == {f"adam [{OLD}]", f"adam [{OLD[:-1]}1]"}


def test_a_comparison_does_not_depend_on_the_order_of_its_folders(tmp_path):
    before, after = versions_of(tmp_path, code(optimizer=OLD), code(optimizer=NEW))
    one, other = compare([before, after]), compare([after, before])
    assert one.answer == other.answer
    assert {each.arm.name for each in one.standings} == {each.arm.name for each in other.standings}
    twin = sweep(tmp_path / "twin", {RULES[0]: [0.7, 0.7, 0.7]}, code=code(optimizer=OLD))
    for number in range(3):
        os.utime(twin / f"{number}/summary.json", (0, 0))
    kept = [{run.folder for arm in gather(folders).arms for run in arm.runs} for folders in ([before, twin], [twin, before])]
    assert kept[0] == kept[1]
    assert twin / "0" in kept[0]


def test_unknown_code_and_other_versions_are_said_in_the_line_on_fairness(tmp_path):
    jobs = {RULES[0]: [0.4, 0.5]}
    before = sweep(tmp_path / "before", jobs, versions={"numpy": "2.1.0", "kernels": "Haswell", "python": "3.11"})
    after = sweep(tmp_path / "after", jobs, code=code(), versions={"numpy": "2.2.0", "kernels": "Haswell", "python": "3.12"})
    line = fairness_line(gather([before, after]), ["final/train_loss"])
    assert "2 of 4 runs do not say which code they are; made with numpy 2.1.0 and 2.2.0." in line
    assert "Haswell" not in line
    assert "made with" not in fairness_line(gather([after]), ["final/train_loss"])


def test_runs_that_were_compiled_beside_others_are_counted_in_the_line_on_fairness(tmp_path):
    plain = sweep(tmp_path / "plain", {RULES[0]: [0.4, 0.5]}, settings={"kernels": "numpy"})
    compiled = sweep(tmp_path / "compiled", {RULES[1]: [0.6, 0.7]}, settings={"kernels": "numba"})
    line = fairness_line(gather([plain, compiled]), ["final/train_loss"])
    assert "2 of 4 runs compiled by numba, the same but for rounding" in line
    assert "compiled" not in fairness_line(gather([compiled]), ["final/train_loss"])


def test_the_report_of_two_versions_of_a_technique_is_written_whole(tmp_path):
    jobs = [(f"optimizer={rule}", f"init={init}") for rule in ("sgd", "adam") for init in ("he", "xavier")]
    before, after = versions_of(tmp_path, code(optimizer=OLD), code(optimizer=NEW), *jobs)
    compared = compare([before, after])
    page = compared.save(tmp_path / "report")
    assert "adam [3f9a]" in page.read_text()
    assert set(compared.gathered.axes) == {"optimizer", "init"}


def test_sweeps_with_a_split_for_every_seed_are_compared_whatever_seeds_they_have(tmp_path):
    def splits(home, rule, seeds):
        for seed in seeds:
            words = [f"optimizer={rule}", f"dataset.random_state={seed}"]
            leave(home / str(seed), words, seed=seed, digest=f"rows {seed}", metrics={"final/train_loss": 0.5})
        return home

    found = gather([splits(tmp_path / "one", "sgd", [1, 2]), splits(tmp_path / "other", "adam", [1, 2, 3])])
    assert named(found) == {"sgd": [1, 2], "adam": [1, 2, 3]}
    assert list(found.axes) == ["optimizer"]
