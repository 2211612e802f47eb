"""By which metric arms are judged, which one stands beside it, and how values of one are set against each other."""

import math

import numpy as np
import pytest

from nnreg.comparison.findings import find
from nnreg.comparison.gathering import gather
from nnreg.comparison.judging import companion_metric, judged_metric, judged_words, ruler_of
from nnreg.errors import UserError
from nnreg.records.manifest import Manifest, Tuned
from nnreg.records.results import read_run
from tests.comparison.sweeps import leave, sweep

METRIC, MEAN, VALID = "final/train_loss", "train/loss_mean_last_100", "valid/loss_final"


@pytest.mark.parametrize(
    ("swept", "known", "chosen", "beside"),
    [
        (["optimizer=adam"], [METRIC, MEAN, VALID], METRIC, VALID),
        (["optimizer=adam"], [METRIC], METRIC, None),
        (["optimizer=adam"], [MEAN, VALID], MEAN, VALID),
        (["regularizer=l2"], [METRIC, VALID], VALID, METRIC),
        (["dropout=dropout"], [METRIC, VALID], VALID, METRIC),
        (["regularizer.weight_decay=0.1"], [METRIC, VALID, "valid/accuracy_final"], VALID, METRIC),
        (["regularizer=l2"], [METRIC], METRIC, None),
        (["loss.label_smoothing=0.1"], [METRIC, VALID, "valid/accuracy_final"], "valid/accuracy_final", None),
        (["loss.scale=2"], [METRIC, VALID, "valid/r2_final"], "valid/r2_final", None),
        (["loss.scale=2", "regularizer=l2"], [METRIC, VALID], VALID, None),
    ],
)
def test_runs_are_judged_by_training_loss_unless_what_it_measures_was_swept(tmp_path, swept, known, chosen, beside):
    leave(tmp_path / "0", metrics=dict.fromkeys(known, 0.5))
    leave(tmp_path / "1", swept, metrics=dict.fromkeys(known, 0.5))
    found = gather([tmp_path])
    assert (found.metric, found.companion) == (chosen, beside)


@pytest.mark.parametrize(
    ("wanted", "known", "chosen"),
    [
        ("valid/accuracy", ["valid/accuracy_final"], "valid/accuracy_final"),
        ("valid/accuracy_best", ["valid/accuracy_best", "valid/accuracy_final"], "valid/accuracy_best"),
        ("train/loss", [METRIC, MEAN], METRIC),
        ("train/loss", [MEAN], MEAN),
        ("train/los", [METRIC], "train/los"),
    ],
)
def test_a_metric_may_be_named_without_saying_final(tmp_path, wanted, known, chosen):
    run = read_run(leave(tmp_path / "0", metrics=dict.fromkeys(known, 0.5)))
    assert judged_metric([run], set(), (), wanted) == chosen


def test_a_descent_is_judged_by_where_it_ended(tmp_path):
    run = read_run(leave(tmp_path / "0", metrics={"descent/value": 1.0}, settings={"task": "descend"}))
    run.summary["task"] = "descend"
    assert judged_metric([run], {"optimizer"}) == "descent/value"
    assert companion_metric("descent/value", [run], set()) is None


def tuned(folder, by, **changes):
    budget = {"sgd": 9, "adam": 9} | changes
    made = Tuned("optimizer", "optimizer.lr", budget, {}, {"sgd": 0.1, "adam": 0.1}, by=by)
    Manifest(protocol="tune_then_seeds", tuning=made).save(folder)
    for name in ("sgd", "adam"):
        for seed in (11, 12, 13):
            leave(folder / "tuning" / f"{name}{seed}", [f"optimizer={name}"], seed=seed, metrics={METRIC: 0.5, VALID: 0.5})
    return folder


def compared(tmp_path, name="s", digest=None):
    """A sweep in which adam has the lower training loss, at every seed, and sgd the lower validation loss."""
    for place, (rule, train, valid) in enumerate([("sgd", 0.5, 0.2), ("adam", 0.1, 0.4)]):
        for seed in (1, 2, 3):
            metrics = {METRIC: train + seed / 100, VALID: valid + seed / 100}
            leave(tmp_path / name / f"{3 * place + seed}", [f"optimizer={rule}"], seed=seed, metrics=metrics)
    return tmp_path / name


def test_what_was_tuned_by_a_metric_is_judged_by_it(tmp_path):
    home = compared(tmp_path)
    assert find([home]).standings[0].arm.name == "adam"
    tuned(home, VALID)
    found = find([home])
    assert (found.metric, found.standings[0].arm.name, found.matrices[0].differences[0].winner) == (VALID, "sgd", "sgd")
    assert found.answers[0] == "Training: not judged, as settings were chosen by final validation loss."
    assert found.companion is None


def test_what_was_tuned_by_another_metric_than_it_is_judged_by_has_no_winner(tmp_path):
    found = find([tuned(compared(tmp_path), VALID)], metric="train/loss")
    assert found.metric == METRIC
    assert [each.winner for each in found.matrices[0].differences] == [""]
    assert "none may be said to beat the other: settings were chosen by final validation loss." in found.answers[0]
    assert " beats " not in found.answers[0]
    assert found.answers[1].startswith("Validation: sgd beats adam in final validation loss"), "by which they were chosen"


def test_sweeps_that_were_tuned_by_different_metrics_name_none_by_themselves(tmp_path):
    homes = [tuned(compared(tmp_path, name), by) for name, by in (("one", VALID), ("other", METRIC))]
    with pytest.raises(UserError, match="tuned by different metrics, final/train_loss and valid/loss_final: name one by --m"):
        find(homes)


def test_one_metric_chooses_rates_edges_rows_and_the_answer(tmp_path):
    """By training loss sgd is best at 1.0, the last that was tried, by validation loss at 0.1, in the middle; adam between."""
    losses = {
        ("sgd", 0.01): (0.9, 0.8), ("sgd", 0.1): (0.5, 0.3), ("sgd", 1.0): (0.1, 0.9),
        ("adam", 0.01): (0.8, 0.9), ("adam", 0.1): (0.2, 0.4), ("adam", 1.0): (0.7, 0.8),
    }  # fmt: skip
    place = 0
    for (rule, rate), (train, valid) in losses.items():
        for seed in (1, 2, 3):
            metrics = {METRIC: train * (1 + seed / 100), VALID: valid * (1 + seed / 100)}
            overrides = [f"optimizer={rule}", f"optimizer.lr={rate}"]
            leave(tmp_path / "s" / str(place), overrides, seed=seed, metrics=metrics)
            place += 1
    for metric, first, edges in ((METRIC, "sgd, lr 1", ["sgd"]), (VALID, "sgd, lr 0.1", [])):
        found = find([tmp_path / "s"], metric=metric)
        curve = next(each for each in found.sensitivities if each.name == "sgd")
        best = float(first.rpartition(" ")[2])
        assert found.standings[0].arm.name == found.matrices[0].names[0] == first
        assert list(found.gathered.tuning.at_edge) == edges
        assert (curve.rates[curve.best], curve.at_edge) == (best, bool(edges))
        assert f"sgd (lr {best:g}) beats adam (lr 0.1)" in found.answer
        assert (
            f"chosen on the same seeds by {'final training' if metric == METRIC else 'final validation'} loss" in found.fairness
        )


def test_a_folder_without_the_final_training_loss_is_not_ranked_beside_one_that_has_it(tmp_path):
    leave(tmp_path / "new", ["optimizer=adam"], metrics={METRIC: 0.1, MEAN: 0.2, VALID: 0.3})
    leave(tmp_path / "old", ["optimizer=sgd"], metrics={MEAN: 0.1, VALID: 0.2})
    with pytest.raises(UserError) as refusal:
        gather([tmp_path / "new", tmp_path / "old"])
    assert f"{tmp_path / 'old'} was written by an earlier version" in str(refusal.value)
    assert f"--metric {MEAN}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert gather([tmp_path], MEAN).metric == MEAN
    found = gather([tmp_path], VALID)
    assert (found.metric, found.companion) == (VALID, None), "no line of training where one of them has none"


def test_a_metric_of_training_has_validation_beside_it_and_any_other_training(tmp_path):
    known = dict.fromkeys((METRIC, MEAN, VALID, "train/accuracy_final", "test/accuracy"), 0.5)
    runs = [read_run(leave(tmp_path / "0", metrics=known))]
    beside = {metric: companion_metric(metric, runs, set()) for metric in known}
    assert beside == {METRIC: VALID, MEAN: VALID, VALID: METRIC, "train/accuracy_final": VALID, "test/accuracy": METRIC}
    for metric, other in beside.items():
        assert judged_words(metric) != judged_words(other), "a line each"
    assert companion_metric("seconds", runs, set()) is None


def runs_of(tmp_path, metric, values, **changes):
    return [read_run(leave(tmp_path / str(n), metrics={metric: value}, **changes)) for n, value in enumerate(values)]


def test_losses_are_measured_as_ratios_down_to_the_resolution_of_their_numbers(tmp_path):
    start = {METRIC: 0.1, "start/train_loss": 2.0}
    for dtype, bits in (("float32", 23), ("float64", 52)):
        ruler = ruler_of(METRIC, [read_run(leave(tmp_path / dtype, metrics=start, settings={"dtype": dtype}))])
        assert (ruler.scale, ruler.floor) == ("ratio", pytest.approx(2.0 * 2.0**-bits))
        assert ruler.least == pytest.approx(2.0**-bits / math.sqrt(6))
        tied = ruler.placed({1: ruler.floor / 2, 2: ruler.floor / 9, 3: 0.0})
        assert len(set(tied.values())) == 1, "below it nothing can be told apart"
        assert ruler.value(ruler.placed({1: 0.3})[1]) == pytest.approx(0.3)


def test_losses_below_zero_and_all_that_is_no_loss_are_differences(tmp_path):
    assert ruler_of(METRIC, runs_of(tmp_path / "a", METRIC, [0.5, -0.5])).scale == "difference"
    accuracy = ruler_of("valid/accuracy_final", runs_of(tmp_path / "b", "valid/accuracy_final", [0.5]))
    assert (accuracy.scale, accuracy.higher) == ("difference", True)
    rng = np.random.default_rng(0)
    apart = rng.random(20_000) / 30 - rng.random(20_000) / 30  # two accuracies of 30 rows, each within one row of the truth
    assert accuracy.least == pytest.approx(apart.std(), rel=0.02)
    assert ruler_of("seconds", []).least == 0


def test_values_that_are_not_finite_have_no_place():
    assert ruler_of(METRIC, []).placed({1: math.inf, 2: math.nan, 3: 1.0}) == {3: 0.0}


def test_all_diverged_is_judged_and_told(tmp_path):
    found = find([sweep(tmp_path / "s", {("optimizer=sgd",): [None, None], ("optimizer=adam",): [None, None]})])
    assert found.metric == METRIC
    assert found.answer.startswith("No run finished, so nothing can be compared")
