"""Claims over runs made up so that every answer is known."""

import numpy as np
import pytest

from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, History, Record
from nnreg.errors import UserError
from nnreg.records.results import Result, Results
from nnreg.studies import claims
from nnreg.studies.claims import check_claim, measure


def run(tmp_path, optimizer, seed, losses, std=0.01, accuracy=0.5, status="finished"):
    history = History()
    for step, loss in enumerate(losses):
        history.add(Record(step, TRAIN_LOSS, float(loss)))
    if accuracy is not None:
        history.add(Record(len(losses), VALID_ACCURACY, accuracy))
    config = {
        "seed": seed,
        "hidden": [4, 4],
        "optimizer": {"name": optimizer, "lr": 0.1},
        "init": {"name": "normal", "std": std},
    }
    summary = {"choices": {"optimizer": optimizer}, "status": status if accuracy is not None else "diverged"}
    result = Result(tmp_path / f"{optimizer}{seed}{std}", summary, config, arm=f"{optimizer} run")
    result.__dict__["history"] = history  # where cached_property keeps it
    return result


@pytest.fixture
def results(tmp_path):
    falling = [run(tmp_path, "adam", seed, [2, 1, 0.1 * (seed + 1)]) for seed in (2, 0, 1)]
    swinging = [run(tmp_path, "sgd", seed, [1, -1, 1, -1 + 0.5 * seed]) for seed in (0, 1, 2)]
    return Results([*falling, *swinging])


def test_a_measure_gives_one_number_a_seed_in_the_order_of_seeds(results):
    np.testing.assert_allclose(measure('final("train/loss", optimizer="adam")', results), [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('last(2, "train/loss", optimizer="adam")', [0.55, 0.6, 0.65]),
        ('lowest("train/loss", optimizer="sgd")', [-1, -1, -1]),
        ('highest("train/loss", optimizer="adam")', [2, 2, 2]),
        ('at(1, "train/loss", optimizer="adam")', [1, 1, 1]),
        ('sign_changes("train/loss", optimizer="sgd", seed=0)', [3]),
        ('steps_until("train/loss", 1.5, optimizer="adam")', [1, 1, 1]),
        ('steps_until("train/loss", 0.01, optimizer="adam")', [np.inf] * 3),
        ('steps_until("valid/accuracy", 0.9, optimizer="adam")', [3, 3, 3]),  # recorded once, at step 3
        ('final("train/loss", arm="adam run", seed=1) * 10 - 1', [1]),
        ('final("train/loss", optimizer="adam") - final("train/loss", optimizer="sgd")', [1.1, 0.7, 0.3]),
        ('-final("train/loss", optimizer="adam", optimizer__lr=0.1) / 2', [-0.05, -0.1, -0.15]),
    ],
)
def test_measures_mean_what_they_say(results, expression, expected):
    np.testing.assert_allclose(measure(expression, results), expected)


def test_measures_over_an_axis_use_the_mean_over_seeds(tmp_path):
    swept = Results(
        run(tmp_path, "sgd", seed, [1], std, accuracy)
        for std, accuracies in ((0.01, (0.2, 0.4)), (0.1, (0.9, 0.7)), (1.0, (0.5, 0.3)))
        for seed, accuracy in enumerate(accuracies)
    )
    assert measure('argmax("valid/accuracy", over="init.std")', swept) == [0.1]
    assert measure('argmin("valid/accuracy", over="init.std")', swept) == [0.01]
    np.testing.assert_allclose(measure('above("valid/accuracy", 0.35, over="init.std")', swept), [0.1, 1.0])


def test_a_value_at_the_bound_itself_is_above_it(tmp_path):
    swept = Results(run(tmp_path, "sgd", 0, [1], std, accuracy) for std, accuracy in ((0.1, 0.75), (0.2, 0.5), (0.4, 0.25)))
    np.testing.assert_array_equal(measure('above("valid/accuracy", 0.5, over="init.std")', swept), [0.1, 0.2])


@pytest.mark.parametrize(
    ("values", "changes"), [([1, 2, -1], 1), ([1, 0, -1], 2), ([1, 0, 1], 2), ([0, 0, 0], 0), ([0, 1, 1], 1), ([1, 0, 0], 1)]
)
def test_zero_has_a_sign_of_its_own(tmp_path, values, changes):
    one = Results([run(tmp_path, "sgd", 0, values)])
    np.testing.assert_array_equal(measure('sign_changes("train/loss")', one), [changes])


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        ("> 0.0", False),  # the mean .2 is above, its interval 0.2 ± 0.25 is not
        ("> -0.1", True),
        ("< 0.3", False),
        ("< 0.46", True),
        ("in [-0.05, 0.45]", True),
        ("in [0.19, 0.21]", False),  # as above: the mean lies there, its interval does not
        ("in [-0.04, 0.45]", False),
        ("in [-0.05, 0.44]", False),
        ("in [0.21, 0.3]", False),
        ("= 0.2 +- 0.25", True),
        ("= 0.2 ± 0.24", False),
        ("= 0.2 +- 1e-9", False),
        ("= [0.1, 0.2, 0.3]", True),
        ("= [0.1, 0.2]", False),
    ],
)
def test_what_is_expected_must_hold_for_the_whole_interval_of_the_mean(results, expect, holds):
    verdict = check_claim({"say": "it falls", "measure": 'final("train/loss", optimizer="adam")', "expect": expect}, results)
    assert verdict.holds is holds
    assert verdict.measured in ("0.2 ± 0.25", "[0.1, 0.2, 0.3]")


@pytest.mark.parametrize(
    ("values", "expect", "holds"),
    [
        ([40, np.inf, np.inf], "> 100", False),  # one seed contradicts it
        ([0.1, 0.1, np.inf], "> 2.29", False),
        ([3, np.inf], "> 2", True),
        ([3, np.inf], ">= 3", True),
        ([3, np.inf], "> 3", False),
        ([3, np.inf], "< 9", False),
        ([3, -np.inf], "< 9", True),
        ([-np.inf, np.inf], "> 0", False),
        ([np.inf], "> 100", True),
        ([np.inf, np.inf], "> 100", True),
        ([3, np.nan], "> 0", False),
        ([np.nan, np.inf], "> 0", False),
        ([np.nan], "< 9", False),
        ([3, np.inf], "in [0, 9]", False),
        ([3, np.inf], "= 3 +- 1e9", False),
        ([3, np.inf], "= [3, 4]", False),
        ([3, np.nan], "= [3, 4]", False),
    ],
)
def test_where_a_value_is_not_finite_an_inequality_must_hold_for_every_value(monkeypatch, results, values, expect, holds):
    monkeypatch.setattr(claims, "measure", lambda expression, runs: np.array(values, dtype=float))
    verdict = check_claim({"say": "x", "measure": "1", "expect": expect}, results)
    assert verdict.holds is holds
    written = {"nan": "–", "inf": "∞", "-inf": "−∞"}
    assert all(written.get(f"{value:g}", f"{value:g}") in verdict.measured for value in values)


def test_no_values_at_all_fulfil_no_inequality(monkeypatch, results):
    monkeypatch.setattr(claims, "measure", lambda expression, runs: np.array([]))
    assert not check_claim({"say": "x", "measure": "1", "expect": "> 0"}, results).holds


@pytest.mark.parametrize(
    ("expect", "holds"), [("> 0.0999", True), ("in [0.1, 0.2]", True), ("= 0.1 +- 1e-9", True), ("= 0.1001 ± 1e-5", False)]
)
def test_a_single_value_is_compared_as_it_is(results, expect, holds):
    claim = {"say": "x", "measure": 'final("train/loss", optimizer="adam", seed=0)', "expect": expect}
    verdict = check_claim(claim, results)
    assert (verdict.holds, verdict.measured) == (holds, "0.1")


def test_equal_values_have_an_interval_without_width(tmp_path):
    alike = Results(run(tmp_path, "sgd", seed, [0.1]) for seed in range(3))
    assert check_claim({"say": "x", "measure": 'final("train/loss")', "expect": "= 0.1"}, alike).holds


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("final(", "cannot read the measure"),
        ("__import__('os')", "there is no measure '__import__'"),
        ("results.folder", "cannot read 'results.folder'"),
        ("[1, 2]", r"cannot read '\[1, 2\]'"),
        ("finl('train/loss')", "there is no measure 'finl'; did you mean 'final'?"),
        ("final('train/los', optimizer='adam')", "recorded no 'train/los'; did you mean 'train/loss'?"),
        ("final('train/loss', optimizer='lion')", "no run fits"),
        ("final('train/loss', optimiser='adam')", "no run has a setting 'optimiser'"),
        ("at(99, 'train/loss')", "no 'train/loss' at step 99"),
        ("at(0, 'train/loss', optimiser='adam')", "no run has a setting 'optimiser'"),
        ("at(0, 'train/loss', optimizer='lion')", "no run fits"),
        ("at(0, 'train/loss', optimizer__lr__x=1)", "no run has a setting"),
        ("highest_step('train/los')", "recorded no 'train/los'"),
        ("top(1, 'valid/accuracy', 'init.std', optimizer='lion')", "no run fits"),
        ("argmax('valid/accuracy', over='init.sdt')", "no setting 'init.sdt' to compare over"),
        ("setting('optimizer.nope')", "no setting 'optimizer.nope' that is a number"),
        ("setting('hidden')", "no setting 'hidden' that is a number"),
        ("setting('optimizer.name')", "cannot measure setting"),
        ("last('train/loss')", "missing a required argument: 'metric'"),
        ("last('many', 'train/loss')", "cannot measure last"),
        ("final('train/loss', optimizer='adam') - final('train/loss')", "cannot measure final"),
    ],
)
def test_what_cannot_be_measured_is_answered_in_one_line(results, expression, said):
    with pytest.raises(UserError, match=said):
        measure(expression, results)


@pytest.mark.parametrize("claim", [{"say": "x", "measure": "1", "expect": "about 3"}, {"say": "x", "measure": "1"}])
def test_a_claim_that_cannot_be_read_is_answered_in_one_line(results, claim):
    with pytest.raises(UserError, match=r"cannot read the expectation|lacks expect"):
        check_claim(claim, results)


@pytest.mark.parametrize("expect", ["> 0", "< 9", "in [0, 9]", "= 0 +- 9"])
def test_a_run_that_diverged_before_it_recorded_anything_fulfils_no_expectation(tmp_path, expect):
    lost = Results([run(tmp_path, "sgd", 0, [1], accuracy=0.5), run(tmp_path, "sgd", 1, [1], accuracy=None)])
    assert not check_claim({"say": "x", "measure": 'final("valid/accuracy")', "expect": expect}, lost).holds


def test_a_setting_at_which_a_run_diverged_is_neither_the_best_nor_the_worst(tmp_path):
    accuracies = [(0.01, 0.4), (0.1, 0.9), (1.0, 0.5)]
    kept = [run(tmp_path, "sgd", 0, [1], std, accuracy) for std, accuracy in accuracies]
    lost = [run(tmp_path, "sgd", 0, [1], std, last, status="diverged") for std, last in ((5.0, None), (6.0, 0.99), (7.0, 0.0))]
    half = [run(tmp_path, "sgd", seed, [1], 8.0, 0.98, status) for seed, status in enumerate(("finished", "diverged"))]
    swept = Results([*lost, *half[1:], *kept, half[0]])
    assert measure('argmax("valid/accuracy", over="init.std")', swept) == [0.1]
    assert measure('argmin("valid/accuracy", over="init.std")', swept) == [0.01]
    np.testing.assert_allclose(measure('above("valid/accuracy", 0.3, over="init.std")', swept), [0.01, 0.1, 1.0])
    np.testing.assert_allclose(measure('top(3, "valid/accuracy", "init.std")', swept), [8.0, 0.1, 1.0])


@pytest.mark.parametrize("measured", ["argmax({}, over={})", "argmin({}, over={})", "top(1, {}, {})"])
def test_where_every_run_diverged_none_is_the_best(tmp_path, measured):
    lost = Results(run(tmp_path, "sgd", 0, [1], std, 0.99, status="diverged") for std in (0.1, 1.0))
    assert np.isnan(measure(measured.format('"valid/accuracy"', '"init.std"'), lost)).all()


def test_diverged_runs_leave_places_among_the_best_empty(tmp_path):
    fates = [(0.1, 0.5, "finished"), (0.2, 0.9, "diverged"), (0.3, 0.7, "finished")]
    swept = Results(run(tmp_path, "sgd", 0, [1], *fate) for fate in fates)
    np.testing.assert_allclose(measure('top(3, "valid/accuracy", "init.std")', swept), [0.3, 0.1, np.nan])


def test_a_run_that_diverged_before_a_step_is_lost_there_and_no_error(tmp_path):
    lost = run(tmp_path, "sgd", 1, [2, 9], accuracy=None)
    both = Results([run(tmp_path, "sgd", 0, [2, 1, 0.5]), lost])
    np.testing.assert_array_equal(measure('at(1, "train/loss")', both), [1, 9])
    np.testing.assert_array_equal(measure('at(2, "train/loss")', both), [0.5, np.nan])
    np.testing.assert_array_equal(measure('at(3, "valid/accuracy", seed=1)', both), [np.nan])
    with pytest.raises(UserError, match="no 'train/loss' at step 3 in sgd0"):
        measure('at(3, "train/loss")', both)
    with pytest.raises(UserError, match="no 'train/loss' at step -1"):
        measure('at(-1, "train/loss", seed=1)', both)


def test_every_measure_is_documented():
    assert all(function.__doc__ for function in claims.MEASURES.values())


def test_the_best_runs_are_named_by_a_setting(tmp_path):
    swept = Results(
        run(tmp_path, "sgd", seed, [1], std, accuracy)
        for seed, (std, accuracy) in enumerate([(0.1, 0.5), (0.2, 0.9), (0.3, 0.7)])
    )
    np.testing.assert_allclose(measure('top(2, "valid/accuracy", "init.std")', swept), [0.2, 0.3])
    assert measure('smallest(top(2, "valid/accuracy", "init.std"))', swept) == [0.2]
    assert measure('largest(final("valid/accuracy"))', swept) == [0.9]
    assert measure('average(final("valid/accuracy"))', swept) == pytest.approx([0.7])
    assert measure('highest_step("valid/accuracy", seed=0)', swept) == [1]


def test_what_was_drawn_for_each_run_is_measured_as_a_setting(tmp_path):
    drawn = Results(run(tmp_path, "sgd", seed, [1], std) for seed, std in ((2, 0.3), (0, 0.1), (1, 0.2)))
    np.testing.assert_array_equal(measure('setting("init.std")', drawn), [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(measure('setting("init.std", seed=1)', drawn), [0.2])


def test_a_reducer_takes_one_measure(results):
    with pytest.raises(UserError, match="smallest takes one measure"):
        measure('smallest(final("train/loss"), 2)', results)
