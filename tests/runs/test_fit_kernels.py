"""What ``kernels=auto`` chooses, and that a run and a sweep keep to it."""

import json

import pytest
import yaml

from nnreg.engine import numerics
from nnreg.records.card import config_hash
from nnreg.runs import assembly, fit
from nnreg.runs.fit import CALLS, ENOUGH, PRODUCTS, chosen_kernels
from nnreg.settings import Settings

BATCH, WEIGHTS = 100, 10_000
JUST = int(ENOUGH / (PRODUCTS * BATCH * WEIGHTS + CALLS)) + 1  # steps
TINY = ("dataset=digits", "hidden=[8]", "batch=16", "steps=3", "tracking=off")


@pytest.mark.parametrize(
    ("steps", "runs", "kernels"),
    [(JUST, 1, "numba"), (JUST - 1, 1, "numpy"), (JUST // 10, 11, "numba"), (JUST // 10, 9, "numpy")],
)
def test_a_run_or_a_sweep_that_is_long_enough_is_compiled_where_numba_is(steps, runs, kernels, monkeypatch):
    monkeypatch.setattr(numerics, "has_numba", lambda: True)
    settings = Settings(steps=steps, batch=BATCH)
    assert chosen_kernels(settings, lambda: WEIGHTS, runs) == kernels
    monkeypatch.setattr(numerics, "has_numba", lambda: False)
    assert chosen_kernels(settings, lambda: WEIGHTS, runs) == "numpy"


def test_what_was_asked_for_is_taken():
    assert [chosen_kernels(Settings(kernels=kernels), lambda: 1) for kernels in ("numpy", "numba")] == ["numpy", "numba"]


def test_auto_and_what_it_chose_have_one_hash():
    assert len({config_hash({"kernels": kernels, "seed": 1}) for kernels in ("auto", "numpy", "numba")}) == 1


def kernels_in(folder):
    return yaml.safe_load((folder / "config.yaml").read_text())["kernels"]


def test_a_short_run_computes_by_numpy_and_writes_it_down(nnreg, project):
    assert nnreg(*TINY, "hydra.run.dir=a").code == 0
    assert kernels_in(project / "a") == "numpy"


@pytest.mark.slow
@pytest.mark.extra("fast")
def test_a_run_that_was_compiled_says_so_and_goes_on_so(nnreg, project, monkeypatch):
    monkeypatch.setattr(fit, "ENOUGH", 1.0)
    said = nnreg(*TINY, "hydra.run.dir=a")
    assert said.code == 0, said.err
    assert "compiled by numba" in " ".join(said.out.split())
    assert kernels_in(project / "a") == "numba"
    monkeypatch.setattr(numerics, "has_numba", lambda: False)
    again = nnreg("rerun", "a")
    assert again.code == 2
    assert "kernels=numba needs numba" in again.err


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.extra("fast")
def test_all_runs_of_a_sweep_compute_by_what_its_first_one_chose(nnreg, project, monkeypatch):
    monkeypatch.setattr(fit, "ENOUGH", 4 * 3 * (PRODUCTS * 16 * 64 * 8 + CALLS))  # four such runs are enough, two are not
    assert nnreg("-m", *TINY, "hidden=[8],[1]", "seed=1", "hydra.sweep.dir=few").code == 0
    assert nnreg("-m", *TINY, "hidden=[8],[1]", "seed=1,2", "hydra.sweep.dir=many").code == 0
    for sweep, kernels, runs in (("few", "numpy", 2), ("many", "numba", 4)):
        assert json.loads((project / sweep / "sweep.json").read_text())["kernels"] == kernels
        assert [kernels_in(project / sweep / str(job)) for job in range(runs)] == [kernels] * runs


@pytest.mark.long
def test_a_convolution_counts_at_every_place_where_it_is_laid(nnreg, monkeypatch):
    """Of digits, 8 x 8: 3 x 3 to 16 channels at 64 places, 3 x 3 x 16 to 32 at 16, and what is left to 8 and 10 at one."""
    counted = []
    monkeypatch.setattr(assembly, "chosen_kernels", lambda _, a_row, *runs: counted.append(a_row()) or "numpy")
    assert nnreg("-m", *TINY, "network=convolutional", "seed=1,2", "hydra.sweep.dir=a").code == 0
    told = 64 * 9 * 16 + 16 * 9 * 16 * 32 + 2 * 2 * 32 * 8 + 8 * 10
    assert counted == [told] * 3  # for the sweep, and for each run
