"""``hydra/launcher=joblib``: the same runs on all cores of this machine."""

import os
import signal

import pytest

from tests.sweeps.launchers.conftest import ALL, check_all

pytestmark = [pytest.mark.slow, pytest.mark.extra("joblib")]
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


@pytest.mark.long
def test_runs_are_those_of_the_basic_launcher_and_a_dying_worker_costs_its_own_alone(place, basic):
    swept = place.sweep(ALL, *JOBLIB, "tracking=mlflow")
    check_all(swept, basic)
    assert swept.runs["killer 0"]["error"] == "its process died (SIGKILL); `python -m nnreg resume FOLDER` goes on with it"
    assert swept.tracked == {"sgd": "FINISHED", "mine": "FINISHED", "probe": "FINISHED", "raiser": "FAILED", "killer": "KILLED"}
    assert swept.err == ""
    assert os.getpid() not in {seen["pid"] for seen in swept.probes}


@pytest.mark.long
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGKILL], ids=lambda told: told.name)
def test_an_ended_sweep_takes_its_workers_along_and_their_runs_are_recorded_as_killed(place, told):
    swept, left = place.interrupt(*JOBLIB, with_signal=told)
    assert left == []
    assert {name: summary["status"] for name, summary in swept.runs.items()} == {"sgd 1": "killed", "sgd 2": "killed"}
    assert swept.code == (130 if told != signal.SIGKILL else -told)
    if told != signal.SIGKILL:
        assert [line.split()[1] for line in swept.lines] == ["KILLED", "KILLED"]
        assert len(swept.err.strip().splitlines()) == 1, swept.err


def test_a_setting_of_joblib_that_would_do_nothing_is_refused(place):
    swept = place.sweep("seed=1,2", *JOBLIB, "hydra.launcher.batch_size=4")
    assert (swept.code, swept.out) == (2, "")
    assert swept.err.startswith("nnreg: hydra.launcher.batch_size has no meaning here: every run has a process to itself, ")
    assert list(place.project.iterdir()) == []
