"""Where a sweep stands, from folders alone: n of N, the time left, the best so far; broken and strange folders are one line."""

from __future__ import annotations

import io
import json
import os
import time
from contextlib import contextmanager

import pytest
from rich.console import Console

from nnreg import console
from nnreg.errors import UserError
from nnreg.records.folder import occupied
from nnreg.records.manifest import Manifest, read_manifest
from nnreg.sweeps import standing
from nnreg.sweeps.standing import Watcher

NOW = 1_800_000_000.0
QUICK = ("steps=10", "hidden=[8]", "validate_every=10")


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """A sweep of eight runs that began 100 seconds ago."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    home = tmp_path / "sweep"
    Manifest(jobs=8).save(home)
    for name in ("multirun.yaml", "sweep.json"):
        (home / name).touch()
        os.utime(home / name, (NOW - 100, NOW - 100))
    return home


def ended(home, number, label="adam-he", loss=0.5, *, at=NOW - 10, **facts):
    folder = home / str(number)
    folder.mkdir(parents=True)
    metrics = {"final/train_loss": loss, "valid/accuracy_final": 1 - loss}
    said = {"label": label, "status": "finished", "task": "train", "choices": {"loss": "mse"}, "metrics": metrics, **facts}
    (folder / "summary.json").write_text(json.dumps(said))
    os.utime(folder / "summary.json", (at, at))
    return folder


def going(home, number, step, steps=1000):
    folder = ended(home, number, status="running", overrides=[f"steps={steps}"])
    lines = "".join(f"{at},train/loss,0.5\n" for at in range(step + 1))
    (folder / "history.csv").write_text(f"step,metric,value\n{lines}12,cut o")
    os.utime(folder / "history.csv", (NOW, NOW))


def test_what_has_ended_is_counted_and_the_rest_takes_as_long(sweep):
    for number in range(2):
        ended(sweep, number)
    found = Watcher(sweep).look()
    assert (found.ended, found.planned, found.elapsed) == (2, 8, 100)
    assert found.left == pytest.approx(6 * 50)
    assert found.lines()[0] == "2 of 8 runs, about 5 min left"


def test_a_run_that_goes_on_counts_by_its_share_before_any_has_ended(sweep):
    going(sweep, 0, 250)
    found = Watcher(sweep).look()
    assert (found.ended, found.going) == (0, 1)
    assert found.left == pytest.approx((8 - 0.25) * 100 / 0.25)


def test_what_an_earlier_attempt_ran_does_not_make_this_one_faster(sweep):
    for number in range(4):
        ended(sweep, number, at=NOW - 5000)
    assert Watcher(sweep).look().left is None
    ended(sweep, 4)
    assert Watcher(sweep).look().left == pytest.approx(3 * 100)


def test_the_best_is_the_mean_over_seeds_of_an_arm(sweep):
    ended(sweep, 0, "adam-he", 0.1)
    ended(sweep, 1, "adam-he", 0.5)
    ended(sweep, 2, "sgd-he", 0.2)
    ended(sweep, 3, "sgd-he", 0.2)
    assert Watcher(sweep).look().lines()[1] == "best so far: sgd-he: final training loss 0.200, mean of 2 seeds"


def test_an_arm_of_which_a_run_diverged_is_not_the_best(sweep):
    ended(sweep, 0, "adam-he", 0.1)
    ended(sweep, 1, "adam-he", 0.0, status="diverged")
    ended(sweep, 2, "sgd-he", 0.2)
    assert Watcher(sweep).look().best.label == "sgd-he"


def test_the_metric_that_was_asked_for_tells_the_best(sweep):
    Manifest(jobs=8, settings={"metric": "valid/accuracy"}).save(sweep)
    ended(sweep, 0, "adam-he", 0.1)
    ended(sweep, 1, "sgd-he", 0.05)
    assert str(Watcher(sweep).look().best) == "sgd-he: final validation accuracy 95.0 %"


def test_a_seed_that_was_typed_twice_is_one(sweep):
    for number, seed in enumerate((1, 1, 2)):
        ended(sweep, number, loss=0.25, seed=seed)
    assert str(Watcher(sweep).look().best).endswith("mean of 2 seeds")


def test_losses_of_other_kinds_are_told_by_what_they_have_in_common(sweep):
    ended(sweep, 0, "a", 0.1, choices={"loss": "mse"})
    ended(sweep, 1, "b", 0.3, choices={"loss": "hinge"})
    assert Watcher(sweep).look().best.metric == "valid/accuracy_final"


def test_tuning_counts_and_is_the_best_until_there_are_runs_to_compare(sweep):
    ended(sweep / "tuning", 0, "sgd-he lr=0.1", 0.01)
    watcher = Watcher(sweep)
    assert (watcher.look().ended, watcher.look().best.label) == (1, "sgd-he lr=0.1")
    ended(sweep, 1, "sgd-he", 0.3)
    assert (watcher.look().ended, watcher.look().best.label) == (2, "sgd-he")


def test_a_run_that_failed_is_counted_and_said(sweep):
    ended(sweep, 0, status="failed", metrics={})
    assert Watcher(sweep).look().counted == "1 of 8 runs, 1 failed"


def test_a_sweep_that_is_over_says_how_long_it_took(sweep):
    Manifest(jobs=1, seconds=75.0).save(sweep)
    ended(sweep, 0)
    found = Watcher(sweep).look()
    assert found.is_over
    assert found.lines()[0] == "1 of 1 runs, ended after 1 min 15 s"


def test_a_sweep_that_nobody_is_at_is_told_from_one_that_is_slow(sweep):
    ended(sweep, 0, at=NOW - 90)
    with occupied(sweep):
        assert not Watcher(sweep).look().is_dead
    assert Watcher(sweep).look().is_dead
    ended(sweep, 1, at=NOW - 1)
    assert not Watcher(sweep).look().is_dead


STRANGE = [
    "{",
    "[]",
    "null",
    '{"status": 3}',
    '{"status": "finished", "metrics": [1], "label": {}}',
    '{"status": "finished"}',
    "\x00",
]


@pytest.mark.parametrize("content", STRANGE)
def test_a_strange_run_costs_the_sweep_nothing(sweep, content):
    ended(sweep, 0)
    (sweep / "1").mkdir()
    (sweep / "1" / "summary.json").write_text(content)
    (sweep / "2").symlink_to("/")
    (sweep / "report.html").touch()
    found = Watcher(sweep).look()
    assert found.best.label == "adam-he"
    assert all("\x1b" not in line for line in found.lines())


def test_names_of_strangers_give_no_orders_to_a_terminal(sweep):
    ended(sweep, 0, "\x1b[2Jadam\n[bold]he")
    paper = Console(file=io.StringIO(), width=80, record=True)
    found = Watcher(sweep).look()
    paper.print(found.drawn())
    assert "\x1b" not in paper.export_text()
    assert "[bold]he" in paper.export_text(clear=False) or "[bold]" in found.lines()[1]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_what_is_drawn_fits_the_terminal(sweep, width):
    ended(sweep, 0, "a_rule_with_a_long_name-orthogonal norm=batch_norm hidden=[512,512,512,512] lr=0.000123")
    paper = Console(file=io.StringIO(), width=width, record=True)
    paper.print(Watcher(sweep).look().drawn())
    lines = paper.export_text().splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda home: None, "there is no folder"),
        (lambda home: home.mkdir(), "is not the folder of a sweep: it has no sweep.json"),
        (lambda home: (home.mkdir(), (home / "sweep.json").write_text("{")), "its sweep.json is damaged"),
        (lambda home: (home.mkdir(), (home / "summary.json").write_text("{}")), "is the folder of a run"),
    ],
)
def test_a_folder_that_is_no_sweep_is_refused_in_a_line(nnreg, project, make, complaint):
    make(project / "s")
    answer = nnreg("watch", "s", "--once")
    assert answer.code == 2
    assert complaint in answer.complaint


@pytest.mark.long
def test_watching_a_sweep_that_has_ended_shows_it_and_ends(nnreg, undrawn):
    nnreg("-m", "optimizer=sgd,adam", *QUICK, "hydra.sweep.dir=s")
    answer = nnreg("watch", "s")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("2 of 2 runs, ended after ")
    assert "best so far: " in answer.out


def test_watching_one_that_was_interrupted_says_how_to_go_on(nnreg, project):
    Manifest(jobs=4, spent=3.0).save(project / "s")
    answer = nnreg("watch", "s")
    assert answer.code == 1
    assert "0 of 4 runs, interrupted" in answer.out
    assert "`python -m nnreg -m sweep.resume=s` goes on with the sweep" in answer.out


def test_watching_ends_when_the_sweep_does(nnreg, project, monkeypatch):
    Manifest(jobs=2).save(project / "s")
    (project / "s" / "multirun.yaml").touch()
    ended(project / "s", 0, at=time.time())
    looks = []

    def wait(seconds):
        looks.append(seconds)
        ended(project / "s", 1, at=time.time())
        Manifest(jobs=2, seconds=9.0).save(project / "s")

    monkeypatch.setattr(standing.time, "sleep", wait)
    answer = nnreg("watch", "s", "--every", "0.5")
    assert looks == [0.5]
    assert [line[:13] for line in answer.out.splitlines()] == ["1 of 2 runs, ", "2 of 2 runs, ", "best so far: "]


@pytest.mark.long
def test_a_sweep_without_a_terminal_tells_in_plain_lines_now_and_then(nnreg, undrawn, monkeypatch):
    monkeypatch.setattr(standing, "PLAIN", (0.0, 1e9))
    answer = nnreg("-m", "optimizer=sgd,adam", *QUICK, "hydra.sweep.dir=s")
    told = [line for line in answer.out.splitlines() if " of 2 runs" in line]
    assert len(told) == 1
    assert told[0].startswith("0 of 2 runs")
    assert len([line for line in answer.out.splitlines() if line.startswith(("#0 ", "#1 "))]) == 2
    assert console.ticking is None


@pytest.mark.long
def test_a_short_sweep_without_a_terminal_tells_nothing(nnreg, undrawn, monkeypatch):
    monkeypatch.setattr(standing, "PLAIN", (1e9,))
    assert " of 2 runs" not in nnreg("-m", "optimizer=sgd,adam", *QUICK).out


@contextmanager
def in_a_terminal(monkeypatch, width=80):
    monkeypatch.setattr(standing, "terminal", lambda: Console(force_terminal=True, width=width, highlight=False))
    yield


@pytest.mark.long
def test_a_sweep_in_a_terminal_shows_it_from_the_start_and_clears_it_away(nnreg, undrawn, monkeypatch):
    with in_a_terminal(monkeypatch):
        answer = nnreg("-m", "optimizer=sgd,adam", *QUICK, "hydra.sweep.dir=s")
    assert "0 of 2 runs" in answer.out
    assert answer.out.index("0 of 2 runs") < answer.out.index("#0 ")
    jobs = [line for line in answer.out.splitlines() if "optimizer=sgd" in line and "#0" in line]
    assert len(jobs) == 1
    assert answer.out.count("\x1b[?25h") == 1  # the cursor is back


@pytest.mark.long
def test_what_is_planned_is_what_is_run(nnreg, undrawn, project):
    answer = nnreg(
        "-m",
        "protocol=tune_then_seeds",
        "optimizer=sgd,adam",
        "protocol.trials=3",
        "protocol.seeds=[5,6]",
        *QUICK,
        "hydra.sweep.dir=s",
    )
    assert answer.code == 0, answer.err
    found = Watcher(project / "s").look()
    assert found.ended == found.planned == read_manifest(project / "s").jobs


def test_who_is_no_sweep_is_refused_by_the_reader_too(tmp_path):
    with pytest.raises(UserError):
        Watcher(tmp_path / "none").look()
