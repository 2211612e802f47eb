"""An answer about many runs, logged as a run: what it shares with them, and that it is quiet where nothing is tracked."""

from __future__ import annotations

import pytest

from nnreg.records.results import Results
from nnreg.tracking.sink import AnswerRun, common, log_answer
from tests.figures.runs import run


def test_only_what_all_runs_share_is_kept_in_nested_configurations_too():
    one = {"seed": 0, "steps": 5, "optimizer": {"name": "adam", "lr": 0.1}, "init": {"name": "he"}}
    other = {"seed": 1, "steps": 5, "optimizer": {"name": "sgd", "lr": 0.1}, "init": "he"}
    assert common([one, other]) == {"steps": 5, "optimizer": {"lr": 0.1}}
    assert common([one]) == one


def test_nothing_is_logged_where_runs_are_not_tracked(tmp_path):
    answer = AnswerRun("comparison", tmp_path, "python -m nnreg", "sweep", {"runs": 2})
    untracked = run({}, config={"tracking": "off"})
    for runs in (Results([]), Results([untracked])):
        assert log_answer(answer, runs, pytest.fail) == []
    assert list(tmp_path.iterdir()) == []
