"""``hparams_search=optuna_...``: what Optuna chooses, what it is told, and what a search leaves behind."""

import json
import math
import shutil
import signal
import sys
import time

import pytest
from omegaconf import OmegaConf

from nnreg.records.folder import DiskSink
from nnreg.sweeps.composing import Composer
from nnreg.sweeps.optuna import OptunaSearch

pytestmark = [pytest.mark.slow, pytest.mark.extra("optuna"), pytest.mark.usefixtures("undrawn")]
QUICK = ("dataset=iris", "hidden=[8]", "steps=20", "batch=30", "validate_every=10")


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


@pytest.fixture
def study():
    """Open the study in a sweep's folder as any other tool does."""
    import optuna

    storages = []

    def load(sweep):
        storages.append(optuna.storages.RDBStorage(f"sqlite:///{sweep / 'optuna.db'}"))
        return optuna.load_study(study_name=None, storage=storages[-1])

    yield load
    for storage in storages:
        storage.remove_session()
        storage.engine.dispose()


def folders(sweep):
    return [path for path in sweep.iterdir() if path.name.isdecimal()]


def rate(run):
    return float(next(word for word in run["overrides"] if word.startswith("optimizer.lr=")).partition("=")[2])


def loss(run):
    return run["metrics"]["valid/loss_final"]


@pytest.mark.long
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


@pytest.mark.long
def test_a_trial_is_composed_once(search, monkeypatch):
    composed, compose = [], Composer.compose
    monkeypatch.setattr(Composer, "compose", lambda composer, words: composed.append(words) or compose(composer, words))
    assert search("optuna_random", 2)[0].code == 0
    assert len(composed) == 2


@pytest.mark.long
def test_tpe_begins_at_random_and_then_goes_by_the_results(search):
    drawn = [rate(run) for run in search("optuna_random", 6)[1]]
    first = [rate(run) for run in search("optuna_tpe", 6, "hydra.sweeper.sampler.n_startup_trials=2")[1]]
    assert first[:2] == drawn[:2]
    assert first[2:] != drawn[2:]


@pytest.mark.long
def test_several_objectives_leave_the_trials_that_no_other_beats_in_all_of_them(search):
    wanted = ("sweep.objectives=[valid/loss_final,final/train_loss]", "optimizer.lr=tag(log,interval(0.05,1))")
    answer, runs, found = search("optuna_multi", 6, *wanted)
    values = [(loss(run), run["metrics"]["final/train_loss"]) for run in runs]
    unbeaten = [one for one in values if not any(a <= one[0] and b <= one[1] and (a, b) != one for a, b in values)]
    assert answer.code == 0, answer.err
    assert sorted(tuple(solution["values"]) for solution in found["solutions"]) == sorted(unbeaten)
    assert (
        f"of 6 trials {len(unbeaten)} are such that no other is better in valid/loss_final and final/train_loss:" in answer.out
    )


@pytest.mark.long
def test_with_several_seeds_a_trial_is_judged_by_the_mean_over_them(search):
    answer, runs, found = search("optuna_random", 3, "seed=1,2")
    assert answer.code == 0, answer.err
    assert [run["seed"] for run in runs] == [1, 2] * 3
    assert [rate(run) for run in runs[::2]] == [rate(run) for run in runs[1::2]]
    means = [(loss(one) + loss(other)) / 2 for one, other in zip(runs[::2], runs[1::2], strict=True)]
    assert found["best_value"] == pytest.approx(min(means), rel=1e-12)


@pytest.mark.long
def test_a_trial_that_diverges_does_not_end_the_search(search):
    answer, runs, found = search("optuna_tpe", 4, "optimizer.lr=choice(1e6,0.1)")
    assert answer.code == 0, answer.err
    assert {run["status"] for run in runs} == {"diverged", "finished"}
    assert found["best_params"] == {"optimizer.lr": "0.1"}


def test_a_search_in_which_all_trials_diverge_ends_with_its_table(search):
    answer, runs, found = search("optuna_tpe", 2, "optimizer.lr=interval(1e6,1e7)")
    assert (answer.code, found) == (0, None)
    assert [run["status"] for run in runs] == ["diverged", "diverged"]


@pytest.mark.long
def test_a_trial_that_cannot_be_composed_is_a_failed_run_and_the_others_go_on(search):
    words = ("optimizer=choice(sgd,adam)", "optimizer.beta1=interval(0.5,0.9)", "hydra.sweeper.n_jobs=4")
    answer, runs, _ = search("optuna_random", 4, *words)
    assert answer.code == 1
    assert {(run["choices"]["optimizer"], run["status"]) for run in runs} == {("sgd", "failed"), ("adam", "finished")}
    assert {run["error"] for run in runs} == {None, "optimizer=sgd has no parameter 'beta1'. Available: lr"}


@pytest.mark.long
def test_a_trial_whose_run_breaks_off_has_no_result_and_the_search_goes_on(nnreg, project, monkeypatch):
    close, closed = DiskSink.close, []

    def full_for_the_second(self, outcome, history):
        closed.append(outcome)
        if len(closed) == 2:
            self._file.close()
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
        (("hydra.sweeper.direction=up",), "nnreg: hydra.sweeper.direction is minimize or maximize, got up"),
        (
            ("hparams_search.sampler=tpp",),
            "nnreg: hparams_search.sampler: there is no 'tpp'; did you mean 'tpe'? Available: tpe,",
        ),
        (("hparams_search.sampler=tpe,random",), "nnreg: hparams_search.sampler=tpe,random: the sweep as a whole has one"),
        (
            ("hparams_search.sampler=grid",),
            "nnreg: hparams_search.sampler=grid has nothing to choose: protocol=grid runs every",
        ),
        (("hydra.sweeper.sampler.sed=1",), "nnreg: hydra.sweeper.sampler: tpe has no setting 'sed'; did you mean 'seed'?"),
        (("hydra.sweeper.sampler.gamma=1",), "nnreg: hydra.sweeper.sampler: tpe has no setting 'gamma'"),
        (("hydra.sweeper.sampler.group=some",), "nnreg: hydra.sweeper.sampler.group=some: it takes bool"),
        (("hparams_search.pruner=medium",), "nnreg: hparams_search.pruner: there is no 'medium'; did you mean 'median'?"),
        (
            ("hparams_search.pruner=threshold",),
            "nnreg: hparams_search.pruner=threshold: Either lower or upper must be specified",
        ),
        (
            ("hparams_search.pruner=median", "hydra.sweeper.pruner.x=1"),
            "nnreg: hydra.sweeper.pruner: median has no setting 'x'",
        ),
        (("hparams_search.pruner=median", "seed=1,2"), "nnreg: hparams_search.pruner=median is for trials of one seed"),
        (
            ("hparams_search.pruner=median", "sweep.objectives=[steps]"),
            "nnreg: hparams_search.pruner=median goes by the validations",
        ),
        (("hparams_search.trials=3",), "nnreg: hparams_search has no parameter 'trials'. Available: sampler, pruner; the rest"),
        (("resume=true",), "nnreg: no sweep in "),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_in_one_line(nnreg, project, words, said):
    answer = nnreg("-m", *QUICK, "hparams_search=optuna_tpe", "hydra.sweeper.n_trials=2", *words)
    assert (answer.code, answer.complaint[: len(said)]) == (2, said)
    assert list(project.iterdir()) == []


@pytest.mark.long
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


def test_a_setting_of_a_search_without_one_names_what_is_missing(nnreg):
    answer = nnreg("-m", "hparams_search.sampler=tpe", "optimizer=sgd,adam")
    assert answer.complaint == "nnreg: hparams_search.sampler is a setting of a search: add hparams_search=optuna"


@pytest.mark.extra("joblib")
def test_a_pruner_is_refused_where_runs_are_in_other_processes(nnreg, project):
    answer = nnreg("-m", *QUICK, "hparams_search=optuna", "hparams_search.pruner=median", "hydra/launcher=joblib")
    assert answer.complaint.startswith("nnreg: hparams_search.pruner=median watches runs in this process")
    assert list(project.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("sampler", ["nsgaii", "nsgaiii", "qmc"])
def test_every_sampler_searches_by_its_name(search, sampler):
    answer, runs, _ = search("optuna", 3, f"hparams_search.sampler={sampler}", "optimizer.lr=interval(0.01,1)")
    assert answer.code == 0, answer.err
    assert len({rate(run) for run in runs}) == 3


@pytest.mark.long
def test_the_names_of_earlier_versions_still_choose_a_sampler(search):
    by_name = search("optuna", 2, "hparams_search.sampler=random")[1]
    _, preset, _ = search("optuna_random", 2)
    _, group, _ = search("optuna_tpe", 2, "hydra/sweeper/sampler=random")
    assert [rate(run) for run in by_name] == [rate(run) for run in preset] == [rate(run) for run in group]


@pytest.mark.long
def test_another_seed_proposes_something_else(search):
    rates = [[rate(run) for run in search("optuna", 2, f"hydra.sweeper.sampler.seed={seed}")[1]] for seed in (0, 0, 1)]
    assert rates[0] == rates[1]
    assert not set(rates[0]) & set(rates[2])


@pytest.mark.long
def test_the_study_is_in_the_folder_of_the_sweep_and_names_the_runs_of_each_trial(search, study, project):
    _, runs, _ = search("optuna", 3, "seed=1,2", "hydra.sweep.dir=runs/here")
    trials = study(project / "runs" / "here").trials
    assert [trial.user_attrs["runs"] for trial in trials] == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert [trial.value for trial in trials] == pytest.approx(
        [(loss(one) + loss(other)) / 2 for one, other in zip(runs[::2], runs[1::2], strict=True)], rel=1e-12
    )


@pytest.mark.long
def test_a_pruner_ends_runs_by_their_validations_and_says_so(search, study, project):
    words = ("hparams_search.pruner=threshold", "hydra.sweeper.pruner.upper=0.9", "hydra.sweep.dir=runs/here")
    answer, runs, found = search("optuna", 4, *words)
    sweep = project / "runs" / "here"
    trials = study(sweep).trials
    expected = ["finished" if trial.intermediate_values[10] <= 0.9 else "pruned" for trial in trials]
    assert answer.code == 0, answer.err
    assert [run["status"] for run in runs] == expected
    assert set(expected) == {"finished", "pruned"}
    assert [trial.state.name for trial in trials] == ["COMPLETE" if one == "finished" else "PRUNED" for one in expected]
    assert [run["steps"] for run in runs] == [20 if one == "finished" else 10 for one in expected]
    assert all(
        "test/loss" not in run["metrics"] for run in runs if run["status"] == "pruned"
    )  # the test split is not looked at
    assert found["best_value"] == min(loss(run) for run in runs if run["status"] == "finished")
    count = expected.count("pruned")
    assert f"best of {4 - count} trials, {count} others ended early, by final validation loss" in answer.out
    said = f"Of 4 runs {count} were pruned: in no mean, counted against their arm."
    assert said in (sweep / "comparison" / "report.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_run_that_would_be_pruned_at_its_last_step_is_finished(search, study, project):
    words = ("hparams_search.pruner=threshold", "hydra.sweeper.pruner.upper=0", "hydra.sweeper.pruner.n_warmup_steps=20")
    _, runs, _ = search("optuna", 2, *words, "hydra.sweep.dir=runs/here")
    assert [run["status"] for run in runs] == ["finished", "finished"]
    assert [trial.state.name for trial in study(project / "runs" / "here").trials] == ["COMPLETE", "COMPLETE"]


SEARCH = ("hparams_search=optuna", "hydra.sweeper.n_trials=6", "hydra.sweeper.sampler.n_startup_trials=2")


def interrupted(when, method):
    """Let a method interrupt a search: as its fourth run begins, has ended, or as a pruner has just had enough of one."""
    calls = []

    def act(self, *arguments):
        done = None if when == "open" and len(calls) == 3 else method(self, *arguments)
        calls.append(done)
        if done is True or (when != "decided" and len(calls) == 4):
            raise KeyboardInterrupt
        return done

    return act


@pytest.mark.long
@pytest.mark.parametrize(("when", "pruner"), [("open", "none"), ("close", "none"), ("decided", "median")])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(nnreg, project, study, monkeypatch, when, pruner):
    settings = ("hydra.sweeper.pruner.n_startup_trials=2",) if pruner == "median" else ()
    words = (*QUICK, *SEARCH, f"hparams_search.pruner={pruner}", *settings)
    nnreg("-m", *words, "hydra.sweep.dir=runs/whole")
    owner, name = (OptunaSearch, "_is_enough") if when == "decided" else (DiskSink, when)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted(when, getattr(owner, name)))
        assert nnreg("-m", *words, "hydra.sweep.dir=runs/part").code == 130
    before = [
        (path.parent.name, path.stat().st_mtime_ns) for path in sorted((project / "runs/part").glob("[012]/summary.json"))
    ]
    answer = nnreg("-m", *words, "hydra.sweep.dir=runs/part", "resume=true")
    assert answer.code == 0, answer.err
    after = [(path.parent.name, path.stat().st_mtime_ns) for path in sorted((project / "runs/part").glob("[012]/summary.json"))]
    assert after == before  # what had ended was left as it was, told or not
    whole, part = study(project / "runs/whole").trials, study(project / "runs/part").trials
    told = [trial for trial in part if trial.state.name in ("COMPLETE", "PRUNED")]
    assert [trial.state.name for trial in part if trial not in told] == ["FAIL", "FAIL"]
    for key in ("params", "values", "intermediate_values", "state"):
        assert [getattr(trial, key) for trial in told] == [getattr(trial, key) for trial in whole]
    assert [trial.user_attrs["runs"] for trial in told] == [[str(number)] for number in range(6)]
    again = nnreg("-m", *words, "hydra.sweep.dir=runs/part", "resume=true")
    assert (again.code, "nothing to resume" in again.out) == (0, True)


@pytest.mark.long
def test_a_search_that_was_killed_goes_on(nnreg, project, study, start):
    words = ("-m", *QUICK, *SEARCH, "hydra.sweep.dir=runs/part", "tracking=off")
    process = start(sys.executable, "-m", "nnreg", *words, cwd=project)
    deadline = time.monotonic() + 180
    while not (project / "runs/part/3/summary.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    answer = nnreg("-m", "sweep.resume=runs/part")
    assert answer.code == 0, answer.err
    nnreg("-m", *QUICK, *SEARCH, "hydra.sweep.dir=runs/whole")
    told = [trial.values for trial in study(project / "runs/part").trials if trial.values is not None]
    assert told == [trial.values for trial in study(project / "runs/whole").trials]


@pytest.mark.long
def test_a_search_goes_on_with_more_trials(nnreg, project, study):
    nnreg("-m", *QUICK, "hparams_search=optuna", "hydra.sweeper.n_trials=2", "hydra.sweep.dir=runs/part")
    answer = nnreg("-m", "sweep.resume=runs/part", "hydra.sweeper.n_trials=3")
    assert answer.code == 0, answer.err
    assert [trial.user_attrs["runs"] for trial in study(project / "runs/part").trials] == [["0"], ["1"], ["2"]]


@pytest.mark.long
def test_diverged_trials_count_when_a_search_goes_on(nnreg, project):
    words = (*QUICK, "hparams_search=optuna", "hydra.sweeper.n_trials=2", "optimizer.lr=interval(1e6,1e7)")
    nnreg("-m", *words, "hydra.sweep.dir=runs/part")
    assert "nothing to resume" in nnreg("-m", *words, "hydra.sweep.dir=runs/part", "resume=true").out


@pytest.mark.long
def test_a_search_does_not_begin_in_the_folder_of_another(nnreg, project):
    words = ("-m", *QUICK, "hparams_search=optuna", "hydra.sweeper.n_trials=1", "hydra.sweep.dir=here")
    assert nnreg(*words).code == 0
    answer = nnreg(*words)
    assert (answer.code, answer.complaint.partition(",")[0]) == (2, "nnreg: here holds runs already")
    assert answer.complaint.endswith("`python -m nnreg -m sweep.resume=here` goes on with what is there")
    shutil.rmtree(project / "here/0")
    (project / "here/sweep.json").unlink()
    answer = nnreg(*words)
    held = f"nnreg: {project / 'here' / 'optuna.db'} holds a search: resume=true goes on with it"
    assert (answer.code, answer.complaint.partition(",")[0]) == (2, held)


@pytest.mark.long
def test_a_search_without_its_study_is_not_gone_on_with(nnreg, project):
    words = ("-m", *QUICK, "hparams_search=optuna", "hydra.sweeper.n_trials=1", "hydra.sweep.dir=here")
    nnreg(*words)
    (project / "here" / "optuna.db").unlink()
    answer = nnreg(*words, "resume=true")
    assert (answer.code, "has no optuna.db" in answer.complaint) == (2, True)
    assert not (project / "here" / "optuna.db").exists()


@pytest.mark.long
def test_a_run_knows_nothing_of_the_search_but_its_name(search):
    _, runs, _ = search("optuna", 1, "hparams_search.sampler=random")
    assert "hparams_search=optuna" in runs[0]["overrides"]
    assert not any(word.startswith("hparams_search.") for word in runs[0]["overrides"])
