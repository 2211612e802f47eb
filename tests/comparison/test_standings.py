"""How each arm did: typical values with their intervals, what was lost, and what it took to reach a target."""

import math

import numpy as np
import pytest
from scipy import stats

from nnreg.comparison.gathering import gather
from nnreg.comparison.judging import Ruler
from nnreg.comparison.standings import Target, choose_target, measured, reach, standings
from nnreg.errors import UserError
from nnreg.records.metrics import called
from nnreg.records.statistics import smooth
from tests.comparison.sweeps import leave, sweep

METRIC = "final/train_loss"


def found(folder, goal=None, metric=METRIC):
    return standings(gather([folder], metric), goal, metric)


RATIO = Ruler("ratio", 1e-7, 1e-8)


def test_a_typical_loss_is_the_geometric_mean_with_students_interval_of_its_logarithm():
    made = measured(dict(enumerate([1.0, 2.0, 4.0])), RATIO)
    low, high = np.exp(stats.t.interval(0.95, 2, math.log(2), math.log(2) / math.sqrt(3)))
    assert (made.mean, made.low, made.high) == (pytest.approx(2.0), pytest.approx(low), pytest.approx(high))
    assert made.half == pytest.approx((high - low) / 2)


def test_a_typical_accuracy_is_the_mean_and_beyond_ten_seeds_without_the_extremes():
    few, many = [0.9, 0.8, 0.97], [*np.linspace(0.5, 0.9, 15), 0.0]
    made = measured(dict(enumerate(few)))
    assert (made.mean, made.half) == (pytest.approx(np.mean(few)), pytest.approx(4.302653 * stats.sem(few), rel=1e-6))
    assert measured(dict(enumerate(many))).mean == pytest.approx(stats.trim_mean(many, 0.125))


@pytest.mark.parametrize(("losses", "mean"), [([4.0], 4.0), ([1.0, 4.0], 2.0)])
def test_fewer_than_three_seeds_have_a_mean_and_no_interval(losses, mean):
    made = measured(dict(enumerate(losses)), RATIO)
    assert (made.mean, made.half) == (pytest.approx(mean), None)
    assert math.isnan(made.low)
    assert math.isnan(made.high)


def test_equal_values_keep_the_width_of_their_rounding_and_extremes_are_finite():
    for value in (0.25, 5.0, 0.1):
        made = measured(dict.fromkeys(range(5), value), RATIO)
        assert made.mean == value, "to the bit"
        assert 0 < made.half < 1e-7 * value
    for values in ([0.0, 0.0, 0.0], [1e300, 1e-300, 1.0]):
        made = measured(dict(enumerate(values)), RATIO)
        assert made.low >= 0, "no interval of a loss goes below zero"


def test_arms_stand_best_first_and_those_with_lost_runs_last(tmp_path):
    jobs = {("optimizer=sgd",): [0.5, 0.7], ("optimizer=adam",): [0.1, None], ("optimizer=momentum",): [0.3, 0.4]}
    order = found(sweep(tmp_path / "sweep", jobs))
    assert [each.arm.name for each in order] == ["momentum", "sgd", "adam"]
    assert [(each.finished, each.untrained, each.failed) for each in order] == [(2, 0, 0), (2, 0, 0), (1, 1, 0)]
    assert [each.lost for each in order] == [0, 0, 1]
    assert order[1].metrics[METRIC].by_seed == {1: 0.5, 2: 0.7}
    assert order[1].mean(METRIC) == pytest.approx(math.sqrt(0.5 * 0.7))
    assert order[1].metrics[METRIC].half is None, "two seeds carry no interval"


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
    for number, status in enumerate(("finished", "diverged", "failed", "killed", "failed_to_train")):
        leave(tmp_path / str(number), seed=number, status=status, metrics={METRIC: 0.5 + number})
    (only,) = found(tmp_path)
    assert (only.finished, only.untrained, only.failed, only.lost) == (1, 2, 2, 4)
    assert only.metrics[METRIC].by_seed == {0: 0.5}, "what failed to train is in no mean, like what diverged"


def test_where_every_run_diverged_there_is_a_standing_and_no_number(tmp_path):
    (only,) = found(sweep(tmp_path / "sweep", {("optimizer=sgd",): [None, None]}))
    assert math.isnan(only.mean(METRIC))
    assert only.endings == {"diverged": 2}


def test_a_metric_that_no_run_has_is_refused_with_what_is_meant(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5]})
    with pytest.raises(UserError, match="no run has the metric 'final/train_los'; did you mean 'final/train_loss'"):
        found(home, metric="final/train_los")


CURVES = {"train/loss": [8.0, 4.0, 2.0, 1.0, 0.5], "valid/accuracy": [0.1, 0.5, 0.9, 0.7]}


def reached(tmp_path, goal, **changes):
    leave(tmp_path / "0", seed=1, curves=CURVES, **changes)
    return found(tmp_path, goal)[0]


def test_the_first_step_at_the_target_counts_and_seconds_follow_from_the_mean_pace(tmp_path):
    standing = reached(tmp_path, Target("valid/accuracy", 0.6, "chosen"))
    assert standing.steps_to_target.by_seed == {1: 2.0}
    assert standing.seconds_to_target.by_seed == {1: 2 * 2.0 / 4}  # two seconds for four steps
    assert standing.reached == 1


def test_the_target_is_told_in_gradients_too_where_a_rule_counts_them(tmp_path):
    """Those of a run that counts them at the step that reached it, between two counts by the straight line."""
    counted = CURVES | {"work/gradients": [0.0, 2.0, 5.0, 7.0]}
    metrics = {"final/train_loss": 0.5, "work/gradients": 9.0}
    leave(tmp_path / "0", ["optimizer=sgd"], seed=1, curves=counted, metrics=metrics)
    leave(tmp_path / "1", ["optimizer=adam"], seed=1, curves=CURVES)
    one, other = sorted(found(tmp_path, Target("valid/accuracy", 0.6, "chosen")), key=lambda each: -len(each.metrics))
    assert list(one.ways_to_target) == list(other.ways_to_target) == ["steps", "work/gradients", "seconds"]
    assert one.gradients_to_target.by_seed == {1: 5.0}
    assert other.gradients_to_target.by_seed == {1: 2.0}


def test_where_every_rule_takes_one_gradient_a_step_nothing_is_said_of_them(tmp_path):
    standing = reached(tmp_path, Target("valid/accuracy", 0.6, "chosen"))
    assert list(standing.ways_to_target) == ["steps", "seconds"]


def test_the_training_loss_reaches_a_target_smoothed_as_in_the_curves(tmp_path):
    smoothed = smooth(np.array(CURVES["train/loss"]), log=True)
    standing = reached(tmp_path, Target("train/loss", float(smoothed[3]), "chosen"))
    assert standing.steps_to_target.by_seed == {1: 3.0}


def test_a_target_that_is_not_reached_is_shown_as_such(tmp_path):
    standing = reached(tmp_path, Target("valid/accuracy", 0.95, "chosen"))
    assert standing.reached == 0
    assert math.isnan(standing.steps_to_target.mean)
    assert standing.steps_to_target.by_seed == {}


@pytest.mark.parametrize(
    ("steps", "median", "low", "high"),
    [
        ([30, 10, 20], 20, 10, 30),
        ([30, 10, 20, 40], 25, 10, 40),
        ([30, 10, math.inf], 30, 10, math.inf),
        ([30, math.inf, 10, 20], 25, 10, math.inf),
        ([30, math.inf, math.inf], math.inf, 30, math.inf),
        ([30, math.inf], math.inf, 30, math.inf),
        ([10], 10, 10, 10),
    ],
)
def test_steps_to_a_target_are_median_and_range_with_what_did_not_reach_it_last(steps, median, low, high):
    made = reach(dict(enumerate(map(float, steps))))
    assert (made.mean, made.low, made.high, made.half) == (median, low, high, None)
    assert made.by_seed == {seed: step for seed, step in enumerate(steps) if math.isfinite(step)}


def test_an_arm_one_of_whose_runs_diverged_has_not_reached_the_target_there(tmp_path):
    leave(tmp_path / "0", seed=1, curves=CURVES)
    leave(tmp_path / "1", seed=2, curves=CURVES, status="failed_to_train")
    (only,) = found(tmp_path, Target("valid/accuracy", 0.6, "chosen"))
    assert (only.reached, only.steps_to_target.mean, only.steps_to_target.high) == (1, math.inf, math.inf)


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
    goal = choose_target(arms_with(tmp_path, metric, bests), METRIC)
    assert (goal.metric, goal.value) == (metric, pytest.approx(value, rel=1e-12))
    assert goal.rule == f"the median arm's best {called(metric)}"


def test_the_target_is_taken_from_techniques_at_their_best_rate(tmp_path):
    """Worse rates, which nobody would use, would make the target a gift: the median of all arms is .3, of the best .9."""
    for place, (rule, rate, loss, best) in enumerate(
        [
            ("sgd", 0.1, 0.1, 0.9),
            ("sgd", 1.0, 2.0, 0.2),
            ("sgd", 10.0, 3.0, 0.1),
            ("adam", 0.1, 0.1, 0.95),
            ("adam", 1.0, 2.0, 0.3),
        ]
    ):
        metrics = {METRIC: loss, "valid/accuracy_best": best}
        curves = {"valid/accuracy": [best]}
        leave(tmp_path / str(place), [f"optimizer={rule}", f"optimizer.lr={rate}"], metrics=metrics, curves=curves)
    assert choose_target(gather([tmp_path]), METRIC).value == 0.9


def test_half_the_arms_or_more_reach_the_target_by_rule(tmp_path):
    gathered = arms_with(tmp_path, "valid/accuracy", [0.1 * number + 0.01234 for number in range(6)])
    reached = [each.reached for each in standings(gathered, choose_target(gathered, METRIC), "valid/accuracy_best")]
    assert sum(reached) >= 3


def test_where_datasets_were_swept_or_nothing_finished_there_is_no_target_by_rule(tmp_path):
    jobs = {("dataset=iris",): [0.5], ("dataset=wine",): [0.5]}
    several = gather([sweep(tmp_path / "several", jobs)])
    assert choose_target(several, METRIC) is None
    assert choose_target(several, METRIC, "valid/accuracy=0.5").value == 0.5
    assert choose_target(gather([sweep(tmp_path / "lost", {("optimizer=sgd",): [None]})]), METRIC) is None


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
        choose_target(gathered, METRIC, wanted)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


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
