"""A sweep that was killed at any moment ends, once resumed, as if nothing had happened; what was complete is not touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from nnreg.cli import main
from nnreg.comparison.gathering import gather
from nnreg.records.folder import occupied
from nnreg.records.manifest import FILE, Manifest, read_manifest
from nnreg.sweeps import ending
from nnreg.sweeps.composing import Composer
from nnreg.sweeps.resuming import completed_words
from tests.registry.publishing import OPTIMIZER, edit, publishing

TINY = ("dataset=iris", "hidden=[4]", "steps=3", "batch=8")
LONG = ("dataset=iris", "hidden=[8]", "steps=12000", "batch=16", "validate_every=1000", "checkpoint_seconds=0.02")


@pytest.fixture(autouse=True)
def nothing_drawn(undrawn, monkeypatch):
    monkeypatch.setattr(ending, "_saved", lambda *_: [])  # takes longer than these runs, and is tested elsewhere


def results(home):
    """Return everything that the runs below a folder found, without the time that it took."""
    found = {}
    for path in sorted(home.rglob("summary.json")):
        facts = json.loads(path.read_text())
        metrics = {name: value for name, value in facts["metrics"].items() if name != "steps_per_second"}
        told = (facts["status"], facts["steps"], metrics, facts["config_hash"], facts["overrides"], facts["job"])
        found[path.parent.relative_to(home).as_posix()] = told
    return found


def stamps(home):
    return {path: path.stat().st_mtime_ns for path in home.rglob("summary.json")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A complete sweep of four runs."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ending, "_saved", lambda *_: [])
        patch.chdir(folder)
        assert main.run(["-m", "optimizer=sgd,adam", "seed=1,2", "hydra.sweep.dir=runs/s", *TINY, "tracking=off"]) == 0
    return folder / "runs/s"


@pytest.fixture
def home(made, project):
    """Such a sweep of one's own."""
    shutil.copytree(made, project / "runs/s")
    return project / "runs/s"


@pytest.mark.long
def test_what_is_complete_is_left_and_the_rest_is_done_where_it_would_have_been(nnreg, home):
    whole, before = results(home), stamps(home)
    (home / "1/summary.json").write_text('{"status": "running"')  # cut off while it was written
    (home / "2/summary.json").unlink()
    failed = json.loads((home / "3/summary.json").read_text()) | {"status": "failed", "error": "it broke"}
    (home / "3/summary.json").write_text(json.dumps(failed))
    answer = nnreg("-m", "optimizer=sgd,adam", "seed=1,2", "sweep.resume=runs/s", *TINY)
    assert (answer.code, answer.err) == (0, "")
    assert results(home) == whole
    assert [path.parent.name for path, when in stamps(home).items() if before[path] == when] == ["0"]
    assert "runs          4" in answer.out


@pytest.mark.long
def test_more_seeds_of_a_sweep_are_asked_for_by_the_seeds_alone(nnreg, home):
    before = stamps(home)
    assert nnreg("-m", "sweep.resume=runs/s", "seed=1,2,3").code == 0
    asked = {
        tuple(sorted(word for word in told[4] if "=" in word and word[:4] in ("opti", "seed", "step")))
        for told in results(home).values()
    }
    assert asked == {(f"optimizer={rule}", f"seed={seed}", "steps=3") for rule in ("sgd", "adam") for seed in (1, 2, 3)}
    assert [path for path, when in before.items() if path.stat().st_mtime_ns != when] == []
    assert gather([home]).axes == {"optimizer": ["sgd", "adam"]}


def test_what_is_typed_takes_the_place_of_the_sweeps_own_word_and_its_options_stay(project):
    command = "python -m nnreg -m --config-dir=mine --config-name=base optimizer=sgd,adam +init@bias=zeros seed=1 tracking=off"
    Manifest(command=command).save(project / "s")
    words = ["-m", "optimizer=lion", "sweep.resume=s", "init@bias=constant", "-cd", "other"]
    assert completed_words(words) == [
        "--config-name=base", "-m", "optimizer=lion", "seed=1", "tracking=off", *words[2:],
    ]  # fmt: skip


@pytest.mark.long
def test_a_sweep_over_what_stands_inside_is_gone_on_with_by_its_folder(nnreg, project):
    words = ("optimizer=lookahead", "optimizer.inner=sgd,adam", "seed=1,2", *TINY)
    assert nnreg("-m", *words, "hydra.sweep.dir=s").code == 0
    whole = results(project / "s")
    (project / "s" / "1" / "summary.json").unlink()
    answer = nnreg("-m", "sweep.resume=s")
    assert (answer.code, answer.err) == (0, "")
    assert results(project / "s") == whole


@pytest.mark.long
@pytest.mark.parametrize("name", ["config.yaml", "history.csv.gz"])
def test_a_run_that_is_damaged_is_done_again_whatever_its_summary_says(nnreg, home, name):
    whole, before = results(home), stamps(home)
    (home / "1" / name).write_bytes((home / "1" / name).read_bytes()[:9])
    (home / "2" / name).unlink()
    assert nnreg("-m", "sweep.resume=runs/s").code == 0
    assert results(home) == whole
    assert {path.parent.name for path, when in stamps(home).items() if before[path] == when} == {"0", "3"}
    assert not gather([home]).left_out


@pytest.mark.long
@pytest.mark.parametrize("task", ["descend", "activations"])
def test_a_complete_sweep_of_another_task_is_complete(nnreg, project, task):
    words = (f"task={task}", "optimizer=sgd,adam" if task == "descend" else "activation=tanh,relu", "steps=3", "hidden=[4]")
    assert nnreg("-m", *words, "batch=8", "hydra.sweep.dir=s").code == 0
    assert nnreg("-m", "sweep.resume=s").out.startswith("nothing to resume: ")


def test_the_folder_alone_says_what_is_to_be_done(nnreg, home):
    whole = results(home)
    (home / "2/summary.json").unlink()
    assert nnreg("-m", "sweep.resume=runs/s").code == 0
    assert results(home) == whole


def test_the_same_command_again_finds_its_sweep(nnreg, home):
    whole = results(home)
    (home / "0/summary.json").unlink()
    words = ("-m", "optimizer=sgd,adam", "seed=1,2", *TINY)
    assert nnreg(*words, "hydra.sweep.dir=runs/t", "resume=true").code == 0
    assert results(home) == whole
    assert not (home.parent / "t").exists()
    missing = nnreg("-m", "optimizer=sgd,adam", "seed=1,7", *TINY, "hydra.sweep.dir=runs/t", "resume=true")
    assert (missing.code, "leave out resume=true" in missing.complaint) == (2, True)


def test_a_complete_sweep_is_told_in_one_line_and_not_touched(nnreg, home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "multirun.yaml"}
    answer = nnreg("-m", "sweep.resume=runs/s")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        f"nothing to resume: all runs in {home} are complete; `python -m nnreg compare runs/s` compares them"
    ]
    assert {path: path.read_bytes() for path in before} == before


def test_kernels_that_compute_the_same_leave_it_complete(nnreg, home):
    answer = nnreg("-m", "optimizer=sgd,adam", "seed=1,2", "kernels=numba", "sweep.resume=runs/s", *TINY)
    assert answer.out.startswith("nothing to resume")


def test_runs_of_other_configurations_stay_and_new_ones_get_numbers_of_their_own(nnreg, home):
    whole = results(home)
    assert nnreg("-m", "optimizer=sgd,lion", "seed=1,2", "sweep.resume=runs/s", *TINY).code == 0
    after = results(home)
    assert {name: after[name] for name in whole} == whole
    assert {name: told[4][:2] for name, told in after.items() if name not in whole} == {
        "4": ["optimizer=lion", "seed=1"],
        "5": ["optimizer=lion", "seed=2"],
    }


@pytest.mark.long
def test_a_sweep_or_a_run_that_another_process_is_at_is_refused(nnreg, home, start):
    (home / "2/summary.json").unlink()
    for folder, said in ((home, "the sweep in"), (home / "2", "the run in")):
        code = (
            f"import sys, pathlib; from nnreg.records.folder import occupied\nwith occupied(pathlib.Path({str(folder)!r})):\n"
        )
        code += "    print(flush=True); sys.stdin.read()"
        busy = start(sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        busy.stdout.readline()
        answer = nnreg("-m", "sweep.resume=runs/s")
        busy.communicate()
        assert answer.code == 2
        assert answer.complaint == f"nnreg: {said} {folder} is still going on, in another process"
    with occupied(home):
        pass  # given free again
    assert nnreg("-m", "sweep.resume=runs/s").code == 0


@pytest.mark.long
def test_more_trials_of_a_random_search_begin_with_those_that_are_there(nnreg, project):
    words = ("-m", "protocol=random_search", "optimizer.lr=tag(log,interval(1e-3,1))", "hydra.sweep.dir=s", *TINY)
    assert nnreg(*words, "protocol.trials=1").code == 0
    first, before = results(project / "s"), stamps(project / "s")
    assert nnreg(*words, "protocol.trials=2", "sweep.resume=s").code == 0
    after = results(project / "s")
    assert {name: after[name] for name in first} == first
    assert (len(after), {path: stamps(project / "s")[path] for path in before}) == (2, before)


@pytest.mark.long
def test_a_tuning_that_lost_runs_in_both_stages_ends_with_the_same_choice(nnreg, project):
    words = ("protocol=tune_then_seeds", "optimizer=adam", "protocol.trials=2", "protocol.seeds=[1,2]", *TINY)
    assert nnreg("-m", *words, "hydra.sweep.dir=s").code == 0
    home = project / "s"
    whole, chosen = results(home), read_manifest(home).tuning.chosen
    for name in ("tuning/1", "1"):
        (home / name / "summary.json").unlink()
    (home / FILE).unlink()  # killed before it was written, as far as a test can play it
    assert nnreg("-m", *words, "sweep.resume=s").code == 0
    assert (results(home), read_manifest(home).tuning.chosen) == (whole, chosen)


@pytest.mark.long
def test_what_ran_with_a_value_that_was_chosen_before_is_not_compared(nnreg, project):
    words = ("protocol=tune_then_seeds", "optimizer=adam", "protocol.trials=2", "protocol.seeds=[1,2]", *TINY)
    assert nnreg("-m", *words, "hydra.sweep.dir=s").code == 0
    home, first = project / "s", results(project / "s")
    before = read_manifest(home).tuning.chosen["adam"]
    won = [name for name in (f"tuning/{job}" for job in range(6)) if f"optimizer.lr={before!r}" in first[name][4]]
    assert len(won) == 3
    for name in won:
        facts = json.loads((home / name / "summary.json").read_text())
        facts["metrics"]["valid/loss_final"] = 1e9
        (home / name / "summary.json").write_text(json.dumps(facts))
    (home / "1/summary.json").unlink()
    answer = nnreg("-m", *words, "sweep.resume=s")
    assert read_manifest(home).tuning.chosen["adam"] != before
    runs = gather([home]).arms[0].runs
    assert (len(gather([home]).arms), runs.seeds, len(list(home.glob("[0-9]")))) == (1, (1, 2), 3)
    assert {run.config["optimizer"]["lr"] for run in runs} == {read_manifest(home).tuning.chosen["adam"]}
    assert any(line.startswith("runs ") and " 2 in " in line for line in answer.out.splitlines())


@pytest.mark.long
def test_a_resumed_run_that_cannot_be_assembled_fails_again_and_costs_no_other(nnreg, project):
    words = ("-m", "optimizer.lr=0.1,-1,0.2", "hydra.sweep.dir=s", *TINY)
    assert nnreg(*words).code == 1
    first = results(project / "s")
    (project / "s/2/summary.json").unlink()
    answer = nnreg(*words, "sweep.resume=s")
    assert (answer.code, results(project / "s")) == (1, first)
    assert "lr must be in (0, inf), got -1.0" in answer.out


@pytest.mark.long
def test_jobs_of_a_tuning_and_of_a_resumed_sweep_are_composed_once_each(nnreg, project, monkeypatch):
    composed, compose = [], Composer.compose
    monkeypatch.setattr(Composer, "compose", lambda composer, words: composed.append(words) or compose(composer, words))
    words = ("protocol=tune_then_seeds", "optimizer=adam", "protocol.trials=2", "protocol.seeds=[1,2]", *TINY)
    for more in ("hydra.sweep.dir=s", "sweep.resume=s"):
        assert nnreg("-m", *words, more).code == 0
        assert sum(any(word.startswith("seed=") for word in told) for told in composed) == 2 * 3 + 2
        composed.clear()
        for name in ("tuning/1", "1"):
            (project / "s" / name / "summary.json").unlink()


@pytest.fixture
def begin(project, start):
    """Start a sweep in a process of its own."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return lambda *words: start(sys.executable, "-m", "nnreg", "-m", *words, cwd=project, **piped)


def wait_until(condition, process):
    for _ in range(6_000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("it never happened")


@pytest.mark.long
def test_a_sweep_that_is_killed_again_and_again_ends_as_if_never_disturbed_and_so_does_its_store(nnreg, project, begin):
    words = ("optimizer=sgd,adam", "seed=1", *LONG)
    assert nnreg("-m", *words, "hydra.sweep.dir=whole").code == 0
    sweep = begin(*words, "hydra.sweep.dir=cut")
    for number in (0, 1):
        wait_until((project / f"cut/{number}/checkpoint.npz").exists, sweep)
        sweep.send_signal(signal.SIGKILL)
        sweep.communicate()
        assert "running" in {told[0] for told in states(project / "cut").values()}
        sweep = begin("sweep.resume=cut")
    out, err = sweep.communicate()
    assert (sweep.returncode, err) == (0, "")
    assert "runs          2" in out
    assert without_tracking(results(project / "cut")) == without_tracking(results(project / "whole"))
    assert sorted(told[1] for told in states(project / "cut").values())[-1] > 0  # it went on, and did not begin again
    with sqlite3.connect(project / "mlflow.db") as store:
        assert sorted(store.execute("select name, status from runs where name not like 'comparison%'")) == [
            ("adam-he s1", "FINISHED"),
            ("sgd-he s1", "FINISHED"),
        ]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_ctrl_c_ends_a_sweep_with_a_line_that_says_how_to_go_on(project, begin):
    sweep = begin("optimizer=sgd,adam", "tracking=off", "hydra.sweep.dir=s", *LONG)
    wait_until((project / "s/0/checkpoint.npz").exists, sweep)
    sweep.send_signal(signal.SIGINT)
    _, err = sweep.communicate()
    assert sweep.returncode == 130
    assert err.splitlines() == ["nnreg: interrupted; `python -m nnreg -m sweep.resume=s` goes on with the sweep"]
    manifest = read_manifest(project / "s")
    assert (manifest.jobs, manifest.seconds) == (2, None)
    assert manifest.spent > 0
    assert states(project / "s")["0"][0] == "killed"


def states(home):
    """Return folder to (status, step at which it was resumed)."""
    found = {path.parent.name: json.loads(path.read_text()) for path in home.glob("*/summary.json")}
    return {name: (facts.get("status"), facts["resumed_at_step"] or 0) for name, facts in found.items()}


def without_tracking(found):
    return {name: (*told[:4], [word for word in told[4] if word != "tracking=off"], told[5]) for name, told in found.items()}


publish = pytest.fixture(publishing)


@pytest.fixture
def mended(nnreg, publish, project):
    """A sweep of a rule and of sgd that lost a run of the rule, which has been edited since."""
    publish("my-rules", {"rules": OPTIMIZER}, optimizer={"mine": "rules:Rule"})
    assert nnreg("-m", "optimizer=sgd,mine", "seed=1,2,3", "hydra.sweep.dir=s", *TINY).code == 0
    (project / "s/4/summary.json").unlink()
    edit("rules", OPTIMIZER.replace("lr * g", "lr * g / 2"))
    return project / "s"


@pytest.mark.long
def test_a_sweep_whose_rule_was_edited_stops_before_anything_runs(nnreg, mended):
    before = stamps(mended)
    complaint = nnreg("-m", "sweep.resume=s").complaint
    assert complaint.startswith("nnreg: the runs in s were made with other code: optimizer=mine (")
    assert "sweep.mix_code=true" in complaint
    assert nnreg("-m", "sweep.resume=s", "seed=4").code == 2
    assert stamps(mended) == before
    assert nnreg("-m", "sweep.resume=s", "optimizer=sgd", "seed=4").err == ""
    assert stamps(mended).keys() - before.keys() == {mended / "6/summary.json"}


@pytest.mark.long
def test_what_is_left_of_it_becomes_an_arm_of_its_own_where_that_is_asked_for(nnreg, mended):
    before = stamps(mended)
    assert nnreg("-m", "sweep.resume=s", "sweep.mix_code=true").code == 0
    after = stamps(mended)
    assert [path.parent.name for path in after if before.get(path) != after[path]] == ["4"]
    code = {path.parent.name: json.loads(path.read_text())["code"]["optimizer"] for path in after}
    assert code["3"] == code["5"] != code["4"]


@pytest.mark.long
def test_one_that_was_cut_short_begins_again_with_the_new_code(nnreg, mended):
    facts = json.loads((mended / "3/summary.json").read_text()) | {"status": "killed"}
    (mended / "3/summary.json").write_text(json.dumps(facts))
    answer = nnreg("-m", "sweep.resume=s", "sweep.mix_code=true")
    assert answer.code == 0
    assert "#3 begins again: " in answer.err
    assert "was begun with other code: optimizer=mine" in answer.err


@pytest.mark.long
def test_a_rule_whose_runs_all_raised_an_error_may_be_mended(nnreg, publish, project):
    broken = OPTIMIZER.replace("theta -=", "if t > 3: raise ValueError('oh')\n        theta -=").replace("lr * g", "lr * g")
    publish("my-rules", {"rules": broken}, optimizer={"mine": "rules:Rule"})
    words = ("-m", "optimizer=sgd,mine", "hydra.sweep.dir=s", "dataset=iris", "hidden=[4]", "steps=6", "batch=8")
    assert nnreg(*words).code == 1
    edit("rules", OPTIMIZER)
    assert nnreg("-m", "sweep.resume=s").code == 0
