"""A worker goes from job to job; one that dies costs its job alone."""

import os
import signal
import time
from dataclasses import dataclass

import pytest

from nnreg import process
from nnreg.sweeps.launchers import processes
from nnreg.sweeps.launchers.processes import Worker, first_ended
from nnreg.sweeps.launchers.work import Ended, Job


@dataclass(frozen=True)
class Odd:
    """Stands for a sweep: each job does what its first word says."""

    def run(self, job):
        if job.overrides[0] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job.overrides[0] == "leave":
            os._exit(3)
        return Ended(job, None, text=str(os.getpid()))


@pytest.fixture(params=["copies", pytest.param("no copies", marks=pytest.mark.extra("joblib"))])
def one(request, monkeypatch):
    if request.param == "no copies":
        monkeypatch.setattr(processes, "can_fork", lambda: False)
    elif not process.can_fork():
        pytest.skip("this process has threads; the sweeps of test_joblib.py copy theirs")
    place = Worker()
    yield place
    place.end()


def run(place, number, word, shared):
    place.begin(shared, Job(number, (word,)))
    assert first_ended([place], 60) == [place]
    return place.ended()


def test_one_process_does_one_job_after_the_other(one):
    odd = Odd()
    first, second = run(one, 0, "do", odd), run(one, 1, "do", odd)
    assert first.text == second.text != str(os.getpid())
    assert (first.job.number, second.job.number) == (0, 1)


@pytest.mark.parametrize(("word", "cause"), [("die", "SIGKILL"), ("leave", "exit code 3")])
def test_a_job_whose_process_ends_is_told_with_the_cause_and_the_next_has_a_new_one(one, word, cause):
    odd = Odd()
    before = run(one, 0, "do", odd)
    lost = run(one, 1, word, odd)
    assert lost.returned is None
    assert cause in lost.error
    after = run(one, 2, "do", odd)
    assert after.error is None
    assert after.text != before.text


@pytest.mark.long
def test_a_process_that_may_be_about_to_end_for_want_of_work_is_given_none(one, monkeypatch):
    odd = Odd()
    first = run(one, 0, "do", odd)
    monkeypatch.setattr(processes, "IDLE", 0.02)
    time.sleep(0.05)
    assert run(one, 1, "do", odd).text != first.text
