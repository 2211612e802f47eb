"""What the Valley shows is what the command line computes, and what a plugin raises is told beside its name."""

import json
import shlex

import numpy as np
import pytest

from nnreg.engine.descent import descend
from nnreg.play.answers import answer, directions, hessian_at, rounded
from nnreg.play.descents import walk
from nnreg.play.knobs import made_technique
from nnreg.play.question import Question, Rule
from nnreg.records.folder import read_history
from nnreg.registry import entries
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.surfaces.quadratic import Quadratic
from nnreg_std.surfaces.rosenbrock import Rosenbrock
from nnreg_std.surfaces.rotated_quadratic import RotatedQuadratic
from tests.registry.publishing import publishing

publish = pytest.fixture(publishing)


@pytest.mark.long
@pytest.mark.parametrize(
    "asked",
    [
        {"surface": "quadratic", "rules": [{"name": "momentum", "values": {"lr": 0.1}}], "steps": 30},
        {"surface": "rosenbrock", "rules": [{"name": "adam", "values": {"lr": 0.1, "amsgrad": True}}], "start": [-1.0, 2.5]},
        {"surface": "himmelblau", "rules": ["lbfgs"], "steps": 12},
        {"surface": "rosenbrock", "rules": [{"name": "sgd", "values": {"lr": 0.01}}], "steps": 40},  # it diverges
        {
            "surface": {"name": "noisy+rotated_quadratic", "values": {"noise": 0.3, "inner.angle": 30.0}},
            "rules": [{"name": "sam+momentum", "values": {"rho": 0.1, "inner.lr": 0.02}}],
            "seed": 7,
            "steps": 25,
        },
        {
            "surface": "quadratic",
            "rules": [{"name": "sophia", "values": {"lr": 0.05}}],  # it draws
            "schedule": {"name": "cosine", "values": {"end": 0.1}},
            "warmup": 5,
            "clip_norm": 0.5,
            "clip_value": 0.4,
            "seed": 3,
        },
        {
            "surface": "quadratic",
            "rules": ["sgd"],
            "schedule": {"name": "plateau", "values": {"metric": "value", "patience": 3}},
        },
    ],
    ids=lambda asked: str(asked["rules"][0]),
)
def test_the_command_makes_the_same_descent_to_every_digit_shown(nnreg, project, asked):
    (rule,) = answer(asked)["rules"]
    words = shlex.split(rule["command"])
    assert words[:3] == ["python", "-m", "nnreg"]
    answered = nnreg(*words[3:], f"hydra.run.dir={project / 'run'}")
    assert answered.code == 0, answered.err
    assert answered.err == ""
    history = read_history(project / "run")
    path = np.stack([history.series(axis)[1] for axis in ("x", "y")], axis=1)
    assert rule["path"] == rounded(path)
    summary = json.loads((project / "run" / "summary.json").read_text())
    assert summary["diverged_at_step"] == rule["diverged_at"]
    assert summary["metrics"].get("descent/steps_to_tolerance") == rule["arrived_at"]


@pytest.mark.parametrize("name", [*entries.techniques("optimizer"), "lookahead+adam", "ema+momentum"])
@pytest.mark.parametrize("surface", ["rosenbrock", "spectrum"])
def test_every_rule_descends_and_what_is_sent_is_json(name, surface):
    found = answer({"surface": surface, "rules": [name], "steps": 6})
    (rule,) = found["rules"]
    assert "error" not in rule
    updates = len(rule["path"]) - 1
    assert len(rule["heights"]) == updates + 1
    assert len(rule["gradients"]) == updates
    assert rule["velocity"] is None or len(rule["velocity"]) == updates
    json.dumps(found, allow_nan=True)


def test_gradients_are_those_that_the_updates_were_made_with():
    question = Question("rosenbrock", {}, (Rule("sgd", {}),), steps=5, clip_norm=1.0)
    descent = walk(question, SGD(0.01), Rosenbrock())
    np.testing.assert_allclose(np.diff(descent.path, axis=0), -0.01 * descent.gradients, rtol=1e-12)
    assert np.linalg.norm(descent.gradients, axis=1).max() <= 1 + 1e-12


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("momentum", "v"), ("adam", "−m"), ("signum", "−m"), ("sam+momentum", "v"), ("lookahead", "v"), ("nesterov", "v")),
        *(("sgd", ""), ("adagrad", ""), ("rmsprop", ""), ("adadelta", ""), ("ema+sgd", ""), ("lookahead+sgd", "")),
    ],
)
def test_the_state_that_moves_a_rule_is_found_by_what_it_does(name, expected):
    rule = made_technique("optimizer", name, {})
    descent = walk(Question("quadratic", {}, (Rule(name, {}),), steps=40), rule, Quadratic())
    assert (descent.velocity_name, descent.velocity is None) == (expected, not expected)


def test_the_velocity_of_momentum_is_its_last_step():
    rule = made_technique("optimizer", "momentum", {"lr": 1.2})
    descent = walk(Question("quadratic", {}, (Rule("momentum", {}),), steps=20), rule, Quadratic())
    np.testing.assert_allclose(descent.velocity[1:], np.diff(descent.path, axis=0)[:-1], rtol=1e-9, atol=1e-12)


def test_the_hessian_is_that_of_the_formula():
    np.testing.assert_allclose(hessian_at(Rosenbrock(), np.array([1.0, 1.0])), [[802, -400], [-400, 200]], rtol=1e-6)


def test_directions_are_those_in_which_plain_descent_shrinks_each_coordinate_by_its_own_factor():
    surface, question = RotatedQuadratic(20.0, 30.0), Question("rotated_quadratic", {}, (Rule("sgd", {}),), steps=9)
    found = directions(surface, [walk(question, SGD(0.3), surface)])
    np.testing.assert_allclose(found["curvatures"], [2.0, 0.1], rtol=1e-5)
    along = np.array(found["coordinates"][0])
    np.testing.assert_allclose(along[1:] / along[:-1], np.tile([1 - 0.3 * 2.0, 1 - 0.3 * 0.1], (9, 1)), rtol=1e-3)


def test_a_surface_without_a_minimum_has_no_directions():
    class Slope(Quadratic):
        minima = ()

    assert directions(Slope(), []) is None


BROKEN = """
from dataclasses import dataclass
from nnreg.contracts import Optimizer

@dataclass
class Rule(Optimizer):
    "Walks, and stumbles."

    lr: float = 0.1

    def update(self, theta, g, *, t, lr):
        if t > 5:
            raise RuntimeError("lost my way\\nat step six")
        theta -= lr * g
"""


def test_what_a_plugin_raises_is_told_beside_its_name_and_the_others_descend(publish):
    publish("stumbling", {"stumbling_rules": BROKEN}, optimizer={"stumbling": "stumbling_rules:Rule"})
    stumbling, sgd = answer({"surface": "quadratic", "rules": ["stumbling", "sgd"], "steps": 9})["rules"]
    assert stumbling["error"] == "RuntimeError: lost my way at step six"
    assert "path" not in stumbling
    assert len(sgd["path"]) == 10


def test_rounding_keeps_six_digits():
    assert rounded(np.array([[1.23456789, -9.87654321e-7], [0.0, 123456789.0]])) == [
        [1.23457, -9.87654e-07],
        [0.0, 123457000.0],
    ]
    paths = descend(SGD(0.1), Quadratic(), steps=2)
    np.testing.assert_allclose(rounded(paths), paths, rtol=1e-5)
