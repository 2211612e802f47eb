"""What stays of the jobs of a sweep in the process that has it."""

import sys

import pytest

from tests.memory import measured

SWEEP = """
from nnreg.cli.main import run
from nnreg.sweeps.launchers.base import SerialLauncher

job, seen = SerialLauncher._run, []


def counted(self, each):
    returned = job(self, each)
    assert (returned.cfg, returned.hydra_cfg) == (None, None)
    with open("/proc/self/statm") as sizes:
        seen.append(int(sizes.read().split()[1]) * 4096 / 2**20)
    return returned


SerialLauncher._run = counted
code = run(["-m", "steps=20", "batch=32", "dataset=iris", "tracking=off", "seed=range(60)"])
print(f"grown {(seen[-1] - seen[29]) / 30}")
raise SystemExit(code)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_serial_sweep_gives_back_what_its_jobs_took(tmp_path):
    ended = measured(SWEEP, tmp_path)
    assert len(list(tmp_path.glob("runs/*/*/summary.json"))) == 60
    grown = float(next(line for line in ended.text.splitlines() if line.startswith("grown")).split()[1])
    assert grown < 0.1, f"{grown:.2f} MiB a run stay"  # 0.8 before
