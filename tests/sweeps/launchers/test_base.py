"""What is written of a run whose process has died."""

from dataclasses import dataclass

import pytest
from omegaconf import OmegaConf

from nnreg.records.folder import DiskSink, read_facts
from nnreg.runs import attempt
from nnreg.runs.assembly import assemble
from nnreg.runs.request import Request, describe
from nnreg.sweeps.launchers import base
from nnreg.sweeps.launchers.work import Job
from tests.runs.test_train import CONFIG


@dataclass(frozen=True)
class Sweep:
    """Stands for what the jobs of a sweep have in common."""

    asked: Request

    def request(self, job):
        return self.asked


@pytest.fixture
def sweep(tmp_path):
    config = OmegaConf.create({**CONFIG, "tracking": "off"})
    choices = {key: value["name"] for key, value in CONFIG.items() if isinstance(value, dict)}
    return Sweep(Request(config, choices, tmp_path / "sweep" / "0", ("steps=20",), "python -m nnreg", sweep_id="sweep", job=0))


def test_what_the_process_wrote_of_its_run_stays(sweep):
    request = sweep.asked
    sink = DiskSink()
    sink.open(describe(request, assemble(request.config, request.choices)))
    sink._file.close()  # here the process died
    began = read_facts(request.folder)
    base.record(sweep, Job(0, ()), "its process died (SIGKILL)")
    ended = read_facts(request.folder)
    assert (ended["status"], ended["error"]) == ("failed", "its process died (SIGKILL)")
    assert (ended["dataset"]["name"], ended["parameters"]) == ("digits", 610)
    assert {key: ended[key] for key in began if key != "status"} == {key: began[key] for key in began if key != "status"}


def test_a_process_that_wrote_nothing_leaves_its_error_as_the_traceback(sweep):
    base.record(sweep, Job(0, ()), "its process died (SIGKILL)")
    assert read_facts(sweep.asked.folder)["status"] == "failed"
    assert (sweep.asked.folder / attempt.TRACEBACK).read_text() == "nnreg.errors.UserError: its process died (SIGKILL)\n"
