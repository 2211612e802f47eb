"""The task ``activations``: the published study of layer outputs, and what is said, drawn and kept."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from nnreg.engine.layers import one_unit
from nnreg.records.folder import DiskSink, read_history, read_summary
from nnreg.records.outputs import read_outputs
from nnreg.registry import entries
from nnreg.runs import activations
from nnreg.runs.request import Request
from nnreg.runs.task import execute_task

CONFIG = {
    "task": "activations",
    "batch": 1000,
    "hidden": [100] * 5,
    "init": {"name": "normal", "std": 1.0},
    "bias": {"name": "zeros"},
    "activation": {"name": "sigmoid"},
    "network": {"name": "mlp"},
    "norm": {"name": "none"},
    "dropout": {"name": "none"},
}


@pytest.fixture
def outputs_of(tmp_path):
    """Return mean, std, saturated, edges and dead share by layer, each averaged over some seeds."""

    def look(activation, init, seeds=1, **changes):
        tables = []
        for seed in range(seeds):
            config = OmegaConf.create(CONFIG | {"activation": {"name": activation}, "init": init, "seed": seed} | changes)
            choices = {key: node["name"] for key, node in config.items() if key in entries.slots()}
            execute_task(Request(config, choices, tmp_path / "run", (), "python -m nnreg"), [DiskSink()])
            history = read_history(tmp_path / "run")
            tables.append({name: history.series(f"outputs/{name}")[1] for name in activations.QUANTITIES})
        return {name: np.mean([table[name] for table in tables], axis=0) for name in activations.QUANTITIES}

    return look


NORMAL_1, NORMAL_001 = ({"name": "normal", "std": std} for std in (1.0, 0.01))
LECUN, HE = {"name": "lecun"}, {"name": "he"}


@pytest.mark.long
def test_sigmoid_with_wide_weights_saturates(outputs_of):
    edges = outputs_of("sigmoid", NORMAL_1, seeds=5)["edges"]
    assert ((edges > 0.64) & (edges < 0.78)).all()


@pytest.mark.long
def test_sigmoid_with_narrow_weights_says_nothing_more(outputs_of):
    found = outputs_of("sigmoid", NORMAL_001, seeds=5)
    np.testing.assert_allclose(found["std"][1:], 0.0125, atol=0.0015)
    np.testing.assert_allclose(found["mean"], 0.5, atol=0.003)


@pytest.mark.long
def test_sigmoid_with_lecun_weights_falls_and_then_stays(outputs_of):
    std = outputs_of("sigmoid", LECUN, seeds=5)["std"]
    np.testing.assert_allclose(std[0], 0.21, atol=0.01)
    np.testing.assert_allclose(std[1:], 0.12, atol=0.02)


@pytest.mark.long
def test_relu_decays_with_lecun_weights_and_lives_with_he_weights(outputs_of):
    narrow, wide = (outputs_of("relu", init, seeds=5)["std"] for init in (LECUN, HE))
    np.testing.assert_allclose(narrow, 0.584 * 0.5 ** (np.arange(5) / 2), rtol=0.1)  # √(½ − 1/2π), then halved variances
    assert (np.diff(narrow) < 0).all()
    assert ((wide > 0.75) & (wide < 0.95)).all()


def test_relu_halves_are_saturated_and_tanh_is_centred(outputs_of):
    np.testing.assert_allclose(outputs_of("relu", HE)["saturated"], 0.5, atol=0.05)
    np.testing.assert_allclose(outputs_of("tanh", LECUN)["mean"], 0, atol=0.02)


def test_batch_normalisation_keeps_what_narrow_weights_would_lose(outputs_of):
    bare = outputs_of("relu", NORMAL_001)["std"]
    kept = outputs_of("relu", NORMAL_001, norm={"name": "batch_norm"})["std"]
    assert bare[-1] < 1e-5
    np.testing.assert_allclose(kept, np.sqrt(0.5 - 0.5 / np.pi), atol=0.02)  # std of max(0, N(0, 1))


def test_the_numbers_are_those_of_plain_numpy(outputs_of, tmp_path):
    found = outputs_of("tanh", LECUN, hidden=[30, 20], batch=50, dtype="float64")
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(0).spawn(3)]
    y, expected = streams[1].standard_normal((50, 30)), []
    for fan_in, units in ((30, 30), (30, 20)):
        y = np.tanh(y @ (streams[0].standard_normal((fan_in, units)) / np.sqrt(fan_in)))
        expected.append((y.mean(), y.std(), np.mean(1 - y**2 <= 0.05), np.mean((y < 0.05) | (y > 0.95))))
    mean, std, saturated, edges = np.transpose(expected)
    np.testing.assert_allclose(found["mean"], mean)
    np.testing.assert_allclose(found["std"], std)
    np.testing.assert_allclose(found["saturated"], saturated)
    np.testing.assert_allclose(found["edges"], edges)
    layers, bounds = read_outputs(tmp_path / "run")
    assert bounds == pytest.approx((-1, 1))
    assert layers[1].sample[[0, -1]] == pytest.approx([y.min(), y.max()])


def test_units_that_never_fire_are_dead(outputs_of):
    found = outputs_of("relu", {"name": "constant", "value": -1.0}, hidden=[40, 40])
    assert found["dead"][1] == 1  # relu(noise) is never negative, so −Σ never is positive
    assert found["saturated"][1] == 1


@pytest.mark.parametrize("entry", entries.techniques("activation").values(), ids=lambda entry: entry.name)
def test_bounds_hold_every_output_and_are_met(entry):
    activation = entries.load_class(entry)()
    low, high = activations.bounds(activation)
    z = np.linspace(-300, 300, 5000)
    unit = one_unit(activation, z)
    if unit is None:  # it mixes units, and says nothing of one alone
        assert (low, high) == (-np.inf, np.inf)
        return
    y = unit.forward(z.reshape(-1, 1), training=False)
    assert y.min() >= low - 1e-9
    assert y.max() <= high + 1e-9
    bounded = {"sigmoid": (0, 1), "tanh": (-1, 1), "hard_tanh": (-1, 1), "step": (0, 1)}
    if entry.name in bounded:
        assert (low, high) == pytest.approx(bounded[entry.name], abs=1e-3)
    else:
        assert high == np.inf
    assert (low == -np.inf) == (entry.name in ("identity", "leaky_relu", "prelu", "rrelu"))


def test_outputs_that_overflow_fail_the_run_in_one_line(tmp_path):
    config = OmegaConf.create(CONFIG | {"activation": {"name": "relu"}, "init": {"name": "normal", "std": 1e30}})
    choices = {key: node["name"] for key, node in config.items() if key in entries.slots()}
    outcome = execute_task(Request(config, choices, tmp_path / "run", (), "python -m nnreg"), [DiskSink()])
    assert outcome.status == "failed"
    assert "outputs of layer 2 are not finite: use smaller initial weights" in outcome.error


def test_a_look_is_typed_in_one_line_and_told_in_a_table(nnreg, project):
    answer = nnreg("task=activations", "activation=sigmoid", "init=normal", "init.std=1", "hidden=[50,50,50]", "batch=200")
    assert answer.code == 0
    folder = next((project / "runs").iterdir())
    assert folder.name.endswith("sigmoid-normal")
    assert {"outputs.png", "outputs.npz", "summary.json"} <= {path.name for path in folder.iterdir()}
    for words in ("normal (std=1.0)", "50-50-50-50 untrained", "200 rows of N(0, 1)", "saturated", "dead units", "outputs.png"):
        assert words in answer.out
    assert [line.split()[0] for line in answer.out.splitlines() if line.strip()[:1].isdigit()] == ["1", "2", "3"]


@pytest.mark.long
def test_a_sweep_of_looks_ends_in_a_table_and_a_picture_with_a_row_a_run(nnreg, project):
    answer = nnreg("-m", "task=activations", "activation=sigmoid,relu", "init=he,lecun", "hidden=[20,20]", "batch=64")
    assert answer.code == 0
    (folder,) = (project / "runs").iterdir()
    assert f"picture       {folder / 'outputs.png'}" in answer.out
    assert "last std" in answer.out
    assert all(read_summary(folder / str(job))["task"] == "activations" for job in range(4))


@pytest.mark.long
def test_a_look_can_be_rerun_and_not_resumed(nnreg, project):
    nnreg("task=activations", "hidden=[20,20]", "batch=64", "norm=batch_norm", "seed=3")
    folder = next((project / "runs").iterdir())
    assert nnreg("rerun", str(folder)).code == 0
    first, second = (read_summary(path)["metrics"] for path in sorted((project / "runs").iterdir()))
    assert first == second
    assert "task=activations" in nnreg("resume", str(folder)).complaint


@pytest.mark.long
def test_a_look_at_an_activation_that_mixes_units_leaves_out_what_it_has_not(nnreg, project):
    sweep = nnreg("-m", "task=activations", "activation=glu,relu", "hidden=[20,20]", "batch=64", "hydra.sweep.dir=both")
    assert sweep.code == 0
    assert (project / "both" / "outputs.png").exists()
    answer = nnreg("task=activations", "activation=softmax", "hidden=[20,20]", "batch=64", "hydra.run.dir=one")
    assert answer.code == 0
    assert "saturated" not in answer.out
    assert set(read_summary(project / "one")["metrics"]) & {"outputs/saturated", "outputs/dead"} == set()
    (first, _), _ = read_outputs(project / "one")
    assert np.isnan(first.saturated)
    assert first.mean == pytest.approx(1 / 20)


def test_a_batch_too_small_for_its_norm_is_refused_in_one_line(nnreg):
    answer = nnreg("task=activations", "norm=batch_norm", "batch=1")
    assert answer.code == 2
    assert "norm=batch_norm cannot be trained with batch=1: use batch=2 or more" in answer.complaint
