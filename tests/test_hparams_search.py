"""``hparams_search=optuna_...``: what Optuna chooses, what it is told, and what a search leaves behind."""

import json
import math
import warnings

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import OmegaConf

from nnreg.records.folder import DiskSink

pytestmark = [pytest.mark.slow, pytest.mark.extra("optuna")]
QUICK = ("dataset=iris", "hidden=[8]", "steps=20", "batch=30", "validate_every=10")


@pytest.fixture(autouse=True, scope="module")
def imported():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna 2.10 imports what newer packages have deprecated
        import optuna  # noqa: F401


@pytest.fixture
def search(nnreg, project):
    """Search, and return the answer, the summaries in order and what Optuna concluded."""

    def run(name, trials, *words):
        answer = nnreg("-m", *QUICK, f"hparams_search={name}", f"hydra.sweeper.n_trials={trials}", *words)
        sweep = max(project.glob("runs/*"), default=None)
        runs = [json.loads((sweep / str(number) / "summary.json").read_text()) for number in range(len(folders(sweep)))]
        found = sweep / "optimization_results.yaml"
        return answer, runs, OmegaConf.to_container(OmegaConf.load(found)) if found.exists() else None

    return run


def folders(sweep):
    return [path for path in sweep.iterdir() if path.name.isdecimal()]


def rate(run):
    return float(next(word for word in run["overrides"] if word.startswith("optimizer.lr=")).partition("=")[2])


def loss(run):
    return run["metrics"]["valid/loss_final"]


def test_rates_are_drawn_evenly_on_a_log_scale_and_the_best_by_validation_is_named(search):
    answer, runs, found = search("optuna_random", 8)
    rates = [rate(run) for run in runs]
    assert answer.code == 0, answer.err
    assert len(set(rates)) == 8
    assert all(1e-4 <= value <= 1 for value in rates)
    assert min(rates) < 1e-2 < max(rates)  # of even draws from [1e-4, 1] one in a hundred is below
    best = min(runs, key=loss)
    assert found["best_value"] == loss(best)
    assert math.isclose(found["best_params"]["optimizer.lr"], rate(best), rel_tol=1e-5)
    assert f"best of 8 trials, by final validation loss ({loss(best):.4g}): optimizer.lr={rate(best):g}" in answer.out


def test_a_trial_is_composed_once(search, monkeypatch):
    composed, compose = [], ConfigLoaderImpl.load_sweep_config
    monkeypatch.setattr(
        ConfigLoaderImpl,
        "load_sweep_config",
        lambda loader, config, words: composed.append(words) or compose(loader, config, words),
    )
    assert search("optuna_random", 2)[0].code == 0
    assert len(composed) == 2


def test_tpe_begins_at_random_and_then_goes_by_the_results(search):
    drawn = [rate(run) for run in search("optuna_random", 6)[1]]
    first = [rate(run) for run in search("optuna_tpe", 6, "hydra.sweeper.sampler.n_startup_trials=2")[1]]
    assert first[:2] == drawn[:2]
    assert first[2:] != drawn[2:]


def test_several_objectives_leave_the_trials_that_no_other_beats_in_all_of_them(search):
    wanted = ("sweep.objectives=[valid/loss_final,train/loss_final]", "optimizer.lr=tag(log,interval(0.05,1))")
    answer, runs, found = search("optuna_multi", 6, *wanted)
    values = [(loss(run), run["metrics"]["train/loss_final"]) for run in runs]
    unbeaten = [one for one in values if not any(a <= one[0] and b <= one[1] and (a, b) != one for a, b in values)]
    assert answer.code == 0, answer.err
    assert sorted(tuple(solution["values"]) for solution in found["solutions"]) == sorted(unbeaten)
    assert (
        f"of 6 trials {len(unbeaten)} are such that no other is better in valid/loss_final and train/loss_final:" in answer.out
    )


def test_with_several_seeds_a_trial_is_judged_by_the_mean_over_them(search):
    answer, runs, found = search("optuna_random", 3, "seed=1,2")
    assert answer.code == 0, answer.err
    assert [run["seed"] for run in runs] == [1, 2] * 3
    assert [rate(run) for run in runs[::2]] == [rate(run) for run in runs[1::2]]
    means = [(loss(one) + loss(other)) / 2 for one, other in zip(runs[::2], runs[1::2], strict=True)]
    assert found["best_value"] == pytest.approx(min(means), rel=1e-12)


def test_a_trial_that_diverges_does_not_end_the_search(search):
    answer, runs, found = search("optuna_tpe", 4, "optimizer.lr=choice(1e6,0.1)")
    assert answer.code == 0, answer.err
    assert {run["status"] for run in runs} == {"diverged", "finished"}
    assert found["best_params"] == {"optimizer.lr": "0.1"}


def test_a_search_in_which_all_trials_diverge_ends_with_its_table(search):
    answer, runs, found = search("optuna_tpe", 2, "optimizer.lr=interval(1e6,1e7)")
    assert (answer.code, found) == (0, None)
    assert [run["status"] for run in runs] == ["diverged", "diverged"]


def test_a_trial_that_cannot_be_composed_is_a_failed_run_and_the_others_go_on(search):
    words = ("optimizer=choice(sgd,adam)", "optimizer.beta1=interval(0.5,0.9)", "hydra.sweeper.n_jobs=4")
    answer, runs, _ = search("optuna_random", 4, *words)
    assert answer.code == 1
    assert {(run["choices"]["optimizer"], run["status"]) for run in runs} == {("sgd", "failed"), ("adam", "finished")}
    assert {run["error"] for run in runs} == {None, "optimizer=sgd has no parameter 'beta1'. Available: lr"}


def test_a_trial_whose_run_breaks_off_has_no_result_and_the_search_goes_on(nnreg, project, monkeypatch):
    close, closed = DiskSink.close, []

    def full_for_the_second(self, outcome, history):
        closed.append(outcome)
        if len(closed) == 2:
            raise OSError(28, "No space left on device")
        close(self, outcome, history)

    monkeypatch.setattr(DiskSink, "close", full_for_the_second)
    words = ("hparams_search=optuna_random", "hydra.sweeper.n_trials=3", "hydra.sweeper.max_failure_rate=1")
    answer = nnreg("-m", *QUICK, *words, "hydra.sweep.dir=search")
    assert "best of 2 trials" in answer.out
    assert answer.complaint == (
        f"nnreg: the run in {project / 'search' / '1'} broke off (OSError: [Errno 28] No space left on device)"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sweep.dry_run=true",), "nnreg: Optuna chooses its 2 trials as it goes: sweep.dry_run cannot list them"),
        (("hydra.sweeper.direction=[minimize,minimize]",), "nnreg: hydra.sweeper.direction has 2 for 1 objectives"),
        (("hydra.sweeper.params=null",), "nnreg: there is nothing to search: add a range such as optimizer.lr="),
        (("optimizer.lr=tag(log,interval(0,1))",), "nnreg: optimizer.lr=tag(log,interval(0,1)): a range goes from"),
        (("hydra.sweeper.n_trials=0",), "nnreg: hydra.sweeper.n_trials and hydra.sweeper.n_jobs must be 1 or more"),
        (("optimizer=choice(adm,sdg)",), "nnreg: there is no optimizer"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_in_one_line(nnreg, project, words, said):
    answer = nnreg("-m", *QUICK, "hparams_search=optuna_tpe", "hydra.sweeper.n_trials=2", *words)
    assert (answer.code, answer.complaint[: len(said)]) == (2, said)
    assert list(project.iterdir()) == []


def test_an_objective_that_no_run_has_is_told_for_each(search):
    answer, _, found = search("optuna_tpe", 2, "sweep.objectives=[valid/los_final]")
    assert found is None
    assert answer.err.count("the run has no valid/los_final to be minimised; did you mean 'valid/loss_final'?") == 2


@pytest.mark.long
@pytest.mark.extra("joblib")
def test_trials_run_side_by_side_give_the_same(search):
    _, alone, best = search("optuna_tpe", 4)
    _, beside, same = search("optuna_tpe", 4, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert [(rate(run), loss(run)) for run in beside] == [(rate(run), loss(run)) for run in alone]
    assert same == best
