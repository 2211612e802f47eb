"""A sweep's runs are numbered as Hydra's own sweeper does it; it can be listed, and is limited; mistakes are one line."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys

import pytest

from nnreg.comparison.gathering import gather
from nnreg.records.folder import DiskSink, occupied
from nnreg.records.manifest import read_manifest
from nnreg.sweeps import ending
from nnreg.sweeps.resuming import JobCheck
from nnreg_std.datasets.iris import Iris
from tests.registry.publishing import publishing

publish = pytest.fixture(publishing)
TINY = ("dataset=iris", "hidden=[4]", "steps=2", "batch=8")


@pytest.fixture(autouse=True)
def nothing_drawn(undrawn, monkeypatch):
    monkeypatch.setattr(ending, "_saved", lambda *_: [])  # takes longer than these runs, and is tested elsewhere


def jobs(folder):
    """Return number to overrides, of all runs below a sweep's folder."""
    found = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/summary.json")}
    return {name: facts["overrides"] for name, facts in sorted(found.items())}


def listed(answer):
    """Return what a dry run listed, number to words."""
    return dict(line.removeprefix("#").split(maxsplit=1) for line in answer.out.splitlines() if line.startswith("#"))


@pytest.mark.long
def test_runs_have_the_numbers_and_words_that_hydras_own_sweeper_gives_them(nnreg, project):
    swept = ("seed=range(1,3)", "optimizer=glob(ada*,exclude=[adam*,adad*]),sgd", "++optimizer.lr=choice(0.1,0.5)")
    for sweeper in ("grid", "basic"):
        assert nnreg("-m", f"hydra/sweeper={sweeper}", f"hydra.sweep.dir={sweeper}", *swept[::2], *TINY).code == 0
    assert jobs(project / "grid") == jobs(project / "basic")
    assert len(jobs(project / "grid")) == 4


def test_a_yaml_may_hold_what_is_swept_and_what_is_typed_wins(nnreg):
    answer = nnreg("-m", "hydra.sweeper.params={seed:'1,2',steps:'3,4'}", "sweep.dry_run=true", "dataset=digits", "steps=5")
    assert listed(answer) == {
        "0": "seed=1 steps=5 dataset=digits tracking=off",
        "1": "seed=2 steps=5 dataset=digits tracking=off",
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("optimizer=glob([sgd,zeb*])", "optimizer"),
        ("init@bias=glob([zeros,zeb*])", "init"),
        ("hydra.sweeper.params={optimizer:'glob([sgd,zeb*])'}", "optimizer"),
    ],
)
def test_a_sweep_by_glob_skips_what_is_broken_wherever_the_glob_stands(nnreg, publish, word, kind):
    publish("zoo", {"zoo_module": "1 / 0"}, **{kind: {"zebra": "zoo_module:Rule"}})
    answer = nnreg("-m", word, *TINY)
    assert answer.code == 0
    assert answer.err.startswith(f"skipped: {kind} 'zebra' (zoo 1.0) is broken")
    assert "runs          1" in answer.out


def test_batches_are_launched_one_after_the_other_with_running_numbers(nnreg, project):
    assert nnreg("-m", "seed=1,2,3", "hydra.sweeper.max_batch_size=2", "hydra.sweep.dir=s", *TINY).code == 0
    assert [words[0] for words in jobs(project / "s").values()] == ["seed=1", "seed=2", "seed=3"]


def test_the_folder_says_what_the_sweep_is(nnreg, project):
    nnreg("-m", "seed=1,2", "hydra.sweep.dir=s", "sweep.target='valid/accuracy=0.5'", *TINY)
    manifest = read_manifest(project / "s")
    assert (manifest.protocol, manifest.jobs, manifest.tuning) == ("grid", 2, None)
    assert 0 < manifest.seconds < 600
    assert manifest.settings["target"] == "valid/accuracy=0.5"
    assert manifest.command.startswith("python -m nnreg -m hydra.sweep.dir=s seed=1,2 ")


def test_the_settings_of_a_sweep_are_no_part_of_its_runs(nnreg, project):
    nnreg(
        "-m", "protocol=random_search", "protocol.trials=1", "optimizer=sgd,sgd", "hydra.sweep.dir=s", "sweep.max_jobs=9", *TINY
    )
    facts = json.loads((project / "s/0/summary.json").read_text())
    assert not [word for word in facts["overrides"] if word.startswith(("sweep", "protocol"))]
    config = (project / "s/0/config.yaml").read_text()
    assert not {"sweep:", "protocol:", "resume:"} & set(config.split())
    answer = nnreg("rerun", "s/0", "hydra.run.dir=again")
    again = json.loads((project / "again/summary.json").read_text())
    assert (answer.code, again["config_hash"]) == (0, facts["config_hash"])


def test_a_dry_run_lists_every_job_and_writes_nothing(nnreg, project):
    answer = nnreg("-m", "optimizer=sgd,adam", "seed=1,2", "sweep.dry_run=true")
    assert answer.code == 0
    assert listed(answer)["2"] == "optimizer=adam seed=1 tracking=off"
    assert answer.out.splitlines()[-1] == "dry run: 4 runs, nothing was written"
    assert list(project.iterdir()) == []


def test_a_dry_run_of_a_huge_sweep_lists_its_beginning(nnreg):
    answer = nnreg("-m", "seed=range(0,10000000)", "sweep.dry_run=true", "sweep.max_jobs=3")
    assert list(listed(answer)) == ["0", "1", "2"]
    assert "10,000,000 runs" in answer.out


def test_a_huge_sweep_is_refused_before_its_jobs_are_made_up(nnreg, project):
    answer = nnreg("-m", "seed=range(0,1000000)", "batch=range(1,11)")
    assert answer.code == 2
    assert answer.complaint == (
        "nnreg: the sweep has 10,000,000 runs, more than sweep.max_jobs=500: add sweep.max_jobs=10000000 to run them all; "
        "sweep.dry_run=true lists them"
    )
    assert list(project.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize(("typed", "runs"), [("y\n", 2), ("YES\n", 2), ("\n", 0), ("n\n", 0), ("", 0)])
def test_at_a_terminal_a_large_sweep_is_asked_about(nnreg, project, monkeypatch, typed, runs):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    answer = nnreg("-m", "seed=1,2", "sweep.max_jobs=1", "hydra.sweep.dir=s", *TINY)
    assert "Run 2 jobs? [y/N] " in answer.err
    assert (answer.code, len(jobs(project / "s"))) == (0 if runs else 2, runs)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("optimizer.lr=interval(0.1,1)",),
            "is a range to draw from: add protocol=random_search, or list the values, such as opt",
        ),
        (("sweep.max_jobs=0",), "sweep.max_jobs must be in [1, inf), got 0"),
        (("sweep.max_jobs=1,2",), "sweep.max_jobs=1,2: the sweep as a whole has one sweep.max_jobs, not several"),
        (("protocol=grid,random_search",), "the sweep as a whole has one protocol"),
        (("sweep.axes=[init]",), "sweep.axes must name two swept settings, such as [optimizer,init], got ['init']"),
        (("sweep.axes=[init,optimizer]", "init=he,xavier"), "sweep.axes: 'optimizer' is not swept. Available: init"),
        (("sweep.target=bogus",), "cannot read the target 'bogus': type it as metric=value, such as valid/accuracy=0.95"),
        (("sweep.max_job=3",), "sweep has no parameter 'max_job'; did you mean 'max_jobs'?"),
        (("protocol=random_serch",), "there is no protocol 'random_serch'; did you mean 'random_search'?"),
        (
            ("protocol=random_search",),
            "protocol=random_search has nothing to draw from: add a range such as optimizer.lr=tag(log,",
        ),
        (("protocol=random_search", "optimizer=glob(zz*)"), "the sweep has no runs: its glob or range holds nothing"),
        (("protocol=random_search", "seed=1,2", "protocol.trials=0"), "nothing to draw from"),
        (("hydra.sweeper.max_batch_size=0", "seed=1,2"), "hydra.sweeper.max_batch_size must be 1 or more, or null"),
        (("seed=range(1,5,0)",), "seed: the step of a range must not be 0"),
        (("resume=true",), "there is nothing to go on with: leave out resume=true"),
        (("sweep.resume=nowhere", "seed=1"), "there is no folder nowhere to go on with"),
        (("sweep.resume=empty", "seed=1"), "empty is not the folder of a sweep; one run: `python -m nnreg resume FOLDER`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_in_a_sweep_is_answered_in_one_line_and_leaves_nothing_behind(nnreg, project, words, said):
    (project / "empty").mkdir()
    answer = nnreg("-m", *words)
    assert answer.code == 2
    assert said in answer.complaint
    assert [path.name for path in project.iterdir()] == ["empty"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("resume=true", "only sweeps are resumed so: add -m"),
        ("sweep.dry_run=true", "sweep.dry_run lists the runs of a sweep: add -m"),
        ("protocol=tune_then_seeds", "protocol=tune_then_seeds is for sweeps: add -m"),
    ],
)
def test_a_single_run_refuses_what_means_something_to_sweeps_only(nnreg, project, word, said):
    answer = nnreg(word)
    assert (answer.code, list(project.iterdir())) == (2, [])
    assert said in answer.complaint


def test_a_random_search_runs_every_trial_on_every_seed_and_the_same_trials_again(nnreg):
    words = ("-m", "protocol=random_search", "protocol.trials=3", "optimizer.lr=tag(log,interval(1e-4,1))", "seed=4,5")
    first, second = (list(listed(nnreg(*words, "sweep.dry_run=true")).values()) for _ in range(2))
    assert first == second
    drawn = [text.split()[0] for text in first]
    assert drawn[::2] == drawn[1::2]
    assert len(set(drawn)) == 3
    assert [text.split()[-1] for text in first] == ["seed=4", "seed=5"] * 3


def test_sweepers_cost_the_help_no_heavy_import():
    code = "import sys; from nnreg.cli import main; main.run(['--cfg', 'job']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("\n")[-2].strip("[]").replace("'", "").split(", "))
    assert not {"mlflow", "matplotlib", "optuna", "ray", "joblib", "submitit", "pandas", "sklearn"} & loaded


def test_a_job_that_could_not_even_be_begun_is_told_and_counts_as_failed(nnreg, project, monkeypatch):
    opened = DiskSink.open

    def full_for_one(sink, card):
        if card.job == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        opened(sink, card)

    monkeypatch.setattr(DiskSink, "open", full_for_one)
    answer = nnreg("-m", "seed=1,2,3", "hydra.sweep.dir=s", *TINY)
    assert answer.code == 1
    assert f"failed #1     it left no readable summary.json  ({project / 's' / '1'})" in answer.out
    assert "3, 1 failed" in answer.out
    assert answer.complaint == "nnreg: #1: OSError: [Errno 28] No space left on device"


def test_where_no_job_could_be_begun_nothing_is_said_of_globs(nnreg, project, monkeypatch):
    def full(sink, card):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DiskSink, "open", full)
    answer = nnreg("-m", "seed=1,2", "hydra.sweep.dir=s", *TINY)
    assert (answer.code, "glob" in answer.err + answer.out) == (1, False)
    assert "2, 2 failed" in answer.out


def test_a_single_run_that_a_full_disk_ends_is_one_line(nnreg, monkeypatch):
    closed = DiskSink.close

    def full(sink, *ending):
        closed(sink, *ending)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DiskSink, "close", full)
    answer = nnreg(*TINY)
    assert answer.code == 1
    assert answer.complaint.startswith("nnreg: the run could not be recorded in ")
    assert answer.complaint.endswith(": No space left on device; make room, or choose another folder with hydra.run.dir=FOLDER")


def everything_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "goes_on"),
    [
        (("seed=3", "hydra.run.dir=run"), "resume run"),
        (("seed=3", "hydra.run.dir=s/0"), "resume s/0"),
        (("seed=3", "hydra.run.dir=s"), "-m sweep.resume=s"),
        (("-m", "seed=3,4", "hydra.sweep.dir=run"), "resume run"),
        (("-m", "seed=3,4", "hydra.sweep.dir=s"), "-m sweep.resume=s"),
        (("-m", "seed=1,2", "hydra.sweep.dir=s", "sweep.dry_run=true"), "-m sweep.resume=s"),
        (
            ("-m", "protocol=random_search", "protocol.trials=1", "optimizer.lr=interval(0.1,1)", "hydra.sweep.dir=s"),
            "sweep.resume=s",
        ),
    ],
)
def test_a_folder_that_holds_runs_is_not_used_again(nnreg, project, words, goes_on):
    assert nnreg(*TINY, "hydra.run.dir=run").code == 0
    assert nnreg("-m", *TINY, "seed=1,2", "hydra.sweep.dir=s").code == 0
    before = everything_in(project)
    answer = nnreg(*words[:1], *TINY, *words[1:])
    assert answer.code == 2
    assert "already, and none is overwritten: choose another folder with hydra." in answer.complaint
    assert f"{goes_on}` goes on with what is there" in answer.complaint
    assert everything_in(project) == before


def test_a_sweep_that_is_still_going_on_is_not_joined(nnreg, project):
    (project / "s").mkdir()
    with occupied(project / "s"):
        assert "still going on, in another process" in nnreg("-m", *TINY, "seed=1,2", "hydra.sweep.dir=s").complaint


@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.extra("joblib"))])
@pytest.mark.parametrize(
    ("subdir", "why"),
    [
        ("${optimizer.name}", "sgd is the folder of jobs 0 and 1"),
        ("all", "all is the folder of jobs 0 and 1"),
        ("${optimizer.name}/${seed}", "sgd/1 is no folder right below the sweep's"),
        ("../x${hydra.job.num}", "../x0 is no folder right below the sweep's"),
    ],
)
def test_two_jobs_in_one_folder_are_refused_before_the_first_runs(nnreg, project, subdir, why, launcher):
    words = ("optimizer=sgd,adam", "seed=1,2", "hydra.sweep.dir=s", f"hydra/launcher={launcher}")
    answer = nnreg("-m", *TINY, *words, f"hydra.sweep.subdir={subdir}")
    assert answer.code == 2
    assert answer.complaint.startswith(f"nnreg: hydra.sweep.subdir={subdir}: {why}, and every run needs one of its own")
    assert not (project / "s").exists()


@pytest.mark.long
def test_folders_of_other_names_are_each_a_run_that_is_compared_and_gone_on_with(nnreg, project):
    words = ("optimizer=sgd,adam", "seed=1,2", "hydra.sweep.dir=s", "hydra.sweep.subdir=${optimizer.name}_${seed}")
    assert nnreg("-m", *TINY, *words).code == 0
    assert {path.parent.name for path in project.glob("s/*/config.yaml")} == {"sgd_1", "sgd_2", "adam_1", "adam_2"}
    assert [list(arm.runs.seeds) for arm in gather([project / "s"]).arms] == [[1, 2], [1, 2]]
    assert nnreg("-m", "sweep.resume=s").out.startswith("nothing to resume")
    numbered = "hydra.sweep.subdir=${optimizer.name}_${hydra.job.num}"
    assert nnreg("-m", *TINY, "optimizer=sgd,adam", "seed=1", "hydra.sweep.dir=t", numbered).code == 0
    assert {path.parent.name for path in project.glob("t/*/config.yaml")} == {"sgd_0", "adam_1"}


@pytest.mark.long
def test_a_job_of_another_sweeper_is_not_run_over_another_run(nnreg, project):
    words = ("-m", *TINY, "seed=1,2", "hydra.sweep.dir=s", "hydra/sweeper=basic")
    assert nnreg(*words).code == 0
    before = {path: data for path, data in everything_in(project / "s").items() if path.parent.name in "01"}
    assert nnreg(*words).code != 0
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.long
@pytest.mark.parametrize("more", [(), ("sweep.dry_run=true",)])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("batch=8,5000",), "job 1 (batch=5000): batch=5000 is larger than the 90 training rows of iris: use batch=90 or less"),
        (
            ("dataset=iris,digits", "batch=8,1000"),
            "job 1 (dataset=iris batch=1000): batch=1000 is larger than the 90 training rows",
        ),
        (
            ("dataset=diabetes", "loss=mse,softmax_cross_entropy"),
            "job 1 (loss=softmax_cross_entropy): dataset=diabetes has values as",
        ),
        (("+x=1,2",), "job 0 (+x=1): 'x' is neither a setting nor a kind"),
        (("steps=5,0",), "job 1 (steps=0): steps must be in [1, inf), got 0; 1 of 2 jobs cannot be run"),
        (("warmup=0,2",), "job 1 (warmup=2): warmup=2 leaves none of the 2 steps"),
        (
            ("seed=1,2", "sweep.metric=valid/acuracy"),
            "sweep.metric: no run of task=train records 'valid/acuracy'; did you mean",
        ),
        (
            ("seed=1,2", "sweep.target=valid/acuracy:0.5"),
            "sweep.target: no run of task=train records 'valid/acuracy'; did you mean",
        ),
        (("seed=1,2", "sweep.metric=descent/value"), "sweep.metric: no run of task=train records 'descent/value'"),
        (
            ("seed=1,2", "sweep.metric=valid/r2"),
            "job 0 (seed=1): valid/r2 is not measured where targets are classes, as in iris",
        ),
        (
            ("seed=1,2", "sweep.target=train/accuracy:0.5"),
            "job 0 (seed=1): train/accuracy is measured with watch_train=true only",
        ),
        (("seed=1,2", "dataset.valid_fraction=0", "sweep.metric=valid/loss"), "job 0 (seed=1): valid/loss needs a valid split"),
    ],
)
def test_what_is_wrong_with_any_job_is_said_before_the_first_runs(nnreg, project, words, said, more):
    answer = nnreg("-m", *TINY, *words, *more)
    assert (answer.code, answer.out) == (2, "")
    assert answer.complaint.startswith(f"nnreg: {said}")
    assert not (project / "runs").exists()


@pytest.mark.long
def test_a_tuning_looks_at_the_runs_that_are_compared_before_it_tries_anything(nnreg, project):
    words = ("protocol=tune_then_seeds", "protocol.trials=2", "optimizer=sgd,adadelta", "batch=8,500")
    for more in ((), ("sweep.dry_run=true",)):
        answer = nnreg("-m", *TINY, *words, *more)
        assert answer.code == 2
        assert "batch=500 is larger than the 90 training rows of iris" in answer.complaint
        assert not (project / "runs").exists()


@pytest.mark.long
def test_data_is_read_once_to_be_looked_at_and_to_be_trained_on(nnreg, project, monkeypatch):
    read, load = [], Iris.load
    monkeypatch.setattr(Iris, "load", lambda iris: read.append(iris) or load(iris))
    assert nnreg("-m", *TINY, "optimizer=sgd,adam", "seed=1,2").code == 0
    assert len(read) == 1


def test_a_search_looks_at_each_of_its_trials(nnreg, project):
    words = ("protocol=random_search", "protocol.trials=3", "batch=8,500", "optimizer.lr=0.1,0.2")
    assert "batch=500 is larger than the 90 training rows" in nnreg("-m", *TINY, *words).complaint


@pytest.mark.long
@pytest.mark.parametrize(("words", "looks"), [(("seed=1,2,3",), 2), (("seed=1,2,3", "dataset.random_state=${seed}"), 6)])
def test_of_jobs_that_differ_in_their_seed_alone_one_is_looked_at_before_they_run(nnreg, project, monkeypatch, words, looks):
    looked, look = [], JobCheck.complaint
    monkeypatch.setattr(JobCheck, "complaint", lambda check, config: looked.append(config) or look(check, config))
    drawn = ("dataset=digits", "hidden=[4]", "steps=1", "tracking=off")
    assert nnreg("-m", "optimizer=sgd,adam", *drawn, *words).code == 0
    assert len(looked) == looks
