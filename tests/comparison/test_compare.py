"""A comparison as one object: its tables, its figures, its folder, and what cannot be asked of it."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics

import pytest
from matplotlib.text import Text
from rich.console import Console

from nnreg.comparison.compare import compare, show_comparison
from nnreg.errors import UserError
from tests.comparison.sweeps import leave, sweep

# Geometric mean of 1, 2, 3 and of 11, 12, 13, and half the width of their intervals: Student's of the logarithms
MEANS = [6 ** (1 / 3), 1716 ** (1 / 3)]
HALVES = [
    mean * math.sinh(4.302652730 * statistics.stdev(map(math.log, values)) / math.sqrt(3))
    for mean, values in zip(MEANS, ([1, 2, 3], [11, 12, 13]), strict=True)
]


@pytest.fixture
def two(tmp_path):
    """A sweep of two optimizers that differ by 10 at each of three seeds."""
    return sweep(tmp_path / "sweep", {("optimizer=adam",): [1.0, 2.0, 3.0], ("optimizer=sgd",): [11.0, 12.0, 13.0]})


@pytest.fixture
def grid(tmp_path):
    """A sweep of two optimizers and two inits."""
    losses = {("adam", "he"): 1.0, ("adam", "normal"): 2.0, ("sgd", "he"): 3.0, ("sgd", "normal"): 4.0}
    jobs = {(f"optimizer={one}", f"init={other}"): [loss, 1.1 * loss, 1.2 * loss] for (one, other), loss in losses.items()}
    return sweep(tmp_path / "grid", jobs)


def test_a_table_has_a_row_an_arm_best_first_with_half_the_interval_of_each_mean(two):
    table = compare([two]).table()
    assert list(table["arm"]) == ["adam", "sgd"]
    assert list(table["optimizer"]) == ["adam", "sgd"]
    assert list(table["final/train_loss"]) == pytest.approx(MEANS)
    assert list(table["final/train_loss_half"]) == pytest.approx(HALVES, rel=1e-6)
    assert list(table["runs"]) == list(table["finished"]) == [3, 3]


def test_pairs_have_a_row_for_every_two_arms_and_for_every_two_values_of_each_setting(grid):
    pairs = compare([grid]).pairs()
    assert list(pairs["of"]) == ["arm"] * 6 + ["optimizer", "init"] + ["arm"] * 6
    assert list(pairs["metric"]) == ["final/train_loss"] * 8 + ["valid/loss_final"] * 6
    row = pairs[pairs["of"] == "optimizer"].iloc[0]
    assert (row["a"], row["b"], row["winner"], row["compared_as"]) == ("adam", "sgd", "adam", "ratio")
    assert row["a_to_b"] == pytest.approx(math.sqrt(1 * 2 / (3 * 4)))
    assert row["low"] <= row["a_to_b"] <= row["high"] < 1
    assert (row["seeds"], bool(row["paired"]), row["why_none"]) == (3, True, "")
    assert row["p"] <= row["p_holm"] < 1e-6


def test_a_diverged_run_is_counted_and_its_missing_mean_is_empty(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [None, None]})
    table = compare([home]).table()
    assert list(table["diverged"]) == [0, 2]
    assert math.isnan(table["final/train_loss"][1])


def test_a_metric_may_be_named_without_saying_final(two):
    assert compare([two], metric="valid/loss").metric == "valid/loss_final"
    assert compare([two], metric="valid/accuracy_best").metric == "valid/accuracy_best"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metric": "valid/los"}, "no run has the metric 'valid/los'"),
        ({"axes": ("optimizer", "seed")}, "'seed' was not swept"),
        ({"axes": ("optimizer", "int")}, "did you mean 'init'"),
        ({"axes": ("init", "init")}, "two different settings"),
        ({"target": "valid/accuracy"}, "type it as metric=value"),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_line(grid, asked, said):
    with pytest.raises(UserError, match=said):
        compare([grid], **asked)


def test_arms_on_one_dataset_stand_together_as_numbers_on_another_mean_something_else(tmp_path):
    losses = {("wine", "adam"): 5.0, ("wine", "sgd"): 1.0, ("iris", "adam"): 2.0, ("iris", "sgd"): 4.0}
    jobs = {(f"dataset={data}", f"optimizer={rule}"): [loss, loss + 0.1] for (data, rule), loss in losses.items()}
    compared = compare([sweep(tmp_path / "sweep", jobs)])
    assert [each.arm.name for each in compared.standings] == ["wine, sgd", "wine, adam", "iris, adam", "iris, sgd"]
    assert set(compared.figures()) >= {"curves", "profile", "heatmap"}
    assert "wins" not in compared.figures(), "nobody wins: it would be grey all over"


def test_the_figures_are_those_that_the_runs_have(two, grid, tmp_path):
    assert "heatmap" not in compare([two]).figures()
    assert set(compare([grid]).figures()) == {"curves", "standings", "ahead", "wins", "heatmap", "validation", "target"}
    rates = sweep(tmp_path / "rates", {("optimizer.lr=0.1",): [1.0, 2.0], ("optimizer.lr=1.0",): [3.0, 4.0]})
    assert "sensitivity" in compare([rates]).figures()
    alone = sweep(tmp_path / "alone", {("optimizer=adam",): [1.0]})
    assert set(compare([alone]).figures()) == {"curves", "validation"}


def test_every_figure_says_below_itself_how_it_came_about(grid):
    for figure in compare([grid]).figures().values():
        words = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
        assert "3 seeds, the same for every arm" in words


def test_a_saved_comparison_is_a_report_pictures_and_tables_that_agree(grid, tmp_path):
    compared = compare([grid])
    page = compared.save(tmp_path / "out")
    assert page == tmp_path / "out" / "report.html"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"report.html", "table.csv", "pairs.csv", "comparison.json"} | {
        f"{name}.png" for name in compared.figures()
    }
    with (tmp_path / "out" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["arm"] for row in rows] == list(compared.table()["arm"])
    assert [float(row["final/train_loss"]) for row in rows] == list(compared.table()["final/train_loss"])
    content = json.loads((tmp_path / "out" / "comparison.json").read_text(), parse_constant=pytest.fail)
    assert content["answer"] == compared.answers
    assert len(content["pairs"]) == len(compared.pairs())


@pytest.mark.long
def test_saving_again_leaves_no_picture_of_an_earlier_comparison_and_no_file_of_ones_own_is_lost(grid, two, tmp_path):
    compare([grid]).save(tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    compare([two]).save(tmp_path / "out")
    assert not (tmp_path / "out" / "heatmap.png").exists()
    assert (tmp_path / "out" / "mine.txt").exists()


def test_saving_again_removes_what_an_earlier_version_wrote_and_this_one_does_not(two, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "overview.png").write_bytes(b"of the version before")
    (tmp_path / "out" / "comparison.json").write_text(json.dumps({"files": ["overview.png", "comparison.json"]}))
    compare([two]).save(tmp_path / "out")
    assert not (tmp_path / "out" / "overview.png").exists()


def test_a_file_list_that_points_elsewhere_is_no_order_to_delete(two, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "precious.txt").write_text("keep me")
    (tmp_path / "out" / "comparison.json").write_text(
        json.dumps({"files": ["../precious.txt", str(tmp_path / "precious.txt")]})
    )
    compare([two]).save(tmp_path / "out")
    assert (tmp_path / "precious.txt").exists()


def test_printed_it_is_table_and_answer_and_in_a_notebook_the_same_as_html(two):
    compared = compare([two])
    lines = str(compared).splitlines()
    assert lines[0].split()[:2] == ["#", "optimizer"]
    assert [line.split()[1] for line in lines[1:3]] == ["adam", "sgd"]
    assert lines[3:] == compared.answers
    assert [line.partition(":")[0] for line in lines[3:]] == ["Training", "Validation"]
    assert all(line in compared._repr_html_().replace("&#39;", "'") for line in compared.answers)
    assert compared._repr_html_().count("<tr>") == 3


def test_a_study_metric_that_only_some_arms_have_leaves_the_others_empty(tmp_path):
    home = tmp_path / "sweep"
    leave(home / "0", ["optimizer=adam"], metrics={"final/train_loss": 1.0, "valid/accuracy_final": 0.5})
    leave(home / "1", ["optimizer=sgd"], metrics={"final/train_loss": 2.0})
    table = compare([home], metric="valid/accuracy_final").table()
    assert list(table["arm"]) == ["adam", "sgd"]
    assert math.isnan(table["valid/accuracy_final"][1])


def test_a_study_of_arms_and_a_setting_compares_all_of_them_and_each_by_itself(tmp_path):
    jobs = {
        ("optimizer=adam", "init=normal", f"init.std={std}"): [loss, 1.1 * loss, 1.2 * loss]
        for std, loss in ((1, 1.0), (2, 3.0), (3, 5.0))
    } | {
        ("optimizer=sgd", "init=normal", f"init.std={std}"): [loss, 1.1 * loss, 1.2 * loss]
        for std, loss in ((1, 2.0), (2, 4.0), (3, 6.0))
    }
    home = sweep(tmp_path / "study1", jobs)
    (home / "study").mkdir()
    arms = {str(number): "Fast" if number < 9 else "Slow" for number in range(18)}
    (home / "study" / "study.json").write_text(json.dumps({"arms": arms}))
    compared = compare([home])
    table, pairs = compared.table(), compared.pairs()
    names = [f"{arm}, std {std}" for std in (1, 2, 3) for arm in ("Fast", "Slow")]
    assert list(table["arm"]) == names
    assert list(table["study.arm"]) == ["Fast", "Slow"] * 3
    assert list(pairs["of"]) == ["arm"] * 15 + ["study.arm"] + ["init.std"] * 3 + ["arm"] * 15
    assert {*pairs["a"][:15], *pairs["b"][:15]} == set(names)
    (fast,) = pairs[pairs["of"] == "study.arm"].to_dict("records")
    assert (fast["a"], fast["b"], fast["winner"]) == ("Fast", "Slow", "Fast")
    assert fast["a_to_b"] == pytest.approx((1 * 3 * 5 / (2 * 4 * 6)) ** (1 / 3))
    shown = compared.save(tmp_path / "report").read_text()
    assert shown.count(">every arm<") == 1
    assert "each study arm" in shown
    console = Console(record=True, width=160, file=io.StringIO())
    show_comparison(compared, console)
    (heading,) = [line for line in console.export_text().splitlines() if line.split()[:1] == ["#"]]
    assert heading.split()[1:3] == ["arm", "init.std"]


def test_parameters_of_a_dataset_are_no_rivals_either(tmp_path):
    losses = {("adam", 0.1): 1.0, ("sgd", 0.1): 2.0, ("adam", 0.3): 5.0, ("sgd", 0.3): 4.0}
    jobs = {
        ("dataset=moons", f"dataset.noise={noise}", f"optimizer={optimizer}"): [loss, 1.1 * loss, 1.2 * loss]
        for (optimizer, noise), loss in losses.items()
    }
    compared = compare([sweep(tmp_path / "sweep", jobs)])
    assert [each.arm.name for each in compared.standings] == [
        "noise 0.1, adam",
        "noise 0.1, sgd",
        "noise 0.3, sgd",
        "noise 0.3, adam",
    ]
    assert compared.target is None, "what is easy on one is out of reach on another"
    assert list(compared.pairs()["of"]) == ["arm", "arm", "optimizer", "arm", "arm"]
    assert [profile.problems for profile in compared.profiles] == [6, 6]
    assert compared.answer.startswith("Training: on noise 0.1, adam beats sgd in final training loss over 3 seeds: 0.50 times")
    page = compared.save(tmp_path / "report").read_text()
    assert "Which optimizer is best on which dataset noise?" in page
    assert "Colours and frames are within each dataset noise." in page


def test_an_axis_of_ones_own_yaml_gives_curves_their_colours(tmp_path):
    jobs = {(f"+mine={mine}", f"hidden=[{width}]"): [1.0, 1.1] for mine in ("a", "b") for width in (4, 8, 16)}
    compared = compare([sweep(tmp_path / "sweep", jobs)])
    assert compared.save(tmp_path / "report").is_file()


@pytest.mark.long
def test_three_techniques_over_datasets_have_a_picture_of_their_ranks(tmp_path):
    losses = {"sgd": 0.9, "adam": 0.3, "momentum": 0.6}
    jobs = {
        (f"dataset={data}", f"optimizer={rule}"): [loss * size, loss * size * 1.1, loss * size * 1.2]
        for data, size in (("iris", 1.0), ("wine", 2.0), ("moons", 0.1))
        for rule, loss in losses.items()
    }
    compared = compare([sweep(tmp_path / "sweep", jobs)])
    texts = [text.get_text() for text in compared.figures()["ranks"].findobj(Text)]
    assert "mean rank over 3 datasets (1 is the best)" in texts
    assert [text for text in texts if text in losses] == ["adam", "momentum", "sgd"]
    assert compared.save(tmp_path / "answer").with_name("ranks.png").exists()


def test_an_answer_is_folded_between_words_in_a_terminal_and_whole_in_a_pipe(two):
    compared = compare([two])
    shown = {}
    for is_terminal in (True, False):
        out = io.StringIO()
        show_comparison(compared, Console(file=out, width=60, force_terminal=is_terminal, color_system=None))
        shown[is_terminal] = out.getvalue()
    assert all(line in shown[False].splitlines() for line in compared.answers)
    assert max(map(len, compared.answers)) > 60
    assert max(len(line.rstrip()) for line in shown[True].splitlines()) <= 60
    assert shown[True].split() == shown[False].split()
