"""The tables of the report: what is said of the first row, and of the others against it."""

import pytest

from nnreg.comparison.compare import compare
from nnreg.comparison.report.panels import standings
from tests.comparison.sweeps import leave, sweep


def against(tmp_path, **losses):
    """Return what each arm's cell against the best says, best first."""
    found = compare([sweep(tmp_path / "sweep", {(f"optimizer={rule}",): each for rule, each in losses.items()})])
    table = standings(found)
    place = [column["label"] for column in table["columns"]].index("against the best")
    return [(row[1]["text"], row[place]["text"]) for row in table["rows"]]


@pytest.mark.parametrize(
    ("adam", "sgd", "said"),
    [
        ([0.1, 0.11, 0.12], [0.2, 0.22, 0.24], [("adam", "the best"), ("sgd", "2.0×")]),
        ([0.1, 0.2, 0.3], [0.3, 0.1, 0.25], [("adam", "may be the best"), ("sgd", "cannot tell")]),
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], [("adam", "may be the best"), ("sgd", "the same at every seed")]),
        ([0.1], [0.2], [("adam", "ahead"), ("sgd", "no interval")]),
        ([None, None], [None, None], [("adam", "–"), ("sgd", "–")]),
    ],
)
def test_the_first_row_is_the_best_only_where_it_is(tmp_path, adam, sgd, said):
    assert against(tmp_path, adam=adam, sgd=sgd) == said


def test_lost_runs_stand_beside_the_count_with_the_exact_interval_of_their_share(tmp_path):
    found = compare(
        [sweep(tmp_path / "sweep", {("optimizer=adam",): [0.1] * 5, ("optimizer=sgd",): [0.2, 0.2, 0.2, None, None]})]
    )
    notes = {row[1]["text"]: row[-1]["note"] for row in standings(found)["rows"]}
    assert notes == {"adam": "", "sgd": "(2 diverged; 5 to 85 %)"}, "by the table of Clopper and Pearson, .053 to .853"
    assert "2 of 5 diverged (5 to 85 %)" in str(found)


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        ([10, 20, 30], ("20", "(10 to 30)")),
        ([10, 20, None], ("20", "(from 10, 2 of 3)")),
        ([10, None, None], ("1 of 3", "(from 10)")),
        ([None, None, None], ("not reached", "")),
    ],
)
def test_steps_to_the_target_are_a_median_and_a_range_and_say_who_did_not_reach_it(tmp_path, reached, said):
    """The loss falls to the target at a step, or stays above it; the second arm reaches it at once."""
    for place, step in enumerate(reached):
        falls = [2.0] * (step or 40) + [0.1] * (40 - (step or 40))
        leave(tmp_path / "sweep" / str(place), ["optimizer=adam"], seed=place, curves={"valid/loss": falls})
        leave(tmp_path / "sweep" / f"1{place}", ["optimizer=sgd"], seed=place, curves={"valid/loss": [0.1] * 40})
    table = standings(compare([tmp_path / "sweep"], target="valid/loss=0.5"))
    column = [each["label"] for each in table["columns"]].index("steps to target")
    cells = {row[1]["text"]: (row[column]["text"], row[column]["note"]) for row in table["rows"]}
    assert cells == {"adam": said, "sgd": ("0", "")}
