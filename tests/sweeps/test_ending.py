"""What is printed of runs that cannot be compared: one row each, best first, whatever way each ended."""

import io
from pathlib import Path

from rich.console import Console

from nnreg.records.card import ENDINGS
from nnreg.sweeps.ending import table_of_runs


def test_a_table_of_single_runs_has_a_row_for_every_way_to_end_those_with_a_result_first():
    runs = {
        Path(str(place)): {
            "status": status,
            "job": place,
            "overrides": [f"seed={place}"],
            "metrics": {"final/train_loss": 0.5} if status == "finished" else {},
            "seconds": 1.0,
            "task": "train",
            "diverged_at_step": 3 if status == "diverged" else None,
        }
        for place, status in enumerate(reversed(ENDINGS))
    }
    paper = io.StringIO()
    Console(file=paper, width=120).print(table_of_runs(runs))
    _, first, *others = paper.getvalue().rstrip().splitlines()
    assert "0.5000" in first
    said = "\n".join(others)
    assert all(word in said for word in ("failed to train", "diverged at step 3", "pruned", "killed", "failed"))
