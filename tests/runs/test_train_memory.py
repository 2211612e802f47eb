"""What a very long run takes of memory."""

import pytest

from nnreg.records.folder import read_history
from tests.memory import measured

LONG = """
from nnreg.cli.main import run

words = "steps=1000000 hidden=[4] dataset=iris batch=8 tracking=off checkpoint_seconds=null validate_every=100000"
raise SystemExit(run(words.split()))
"""


@pytest.mark.long
def test_a_run_of_a_million_steps_peaks_under_400_mib(tmp_path):
    ended = measured(LONG, tmp_path)
    (folder,) = tmp_path.glob("runs/*")
    assert read_history(folder).size > 1_000_000
    assert ended.peak < 400  # 557 before
