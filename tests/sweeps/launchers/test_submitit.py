"""``hydra/launcher=submitit_local``: the same runs, as jobs of a queue."""

import pytest

from tests.sweeps.launchers.conftest import ALL, check_all

pytestmark = [pytest.mark.slow, pytest.mark.extra("submitit")]


@pytest.mark.long
def test_runs_are_those_of_the_basic_launcher_and_a_dying_job_costs_its_own_alone(place, basic):
    swept = place.sweep(ALL, "hydra/launcher=submitit_local", "tracking=off")
    check_all(swept, basic)
    assert swept.err == ""


@pytest.mark.long
def test_ctrl_c_ends_the_jobs_and_their_runs_are_recorded_as_killed(place):
    swept, left = place.interrupt("hydra/launcher=submitit_local")
    assert (swept.code, left) == (130, [])
    assert {summary["status"] for summary in swept.runs.values()} == {"killed"}
