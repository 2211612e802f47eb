import math

import pytest

from nnreg.comparison.gathering import gather
from nnreg.comparison.standings import Target, choose_target, default_metric, standings
from nnreg.errors import UserError
from nnreg.records.metrics import called
from nnreg.records.statistics import smooth
from tests.comparison.sweeps import leave, sweep

METRIC = "final/train_loss"


def found(folder, goal=None, metric=METRIC):
    return standings(gather([folder]), goal, metric)


def test_arms_stand_best_first_and_those_with_lost_runs_last(tmp_path):
    jobs = {("optimizer=sgd",): [0.5, 0.7], ("optimizer=adam",): [0.1, None], ("optimizer=momentum",): [0.3, 0.4]}
    order = found(sweep(tmp_path / "sweep", jobs))
    assert [each.arm.name for each in order] == ["momentum", "sgd", "adam"]
    assert [(each.finished, each.diverged, each.failed) for each in order] == [(2, 0, 0), (2, 0, 0), (1, 1, 0)]
    assert [each.lost for each in order] == [0, 0, 1]
    assert order[1].metrics[METRIC].by_seed == {1: 0.5, 2: 0.7}
    assert order[1].mean(METRIC) == pytest.approx(0.6)
    assert order[1].metrics[METRIC].half == pytest.approx(12.7062 * 0.1, rel=1e-4)  # t(1, .975) and s / sqrt(2)


def test_more_accuracy_is_better(tmp_path):
    for name, accuracy in (("sgd", 0.2), ("adam", 0.9)):
        leave(tmp_path / name, [f"optimizer={name}"], metrics={"valid/accuracy_final": accuracy})
    assert [each.arm.name for each in found(tmp_path, metric="valid/accuracy_final")] == ["adam", "sgd"]


def test_the_last_values_of_a_diverged_run_are_in_no_mean(tmp_path):
    leave(tmp_path / "0", seed=1, metrics={METRIC: 0.5})
    leave(tmp_path / "1", seed=2, status="diverged", metrics={METRIC: 1e20})
    (only,) = found(tmp_path)
    assert only.metrics[METRIC].by_seed == {1: 0.5}
    assert only.metrics["seconds"].by_seed == {1: 2.0}
    assert only.metrics[METRIC].half is None


def test_failed_and_killed_runs_are_counted(tmp_path):
    for number, status in enumerate(("finished", "diverged", "failed", "killed")):
        leave(tmp_path / str(number), seed=number, status=status)
    (only,) = found(tmp_path)
    assert (only.finished, only.diverged, only.failed) == (1, 1, 2)


def test_where_every_run_diverged_there_is_a_standing_and_no_number(tmp_path):
    (only,) = found(sweep(tmp_path / "sweep", {("optimizer=sgd",): [None, None]}))
    assert math.isnan(only.mean(METRIC))
    assert only.diverged == 2


def test_a_metric_that_no_run_has_is_refused_with_what_is_meant(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5]})
    with pytest.raises(UserError, match="no run has the metric 'train/los_final'; did you mean 'final/train_loss'"):
        found(home, metric="train/los_final")


CURVES = {"train/loss": [8.0, 4.0, 2.0, 1.0, 0.5], "valid/accuracy": [0.1, 0.5, 0.9, 0.7]}


def reached(tmp_path, goal, **changes):
    leave(tmp_path / "0", seed=1, curves=CURVES, **changes)
    return found(tmp_path, goal)[0]


def test_the_first_step_at_the_target_counts_and_seconds_follow_from_the_mean_pace(tmp_path):
    standing = reached(tmp_path, Target("valid/accuracy", 0.6, "chosen"))
    assert standing.steps_to_target.by_seed == {1: 2.0}
    assert standing.seconds_to_target.by_seed == {1: 2 * 2.0 / 4}  # two seconds for four steps
    assert standing.reached == 1


def test_the_training_loss_reaches_a_target_smoothed_as_in_the_curves(tmp_path):
    import numpy as np

    smoothed = smooth(np.array(CURVES["train/loss"]))
    standing = reached(tmp_path, Target("train/loss", float(smoothed[3]), "chosen"))
    assert standing.steps_to_target.by_seed == {1: 3.0}


def test_a_target_that_is_not_reached_is_shown_as_such(tmp_path):
    standing = reached(tmp_path, Target("valid/accuracy", 0.95, "chosen"))
    assert standing.reached == 0
    assert math.isnan(standing.steps_to_target.mean)


def test_a_run_that_diverged_after_it_was_at_the_target_has_not_reached_it(tmp_path):
    assert reached(tmp_path, Target("valid/accuracy", 0.6, "chosen"), status="diverged").reached == 0


def arms_with(tmp_path, metric, bests):
    for number, best in enumerate(bests):
        settings = {"batch": number + 1}
        leave(tmp_path / str(number), settings=settings, metrics={f"{metric}_best": best}, curves={metric: [best]})
    return gather([tmp_path])


@pytest.mark.parametrize(
    ("metric", "bests", "value"),
    [
        ("valid/accuracy", [0.9, 0.96666, 0.3], 0.9),
        ("valid/accuracy", [0.9, 0.96666, 0.97, 0.3], 0.9),  # of two in the middle the one that three reach
        ("valid/accuracy", [0.96666], 0.966),  # rounded to the easier side
        ("valid/r2", [-0.5, 0.5, 0.7], 0.5),
        ("valid/loss", [0.1234, 0.5, 0.2], 0.2),
        ("valid/loss", [0.12341, 0.5, 0.1], 0.124),
        ("train/loss", [0.000123456, 0.1, 0.2, 0.00001], 0.1),
        ("train/loss", [0.0], 0.0),
    ],
)
def test_the_target_by_rule_is_what_the_median_arm_reaches(tmp_path, metric, bests, value):
    goal = choose_target(arms_with(tmp_path, metric, bests))
    assert (goal.metric, goal.value) == (metric, pytest.approx(value, rel=1e-12))
    assert goal.rule == f"the median arm's best {called(metric)}"


def test_half_the_arms_or_more_reach_the_target_by_rule(tmp_path):
    gathered = arms_with(tmp_path, "valid/accuracy", [0.1 * number + 0.01234 for number in range(6)])
    reached = [each.reached for each in standings(gathered, choose_target(gathered), "valid/accuracy_best")]
    assert sum(reached) >= 3


def test_where_datasets_were_swept_or_nothing_finished_there_is_no_target_by_rule(tmp_path):
    jobs = {("dataset=iris",): [0.5], ("dataset=wine",): [0.5]}
    several = gather([sweep(tmp_path / "several", jobs)])
    assert choose_target(several) is None
    assert choose_target(several, "valid/accuracy=0.5").value == 0.5
    assert choose_target(gather([sweep(tmp_path / "lost", {("optimizer=sgd",): [None]})])) is None


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("valid/accuracy", "cannot read the target 'valid/accuracy': type it as metric=value"),
        ("=0.5", "cannot read the target"),
        ("valid/accuracy=high", "cannot read the target"),
        ("valid/accuracy=nan", "cannot read the target"),
        ("valid/acuracy=0.5", "no run recorded 'valid/acuracy'; did you mean 'valid/accuracy'"),
        ("valid/accuracy=95", "valid/accuracy is at most 1, got the target 95"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused_in_one_line(tmp_path, wanted, said):
    gathered = gather([sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5]})])
    with pytest.raises(UserError) as refusal:
        choose_target(gathered, wanted)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("swept", "known", "chosen"),
    [
        (["optimizer=adam"], [METRIC, "valid/loss_final"], METRIC),
        (["regularizer=l2"], [METRIC, "valid/loss_final"], "valid/loss_final"),
        (["regularizer.weight_decay=0.1"], [METRIC, "valid/loss_final", "valid/accuracy_final"], "valid/loss_final"),
        (["regularizer=l2"], [METRIC], METRIC),
        (["loss.label_smoothing=0.1"], [METRIC, "valid/loss_final", "valid/accuracy_final"], "valid/accuracy_final"),
        (["loss.scale=2"], [METRIC, "valid/loss_final", "valid/r2_final"], "valid/r2_final"),
        (["loss.scale=2", "regularizer=l2"], [METRIC, "valid/loss_final"], "valid/loss_final"),
    ],
)
def test_runs_are_compared_by_training_loss_unless_what_it_measures_was_swept(tmp_path, swept, known, chosen):
    leave(tmp_path / "0", metrics=dict.fromkeys(known, 0.5))
    leave(tmp_path / "1", swept, metrics=dict.fromkeys(known, 0.5))
    assert default_metric(gather([tmp_path])) == chosen


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("final/train_loss", "final training loss"),
        ("valid/accuracy_best", "best validation accuracy"),
        ("test/accuracy", "test accuracy"),
        ("valid/r2_final", "final validation R²"),
        ("descent/value", "final value"),
        ("seconds", "training time in seconds"),
        ("descent/stable_below", "descent stable below"),
    ],
)
def test_metrics_have_names(metric, said):
    assert called(metric) == said
