"""The task ``descend``: the published study's numbers, divergence as a result, and what is said, drawn and kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nnreg.contracts import Surface
from nnreg.engine.history import History
from nnreg.errors import UserError
from nnreg.records.folder import DiskSink, read_history, read_summary
from nnreg.registry import entries
from nnreg.runs import descend
from nnreg.runs.descend import course, prepare, summarise
from nnreg.runs.request import Request
from nnreg.runs.task import execute_task
from nnreg.settings import used_choices
from nnreg.tracking.description import parameters
from nnreg_std.surfaces.quadratic import Quadratic

CONFIG = {
    "task": "descend",
    "steps": 30,
    "hidden": [8],
    "optimizer": {"name": "sgd", "lr": 0.95},
    "surface": {"name": "quadratic"},
    "schedule": {"name": "constant"},
    "dataset": {"name": "digits"},
    "init": {"name": "he"},
    "activation": {"name": "relu"},
}


@pytest.fixture
def request_for(tmp_path):
    def make(sweep=None, **changes):
        config = OmegaConf.create(CONFIG)
        config.merge_with({key: {"name": value} if isinstance(value, str) else value for key, value in changes.items()})
        choices = {key: node["name"] for key, node in config.items() if key in entries.slots()}
        return Request(config, choices, tmp_path / "run", (), "python -m nnreg", sweep, None if sweep is None else 0)

    return make


def test_the_published_study_ends_where_it_ended(request_for, tmp_path):
    outcome = execute_task(request_for(), [DiskSink()])
    assert outcome.status == "finished"
    assert outcome.summary["descent/x"] == pytest.approx(-0.350393, abs=6e-7)
    assert outcome.summary["descent/y"] == pytest.approx(0.084782, abs=6e-7)
    steps, y = read_history(tmp_path / "run").series("y")
    np.testing.assert_array_equal(steps, range(31))
    assert np.count_nonzero(np.diff(np.sign(y[:30]))) == 29


def test_every_position_and_its_height_are_recorded(request_for, tmp_path):
    execute_task(request_for(optimizer={"name": "sgd", "lr": 0.2}), [DiskSink()])
    x, y, value = (read_history(tmp_path / "run").series(metric)[1] for metric in ("x", "y", "value"))
    t = np.arange(31)
    np.testing.assert_allclose(x, -7 * 0.98**t)  # x ← x − 0.2 x/10
    np.testing.assert_allclose(y, 2 * 0.6**t)  # y ← y − 0.2 · 2y
    np.testing.assert_allclose(value, x**2 / 20 + y**2)


def test_the_summary_has_length_distance_and_steps_to_the_minimum(request_for):
    found = execute_task(request_for(optimizer={"name": "sgd", "lr": 0.2}, start=[0.0, 2.0], tolerance=0.05), []).summary
    assert found["descent/path_length"] == pytest.approx(2 - 2 * 0.6**30)
    assert found["descent/distance"] == pytest.approx(2 * 0.6**30)
    assert found["descent/steps_to_tolerance"] == 8  # 2 · 0.6⁸ = .034, 2 · 0.6⁷ = .056
    assert found["descent/stable_below"] == 1


def test_a_path_that_leaves_the_minimum_again_has_not_arrived():
    path = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    summary = summarise(path, Quadratic().value(path), Quadratic(), 0.1)
    assert summary["descent/steps_to_tolerance"] == 3
    assert "descent/steps_to_tolerance" not in summarise(path[:3], Quadratic().value(path[:3]), Quadratic(), 0.1)


def test_schedule_and_clipping_act_as_in_training(request_for, tmp_path):
    wide = {"optimizer": {"name": "sgd", "lr": 1.0}, "start": [0.0, 5.0], "steps": 4}
    execute_task(request_for(**wide, clip_norm=0.5), [DiskSink()])
    np.testing.assert_allclose(read_history(tmp_path / "run").series("y")[1], [5, 4.5, 4, 3.5, 3])
    execute_task(request_for(**wide, schedule={"name": "polynomial", "power": 1.0}, warmup=2), [DiskSink()])
    y = read_history(tmp_path / "run").series("y")[1]
    assert y[1] == pytest.approx(0, abs=1e-12)  # half the rate: 5 − 0.5 · 10


def test_a_schedule_may_watch_the_height_and_nothing_else(request_for, tmp_path):
    zigzag = {"optimizer": {"name": "sgd", "lr": 1.0}, "start": [0.0, 5.0], "steps": 4}  # from 5 to -5 and back, never better
    watching = {"name": "plateau", "metric": "value", "patience": 0, "gamma": 0.5}
    execute_task(request_for(**zigzag, schedule=watching), [DiskSink()])
    history = read_history(tmp_path / "run")
    np.testing.assert_allclose(history.series("rate/lr")[1], [1, 0.5, 0.5, 0.25])
    np.testing.assert_allclose(history.series("y")[1], [5, -5, 0, 0, 0])
    with pytest.raises(UserError, match="plateau watches valid/loss, which a descent does not measure: it measures value"):
        execute_task(request_for(**zigzag, schedule={"name": "plateau"}), [DiskSink()])


@pytest.mark.parametrize("steps", [30, 3000])
def test_a_rate_beyond_the_stability_limit_diverges_and_that_is_a_result(request_for, tmp_path, steps):
    outcome = execute_task(request_for(optimizer={"name": "sgd", "lr": 1.1}, steps=steps), [DiskSink()])
    assert (outcome.status, outcome.diverged_at) == ("diverged", 26)  # 2 · 1.2²⁶ > 200 ≥ 2 · 1.2²⁵
    assert read_summary(tmp_path / "run")["status"] == "diverged"
    assert np.isfinite(list(outcome.summary.values())).all()
    assert np.isfinite(read_history(tmp_path / "run").series("value")[1]).all()
    assert "descent/distance" not in outcome.summary
    assert (tmp_path / "run" / "path.png").exists()


@given(st.lists(st.sampled_from([0.0, 50.0, 250.0, -1e9]), min_size=1, max_size=8), st.booleans())
def test_only_who_never_comes_back_has_diverged(places, ends_nowhere):
    path = np.array([[place, 0.0] for place in (0.0, *places)] + [[np.nan, 0.0]] * ends_nowhere)
    kept, values, diverged_at = course(path, Quadratic())
    assert len(kept) == len(values) == 1 + len(places)
    back = max(index for index, place in enumerate((0.0, *places)) if abs(place) <= 200)
    expected = back + 1 if back < len(places) or ends_nowhere else None
    assert diverged_at == expected


class Slope(Surface):
    """A plane, which has no minimum."""

    start, domain, minima = (0.0, 0.0), ((-1.0, 1.0), (-1.0, 1.0)), ()

    def value(self, points):
        return points[..., 0]

    def gradient(self, points):
        return np.broadcast_to([1.0, 0.0], points.shape)


def test_a_surface_without_minimum_has_no_distance():
    path = np.array([[0.0, 0.0], [-0.5, 0.0]])
    summary = summarise(path, Slope().value(path), Slope(), 0.1)
    assert set(summary) == {"descent/x", "descent/y", "descent/value", "descent/path_length"}


def test_the_run_knows_its_start_its_label_and_only_what_it_used(request_for):
    card, _ = prepare(request_for())
    assert card.label == "sgd-quadratic"
    assert card.config["start"] == [-7.0, 2.0]
    used = used_choices("descend", card.choices)
    assert set(used) == {"optimizer", "surface", "schedule"}


def test_tracked_parameters_are_those_that_a_descent_has(request_for):
    seen = {}

    class Watching(DiskSink):
        def open(self, card):
            seen.update(parameters(card))
            super().open(card)

    execute_task(request_for(), [Watching()])
    assert seen["optimizer.lr"] == "0.95"
    assert seen["surface"] == "quadratic"
    assert not {"dataset", "init", "init.mode", "hidden", "batch", "dtype"} & set(seen)


def test_a_plugin_that_raises_on_the_way_fails_the_run_alone(request_for, tmp_path, monkeypatch):
    def broken(self, points):
        if points.shape == (2,) and points[0] > -6:
            raise ZeroDivisionError("off the map")
        return np.stack((points[..., 0] / 10, 2 * points[..., 1]), axis=-1)

    monkeypatch.setattr(Quadratic, "gradient", broken)
    outcome = execute_task(request_for(), [DiskSink()])
    assert (outcome.status, outcome.error) == ("failed", "ZeroDivisionError: off the map")
    assert "off the map" in (tmp_path / "run" / "traceback.txt").read_text()


def test_a_job_of_a_sweep_that_cannot_be_prepared_is_recorded_as_failed(request_for, tmp_path):
    (tmp_path / "run").mkdir()
    outcome = execute_task(request_for(sweep="sweep", optimizer={"name": "sgd", "lr": -1.0}), [DiskSink()])
    assert outcome.status == "failed"
    assert read_summary(tmp_path / "run")["error"] == "optimizer=sgd: lr must be in (0, inf), got -1.0"
    with pytest.raises(UserError, match="lr must be in"):
        execute_task(request_for(optimizer={"name": "sgd", "lr": -1.0}), [])


def test_an_interrupt_is_recorded_and_passed_on(request_for, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(descend, "descend", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute_task(request_for(), [DiskSink()])
    assert read_summary(tmp_path / "run")["status"] == "killed"


@pytest.mark.long
def test_a_descent_is_typed_in_one_line_and_told_in_a_few(nnreg, project):
    answer = nnreg("task=descend", "surface=rosenbrock", "optimizer=lion", "optimizer.lr=0.05", "steps=40", "animate=gif")
    assert answer.code == 0
    folder = next((project / "runs").iterdir())
    assert folder.name.endswith("lion-rosenbrock")
    assert {"path.png", "path.gif", "summary.json", "history.csv.gz"} <= {path.name for path in folder.iterdir()}
    for words in ("lion (lr=0.05", "40 updates from (−1.2, 1), float64", "position", "distance", "path length", "path.png"):
        assert words in answer.out
    assert "digits" not in answer.out


@pytest.mark.long
def test_the_stability_limit_is_told_where_it_is_known(nnreg):
    assert "plain gradient descent is stable for lr < 2/L = 1" in nnreg("task=descend", "steps=3").out
    assert "2/L" not in nnreg("task=descend", "surface=beale", "steps=3").out


@pytest.mark.long
def test_a_descent_can_be_rerun_and_not_resumed(nnreg, project):
    nnreg("task=descend", "optimizer=adam", "optimizer.lr=0.3", "steps=30", "start=[1.5,-2]")
    folder = next((project / "runs").iterdir())
    assert nnreg("rerun", str(folder)).code == 0
    first, second = (read_history(path) for path in sorted((project / "runs").iterdir()))
    assert all(_same(first, second, metric) for metric in ("x", "y", "value"))
    assert first.series("x")[1][0] == 1.5
    refusal = nnreg("resume", str(folder))
    assert refusal.code == 2
    assert "is a run of task=descend, which takes moments: `python -m nnreg rerun" in refusal.complaint


def _same(first: History, second: History, metric: str) -> bool:
    return bool((first.series(metric)[1] == second.series(metric)[1]).all())


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["start=[1]"], "start must be a point of surface=quadratic, 2 numbers in brackets, got 1"),
        (["start=[]"], "start must be a point, such as start=[-7,2], got []"),
        (["surface=spectrum", "start=[1,2]"], "start must be a point of surface=spectrum, 20 numbers in brackets, got 2"),
        (["surface=spectrum", "animate=gif"], "animate=gif needs a surface of two dimensions, surface=spectrum has 20"),
        (["surface=rosenbrok"], "there is no surface 'rosenbrok'; did you mean 'rosenbrock'?"),
        (["warmup=50", "steps=20"], "warmup=50 leaves none of the 20 steps"),
        (["tolerance=0"], "tolerance must be in (0, inf), got 0.0"),
        (["animate=mp4"], "animate=mp4 needs ffmpeg, which is not installed here: use animate=gif"),
    ],
)
def test_a_mistake_is_answered_in_one_line_and_leaves_nothing_behind(nnreg, project, monkeypatch, words, complaint):
    monkeypatch.setattr("shutil.which", lambda name: None)
    answer = nnreg("task=descend", *words)
    assert answer.code == 2
    assert complaint in answer.complaint
    assert not (project / "runs").exists()


@pytest.mark.long
def test_a_sweep_of_descents_ends_in_a_table_and_one_picture(nnreg, project):
    answer = nnreg("-m", "task=descend", "optimizer=sgd,momentum,adam", "optimizer.lr=0.3", "steps=60", "animate=gif")
    assert answer.code == 0
    (folder,) = (project / "runs").iterdir()
    assert f"report        {folder / 'comparison' / 'report.html'}" in answer.out
    assert (folder / "comparison" / "paths.png").exists()
    assert (folder / "comparison" / "paths.gif").stat().st_size < 1_000_000
    assert not (folder / "0" / "path.gif").exists()
    assert "final value" in answer.out
    for job in range(3):
        assert json.loads((folder / str(job) / "summary.json").read_text())["task"] == "descend"
        assert (folder / str(job) / "path.png").exists()


@pytest.mark.long
def test_runs_that_a_rate_is_chosen_on_are_read_for_their_numbers_alone(nnreg, project):
    answer = nnreg("-m", "task=descend", "optimizer=sgd", "protocol=tune_then_seeds", "steps=20", "tracking=off")
    assert answer.code == 0
    (folder,) = (project / "runs").iterdir()
    assert (folder / "0" / "path.png").exists()
    tried = [path for path in (folder / "tuning").iterdir() if (path / "summary.json").exists()]
    assert len(tried) > 3
    assert not [*(folder / "tuning").glob("*/*.png")]


@pytest.mark.long
def test_in_a_sweep_a_diverged_descent_is_a_result(nnreg):
    answer = nnreg("-m", "task=descend", "optimizer=sgd", "optimizer.lr=0.5,1.1", "steps=40")
    assert answer.code == 0
    assert "diverged at update 26" in answer.out


def test_training_knows_nothing_of_surfaces(nnreg, project):
    assert nnreg("steps=2", "hidden=[4]").code == 0
    summary = read_summary(next((project / "runs").iterdir()))
    assert "surface" not in summary["choices"]
    assert summary["task"] == "train"


@pytest.mark.parametrize("dimension", [1, 3, 20])
def test_in_another_number_of_dimensions_height_and_distance_are_recorded_and_drawn(request_for, tmp_path, dimension):
    surface = {"name": "spectrum", "dimension": dimension, "condition": 4.0, "shape": "log"}
    outcome = execute_task(request_for(surface=surface, optimizer={"name": "sgd", "lr": 1.0}), [DiskSink()])
    history = read_history(tmp_path / "run")
    left = np.array([0.0]) if dimension == 1 else 1 - np.geomspace(1 / 4, 1, dimension)  # 1 - lr λ
    path = left ** np.arange(31)[:, None]
    assert set(history.metrics) == {"value", "distance"}
    np.testing.assert_allclose(history.series("distance")[1], np.linalg.norm(path, axis=1), rtol=1e-9)
    found = outcome.summary
    assert set(found) == {
        f"descent/{key}" for key in ("value", "distance", "path_length", "steps_to_tolerance", "stable_below")
    }
    assert found["descent/path_length"] == pytest.approx(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    assert found["descent/steps_to_tolerance"] == np.argmax(np.linalg.norm(path, axis=1) <= 0.01)
    assert found["descent/stable_below"] == 2
    assert (tmp_path / "run" / "path.png").stat().st_size > 5000


def test_in_twenty_dimensions_a_lost_descent_is_a_result_too(request_for):
    surface = {"name": "spectrum", "dimension": 20, "condition": 100.0, "shape": "log"}
    outcome = execute_task(request_for(surface=surface, optimizer={"name": "sgd", "lr": 3.0}, steps=40), [])
    assert outcome.status == "diverged"
    assert outcome.diverged_at == 6  # |1 - 3|⁶ = 64 is the first beyond ten domains of 4


@pytest.mark.long
def test_a_sweep_over_surfaces_of_different_dimensions_is_compared_and_drawn(nnreg, project):
    answer = nnreg("-m", "task=descend", "surface=quadratic,spectrum", "optimizer=sgd,adam", "steps=20")
    assert answer.code == 0
    (folder,) = (project / "runs").iterdir()
    assert (folder / "comparison" / "paths.png").exists()  # of those that have a path
    assert "on surface" in answer.out or "quadratic" in answer.out
    alone = nnreg("-m", "task=descend", "surface=spectrum", "optimizer=sgd,adam", "steps=20", "hydra.sweep.dir=alone")
    assert alone.code == 0
    assert not (project / "alone" / "comparison" / "paths.png").exists()
    assert (project / "alone" / "comparison" / "curves.png").exists()
