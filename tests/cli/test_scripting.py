"""Runs, sweeps and comparisons from Python: the same as the command line gives, and nothing left behind in the program."""

import inspect
import json
import logging
import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from nnreg import RunFailed, UserError, compare, run, sweep
from nnreg.records.folder import read_history, read_summary
from nnreg_std.optimizers.sgd import SGD

TINY = {"dataset": "iris", "hidden": [8], "steps": 20, "batch": 16, "tracking": "off"}
TYPED = ("dataset=iris", "hidden=[8]", "steps=20", "batch=16")
SWEPT = TINY | {"hidden": [[8]]}


def folders(project):
    return sorted((project / "runs").iterdir()) if (project / "runs").exists() else []


def test_a_run_gives_what_the_command_line_gives_to_the_last_bit(project):
    words = ["optimizer=adam", "init=glorot", "init.mode=fan_in", *TYPED, "seed=3", "tracking=off", "hydra.run.dir=typed"]
    subprocess.run([sys.executable, "-m", "nnreg", *words], check=True, capture_output=True)
    scripted = run("optimizer=adam", init="glorot", init__mode="fan_in", seed=3, **TINY)
    assert list(scripted.history) == list(read_history(project / "typed"))
    assert (scripted.folder / "config.yaml").read_text() == (project / "typed" / "config.yaml").read_text()
    typed = read_summary(project / "typed")
    assert {**scripted.summary["metrics"], "steps_per_second": 0} == {**typed["metrics"], "steps_per_second": 0}
    assert {path.name for path in scripted.folder.iterdir()} == {path.name for path in (project / "typed").iterdir()}
    assert scripted.folder.parent == project / "runs"


def test_the_command_of_a_scripted_run_is_one_to_type(project):
    result = run(optimizer="momentum", optimizer__momentum=0.5, **TINY, quiet=True)
    assert result.summary["command"] == (
        "python -m nnreg optimizer=momentum optimizer.momentum=0.5 "
        "dataset=iris 'hidden=[8]' steps=20 batch=16 tracking=off seed=0"
    )


def test_a_run_prints_one_line_and_nothing_if_it_is_to_be_quiet(project, capfd):
    result = run(optimizer="adam", **TINY)
    out, err = capfd.readouterr()
    (line,) = out.splitlines()
    assert line.startswith("adam-he  train loss ")
    assert line.endswith(f"in runs/{result.folder.name}")
    run(optimizer="adam", **TINY, quiet=True)
    assert (err, capfd.readouterr()) == ("", ("", ""))


@pytest.mark.long
def test_the_folder_may_be_chosen(project):
    assert run(folder="my run, 1", **TINY, quiet=True).folder == project / "my run, 1"
    assert sweep(folder=Path("my sweep"), seed=range(2), **SWEPT, quiet=True).gathered.folders == (project / "my sweep",)


MISTAKES = [
    ({"optimizer": "adm"}, ["optimizer=adm"]),
    ({"stpes": 5}, ["stpes=5"]),
    ({"optimizer__lr": "abc"}, ["optimizer.lr=abc"]),
    ({"optimizer__lr": -1}, ["optimizer.lr=-1"]),
    ({"optimizer": "momentum", "optimizer__momentm": 0.5}, ["optimizer=momentum", "optimizer.momentm=0.5"]),
    ({"hidden": 5}, ["hidden=5"]),
    ({"hidden": []}, ["hidden=[]"]),
    ({"batch": 5000}, ["batch=5000"]),
    (
        {"dataset": "csv", "dataset__path": "a b.csv", "dataset__target": "y"},
        ["dataset=csv", "dataset.path='a b.csv'", "dataset.target=y"],
    ),
    ({"protocol": "random_search"}, ["protocol=random_search"]),
]


@pytest.mark.long
@pytest.mark.parametrize(("settings", "typed"), MISTAKES, ids=[" ".join(typed) for _, typed in MISTAKES])
def test_a_mistake_is_an_error_with_the_line_of_the_command_line(nnreg, project, capfd, settings, typed):
    said = nnreg(*typed).complaint.removeprefix("nnreg: ")
    with pytest.raises(UserError) as caught:
        run(**settings, tracking="off")
    assert str(caught.value) == said
    assert len(caught.traceback) == 2  # this file, and where it was raised: no stack of Hydra's
    assert caught.value.__suppress_context__
    assert (*capfd.readouterr(), list(project.iterdir())) == ("", "", [])


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (["--help"], {}, "--help belongs to the command line"),
        (["-m", "seed=1,2"], {}, "-m belongs to the command line"),
        ([5], {}, "5 is no override: give text such as 'optimizer=adam'"),
        (["seed=1"], {"seed": 2}, "seed is given twice: as text and as a keyword"),
        (["optimizer.lr=1"], {"optimizer__lr": 2}, "optimizer.lr is given twice"),
        (["adam"], {}, "cannot read adam: a setting is typed key=value"),
        ([], {"optimizer__lr": object}, "optimizer__lr: <class 'object'> (type) is no value of a setting"),
        (["--config-dir=nowhere"], {}, "nowhere"),
    ],
)
@pytest.mark.parametrize("do", [run, sweep])
def test_what_only_a_command_line_has_is_refused_in_one_line(project, do, words, settings, said):
    with pytest.raises(UserError) as caught:
        do(*words, **settings)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("do", "words", "settings", "said"),
    [
        (run, ["experiment=descent_adam"], {}, 'a study with runs of its own: sweep("experiment=descent_adam") runs them all'),
        (run, [], {"experiment": "descent_adam"}, "is a study with runs of its own"),
        (sweep, ["experiment=descent_adam,descent_sgd"], {}, "each study is a sweep of its own: name one at a time"),
        (sweep, ["experiment=descent_adan"], {}, "did you mean 'descent_adam'"),
        (sweep, ["experiment=descent_adam"], {"seed": [1, 2]}, "seed=1,2 names several values, and a study says itself"),
    ],
)
def test_what_a_study_cannot_be_asked_is_refused_in_one_line(project, do, words, settings, said):
    with pytest.raises(UserError) as caught:
        do(*words, **settings)
    assert said in str(caught.value)
    assert list(project.iterdir()) == []


def test_a_configuration_folder_of_ones_own_may_be_named(project):
    (project / "mine" / "optimizer").mkdir(parents=True)
    (project / "mine" / "optimizer" / "slow.yaml").write_text("defaults: [sgd, _self_]\nlr: 0.001\n")
    assert run("--config-dir=mine", optimizer="slow", **TINY, quiet=True).config["optimizer"]["lr"] == 0.001


def test_a_run_that_diverges_is_a_result(project):
    result = run(optimizer__lr=1e6, activation="identity", **TINY | {"steps": 500}, quiet=True)
    assert result.summary["status"] == "diverged"
    assert 0 < result.summary["diverged_at_step"] < 500


def test_a_run_that_breaks_off_is_an_error_that_names_its_folder(project, monkeypatch):
    def broken(self, theta, g, *, t, lr):
        theta -= lr * g
        if t > 10:
            raise ZeroDivisionError("the rule is wrong")

    monkeypatch.setattr(SGD, "update", broken)
    with pytest.raises(RunFailed, match="the run failed: ZeroDivisionError: the rule is wrong; the traceback is in") as caught:
        run(optimizer="sgd", **TINY, quiet=True)
    assert read_summary(caught.value.folder)["status"] == "failed"
    assert "the rule is wrong" in (caught.value.folder / "traceback.txt").read_text()


def test_ctrl_c_ends_a_run_that_is_recorded_as_killed(project):
    over = threading.Event()

    def press():
        while not any((project / "runs").glob("*/history.csv")):
            if over.wait(0.01):
                return
        if not over.wait(0.05):
            signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(**TINY | {"steps": 10_000_000, "validate_every": 10_000_000}, quiet=True)
    finally:
        over.set()  # whatever became of the run, no later test is interrupted
    (folder,) = folders(project)
    assert read_summary(folder)["status"] == "killed"
    assert run(**TINY, quiet=True).summary["status"] == "finished"


@pytest.mark.long
def test_a_sweep_gives_what_the_command_line_gives(nnreg, project):
    nnreg("-m", "optimizer=sgd,adam", "seed=0,1", *TYPED, "hydra.sweep.dir=typed")
    found = sweep("optimizer=sgd,adam", seed=range(2), **SWEPT, quiet=True)
    (scripted,) = found.gathered.folders
    for job in map(str, range(4)):
        assert list(read_history(scripted / job)) == list(read_history(project / "typed" / job))
        assert read_summary(scripted / job)["config_hash"] == read_summary(project / "typed" / job)["config_hash"]
    typed = compare(project / "typed")
    assert found.answer == typed.answer
    assert list(found.table()["final/train_loss"]) == list(typed.table()["final/train_loss"])
    assert len(found.table()) == 2
    assert [run.seed for run in found.runs] == [0, 1, 0, 1]


@pytest.mark.long
def test_a_quiet_sweep_prints_nothing_and_is_shown_as_its_answer_and_table(project, monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a notebook's kernel has it
    found = sweep(optimizer=["sgd", "adam"], seed=range(2), **SWEPT, quiet=True)
    assert capfd.readouterr() == ("", "")
    assert repr(found) == str(found)
    assert found.answer in str(found)
    assert "\x1b" not in str(found)
    shown = found._repr_html_()
    assert all(line in shown for line in found.answers)
    rows = [len(re.findall("<t[hd]", row)) for row in re.findall("<tr>.*?</tr>", shown)]
    assert len(set(rows)) == 1, "as many headings as cells"


@pytest.mark.long
def test_how_a_sweep_is_compared_may_be_said(project):
    found = sweep(
        optimizer=["sgd", "adam"], seed=range(2), **SWEPT, metric="valid/loss_final", target="train/loss=0.9", quiet=True
    )
    assert (found.metric, found.target.metric, found.target.value) == ("valid/loss_final", "train/loss", 0.9)
    (folder,) = found.gathered.folders
    assert json.loads((folder / "sweep.json").read_text())["settings"]["metric"] == "valid/loss_final"


@pytest.mark.long
def test_a_failing_job_leaves_the_others_has_its_line_and_is_counted(project, capfd):
    found = sweep(optimizer__lr=[-1, 0.1], seed=range(2), **SWEPT)
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if re.match(r"#\d", line)] == ["#0", "#1", "#2", "#3"]
    assert {standing.arm.settings["optimizer.lr"]: standing.failed for standing in found.standings} == {-1: 2, 0.1: 0}


@pytest.mark.long
def test_a_sweep_is_gone_on_with_in_its_folder(project):
    settings = SWEPT | {"optimizer": ["sgd", "adam"], "seed": range(2)}
    first = sweep(**settings, quiet=True)
    again = sweep(**settings, resume=True, quiet=True)
    assert again.gathered.folders == first.gathered.folders
    assert again.answer == first.answer
    assert len(folders(project)) == 1


def test_a_sweep_over_nothing_says_so(project):
    with pytest.raises(UserError, match="the sweep has no runs: its glob or range holds nothing"):
        sweep("optimizer=glob(zz*)", **SWEPT)
    assert list(project.iterdir()) == []


@pytest.mark.long
def test_results_of_single_runs_can_be_compared(project):
    runs = [run(optimizer=rule, seed=seed, **TINY, quiet=True) for rule in ("sgd", "adam") for seed in range(2)]
    assert sorted(standing.arm.name for standing in compare(*runs).standings) == ["adam", "sgd"]


def test_folders_that_cannot_be_compared_are_a_mistake(project):
    with pytest.raises(UserError, match="nowhere"):
        compare("nowhere")


@pytest.mark.long
def test_the_program_keeps_its_hydra_its_arguments_and_its_log(project, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mine", "--option"])
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("nnreg").level, logging.getLogger("nnreg").handlers)
    search_paths, configured = list(Plugins.instance().discover(SearchPathPlugin)), HydraConfig.instance().cfg
    hydra = GlobalHydra.instance().hydra
    for do in (run, sweep):
        do("seed=1", **(TINY if do is run else SWEPT), quiet=True)
        with pytest.raises(UserError):
            do("optimizer=adm")
    assert sys.argv == ["mine", "--option"]
    assert before == (list(root.handlers), root.level, logging.getLogger("nnreg").level, logging.getLogger("nnreg").handlers)
    assert list(Plugins.instance().discover(SearchPathPlugin)) == search_paths
    assert (GlobalHydra.instance().hydra, HydraConfig.instance().cfg) == (hydra, configured)


APPLICATION = """
import logging, sys
import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from nnreg import run

@hydra.main(version_base="1.2", config_path=None)
def main(config):
    log = logging.getLogger("mine")
    handlers = list(logging.getLogger().handlers)
    loader, name = GlobalHydra.instance().hydra.config_loader, HydraConfig.get().job.name
    result = run(optimizer="adam", dataset="iris", hidden=[4], steps=3, batch=8, tracking="off", quiet=True)
    assert GlobalHydra.instance().hydra.config_loader is loader
    assert HydraConfig.get().job.name == name == "application"
    assert logging.getLogger().handlers == handlers
    assert hydra.version.getbase() == hydra.version._get_version("1.2")
    log.warning("still logged")
    print(result.summary["status"], config.mine)

main()
"""


@pytest.mark.long
def test_an_application_of_hydra_can_run_it(project):
    (project / "application.py").write_text(textwrap.dedent(APPLICATION))
    words = [sys.executable, "application.py", "+mine=7", "hydra.run.dir=own"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "finished 7"
    assert "still logged" in (project / "own" / "application.log").read_text()


@pytest.mark.long
def test_runs_asked_for_by_several_threads_wait_for_each_other(project):
    found = {}

    def ask(seed):
        found[seed] = run(seed=seed, folder=f"run {seed}", **TINY, quiet=True)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {seed: result.seed for seed, result in found.items()} == {0: 0, 1: 1, 2: 2}


def test_importing_nnreg_imports_nothing_else():
    script = "import sys; import nnreg; print(sorted({'numpy', 'hydra', 'mlflow', 'matplotlib', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nnreg_lists_what_it_offers_and_knows_nothing_else():
    import nnreg

    assert {"run", "sweep", "compare", "UserError", "RunFailed"} <= set(dir(nnreg))
    with pytest.raises(AttributeError, match="module nnreg has no attribute 'rn'"):
        _ = nnreg.rn


@pytest.mark.long
def test_a_study_that_the_command_line_ran_is_read_from_its_folder(nnreg, project):
    assert nnreg("experiment=descent_compare", "steps=3").code == 0
    (folder,) = (project / "runs").iterdir()
    comparison = compare(folder)
    assert len(comparison.table()) == 4
    assert set(comparison.runs.where(arm="Adam lr 0.3").curves("value")["step"]) == {0, 1, 2, 3}


@pytest.mark.long
def test_a_study_is_run_and_compared(project, capfd):
    comparison = sweep("experiment=descent_compare", steps=3, tracking="off", metric="descent/distance")
    assert len(comparison.table()) == 4
    assert comparison.metric == "descent/distance"
    assert len(comparison.runs.where(arm="Adam lr 0.3")) == 1
    assert capfd.readouterr().out.startswith("How do four update rules come down the same valley?")
    (folder,) = (project / "runs").iterdir()
    assert folder.name.endswith("_descent_compare")
    assert (folder / "study" / "study.json").exists()


@pytest.mark.parametrize("word", ["folder", "quiet"])
def test_folder_and_quiet_belong_to_what_runs_something(word):
    assert word in inspect.signature(run).parameters
    assert word in inspect.signature(sweep).parameters
    assert word not in inspect.signature(compare).parameters
