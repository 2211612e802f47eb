"""What a comparison of very many runs takes of time and memory, and what its report is like."""

import json

import numpy as np
import pytest

from tests.comparison.sweeps import sweep
from tests.memory import measured

COMPARE = """
from nnreg.cli.main import run

raise SystemExit(run(["compare", "runs/many_sweep"]))
"""


@pytest.mark.long
def test_a_thousand_runs_are_compared_in_seconds_and_500_mib(tmp_path):
    draw = np.random.default_rng(0)
    curve = (np.exp(-np.arange(300) / 100) + 0.1 * draw.random(300)).tolist()
    rates = np.geomspace(1e-4, 1, 25).round(6).tolist()
    arms = [(f"optimizer={rule}", f"optimizer.lr={rate}") for rule in ("sgd", "adam") for rate in rates]
    losses = {arm: (0.3 + 0.01 * place + 0.05 * draw.random(20)).tolist() for place, arm in enumerate(arms)}
    home = sweep(tmp_path / "runs" / "many_sweep", losses, curves={"train/loss": curve, "valid/accuracy": [0.5, 0.8]})
    ended = measured(COMPARE, tmp_path)
    assert ended.seconds < 40, "seconds of processor time: 10 where nobody else works, half as many again where others do"
    assert ended.peak < 500
    assert "sgd (lr 0.0001) beats adam (lr 0.0001)" in ended.text
    assert len(json.loads((home / "comparison" / "comparison.json").read_text())["table"]) == len(arms)
    assert (home / "comparison" / "report.html").stat().st_size < 2 << 20
