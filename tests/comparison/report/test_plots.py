"""The figures of a comparison: who wins, rows with intervals, learning rates, profiles, panels of curves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from nnreg.comparison.chance import Typical
from nnreg.comparison.judging import Ruler
from nnreg.comparison.pairs import Difference, Matrix
from nnreg.comparison.profiles import Profile, Sensitivity
from nnreg.comparison.report.forest import Distance, Forest
from nnreg.comparison.report.plots import BETTER, OPEN, WORSE, Column, Row, ahead, profile, rates, rows, wins
from nnreg.comparison.report.views import ProfileView, RatesView, WinsView
from nnreg.comparison.standings import Measured
from nnreg.figures.curves import Facet, overlays
from nnreg.figures.groups import Group
from nnreg.figures.page import INK
from nnreg.records.metrics import signed, with_half
from tests.figures.runs import overlaps, run, runs, texts

NONE = Measured({}, math.nan, None)


def measured(mean, half=0.1):
    return Measured({0: mean - 0.01, 1: mean + 0.01}, mean, half, mean - half, mean + half)


HALVED = Typical(math.log(0.5), 0.1, 4, 5)  # its interval: .5 times e to ± .1 of Student's 2.776


def matrix(count=2, typical=HALVED, **ruler):
    names = [f"arm {number}" for number in range(count)]
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    made = Ruler(**{"scale": "ratio"} | ruler)
    differences = [Difference(a, b, math.log(0.5), typical, made, 5, paired=True, p=0.01, winner=a if typical else "")
                   for a, b in pairs]  # fmt: skip
    return Matrix("final/train_loss", "arm", names, differences, "95 % interval each")


def view(matrix, quantity="final training loss"):
    return WinsView("Which beats which?", "every arm", matrix, quantity, "", "row divided by column", chosen=True)


def rates_view(*curves):
    return RatesView("How much?", "", "final/train_loss", "loss", curves, log=False)


def colours_of(figure):
    """Return the colour of each cell of a win matrix by its row and column."""
    cells = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return {tuple(map(round, patch.get_center()[::-1])): to_hex(patch.get_facecolor()) for patch in cells}


def test_a_row_that_wins_is_blue_one_that_loses_orange_and_both_say_by_how_much():
    figure = wins(view(matrix()), "line").figure
    assert colours_of(figure) == {(0, 1): BETTER, (1, 0): WORSE}
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.50\n0.38 to 0.66", "2.0\n1.5 to 2.6"]
    assert "1 · 0 · 0" in texts(figure)
    assert "0 · 0 · 1" in texts(figure)


@pytest.mark.parametrize("higher", [False, True])
def test_plus_is_better_whatever_is_compared_as_a_difference(higher):
    """The first is 0.69 lower: worse where more is better, and better where less is."""
    apart = Typical(-0.5, 0.1 / 2.776, 4, 5)
    figure = wins(view(matrix(typical=apart, scale="difference", higher=higher)), "line").figure
    first, second = ("−", "+") if higher else ("+", "−")
    assert [text.get_text() for text in figure.axes[0].texts] == [f"{first}0.69\n± 0.10", f"{second}0.69\n± 0.10"]


def distances(*, is_ratio=True):
    """Return one that is decided, one that is open and reaches beyond the axis, and one that was lost."""
    told = Distance("sgd", "sgd", [1], 4.0, 3.0, 5.0, "4.0", "3.0 to 5.0", "worse", is_open=False, seeds="")
    still = Distance(
        "lion", "lion", [2], 2.0, 1e-6, 1e6, "2.0", "<1e-6 to >1e6", "cannot be told apart", is_open=True, seeds="9"
    )
    lost = Distance("lars", "lars", [3], math.nan, math.nan, math.nan, "", "", "worse", is_open=False, seeds="")
    return Forest("", "adam", "adam", [0], [told, still, lost], is_ratio, may_be=True)


def test_distances_are_filled_where_decided_and_no_interval_hides_the_others():
    colours = ["#0051f6", "#701439", "#00a4a1", "#686101"]
    figure = ahead(distances(), view(matrix(4)), colours, "How far?", "line").figure
    (axes,) = figure.axes
    dots = {
        round(line.get_xdata()[0], 6): to_hex(line.get_markerfacecolor()) for line in axes.lines if line.get_marker() == "o"
    }
    assert dots == {4.0: "#701439", 2.0: "#ffffff"}
    low, high = axes.get_xlim()
    assert 0.1 < low < 1 < 4 < high < 20
    assert axes.get_xscale() == "log"
    assert all(words in texts(figure) for words in ("adam", "sgd", "lion", "lars", "leads", "4.0× 3.0 to 5.0"))
    figure.canvas.draw()
    assert not overlaps(figure.findobj(Text))


def test_of_differences_the_axis_is_linear_and_says_which_side_is_better():
    figure = ahead(distances(is_ratio=False), view(matrix(4)), ["#0051f6"] * 4, "How far?", "line").figure
    assert figure.axes[0].get_xscale() == "linear"
    assert figure.axes[0].get_xlabel().endswith("more is better")


def test_one_seed_leaves_every_cell_open():
    figure = wins(view(matrix(typical=None)), "line").figure
    assert set(colours_of(figure).values()) == {OPEN}
    assert "no interval" in texts(figure)


def test_many_arms_have_signs_in_place_of_numbers():
    figure = wins(view(matrix(20)), "line").figure
    assert {text.get_text() for text in figure.axes[0].texts} == {"+", "−"}


@pytest.mark.parametrize("count", [2, 8, 9, 20])
def test_the_words_of_a_win_matrix_do_not_lie_upon_each_other(count):
    figure = wins(view(matrix(count), "final training loss (cross-entropy, nats)"), "line").figure
    figure.canvas.draw()
    labels = [*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()]
    assert overlaps([*figure.texts, *figure.axes[0].texts, *labels]) == []


def test_a_row_says_its_mean_and_what_was_lost_and_a_missing_mean_is_said():
    made = [Row("adam", "#ff0000", [measured(0.5)]), Row("sgd", "#00ff00", [NONE], "2 of 2 diverged")]
    words = texts(rows(made, [Column("final/train_loss", "loss")], "Which?", "", "line").figure)
    for said in ("adam", "0.50 ± 0.10", "2 of 2 diverged"):
        assert said in words
    assert "reached" not in words


def test_a_row_says_median_and_range_of_the_steps_to_the_target_and_what_did_not_reach_it():
    never, some, one = NONE, Measured({0: 30.0, 1: 10.0}, 30.0, None, 10.0, math.inf), Measured({0: 7.0}, 7.0, None, 7.0, 7.0)
    made = [Row(name, "#ff0000", [value]) for name, value in (("a", never), ("b", some), ("c", one))]
    words = texts(rows(made, [Column("steps", "steps", is_to_target=True)], "Which?", "", "line").figure)
    for said in ("not reached", "30 (10 to not reached)", "7"):
        assert said in words.splitlines()


def test_an_interval_of_two_seeds_does_not_push_the_runs_into_a_corner():
    made = [Row("adam", "#ff0000", [measured(1.0, half=400.0)]), Row("sgd", "#00ff00", [measured(2.0)])]
    low, high = rows(made, [Column("steps", "steps")], "Which?", "", "line").figure.axes[0].get_xlim()
    assert 0 < low < 0.99
    assert 2.01 < high < 3


def test_only_so_many_rows_are_drawn_and_the_figure_says_so():
    made = [Row(f"arm {number}", "#ff0000", [measured(number + 1.0)]) for number in range(70)]
    assert "The first 60 of 70 are shown." in texts(rows(made, [Column("seconds", "s")], "Which?", "", "line").figure)


@pytest.mark.parametrize("values", [[NONE], [measured(1.0)], [measured(0.0)], [measured(1e-9), measured(1e9)]])
def test_poor_rows_can_be_drawn_too(values, tmp_path):
    made = [Row(f"arm {place}", "#ff0000", [value]) for place, value in enumerate(values)]
    rows(made, [Column("valid/accuracy_final", "accuracy")], "Which?", "", "line").figure.savefig(tmp_path / "figure.png")


def sensitivity(**changes):
    facts = {"values": [measured(1.0), measured(0.1), NONE], "diverged": [0, 0, 2], "best": 1, "at_edge": False}
    return Sensitivity("sgd", "#123456", rates=[0.01, 0.1, 1.0], **facts | changes)


def marks(figure, marker):
    lines = [line for line in figure.axes[0].lines if line.get_marker() == marker]
    return [(float(line.get_xdata()[0]), line) for line in lines if len(line.get_xdata()) == 1]


def test_the_best_rate_is_ringed_and_a_rate_where_all_was_lost_has_a_cross():
    figure = rates(rates_view(sensitivity()), "line").figure
    ((at, ring),) = marks(figure, "o")
    assert (at, ring.get_markeredgecolor()) == (0.1, "#123456")
    assert [at for at, _ in marks(figure, "x")] == [1.0]
    assert figure.axes[0].get_xscale() == "log"


def test_a_best_rate_at_the_edge_is_said_in_words_and_ringed_in_ink():
    made = sensitivity(values=[measured(0.1), measured(1.0), NONE], best=0, at_edge=True)
    figure = rates(rates_view(made), "line").figure
    ((at, ring),) = marks(figure, "o")
    assert (at, ring.get_markeredgecolor()) == (0.01, INK)
    assert "best at the edge" in texts(figure)


def test_rates_that_all_diverged_can_be_drawn_too(tmp_path):
    made = sensitivity(values=[NONE] * 3, diverged=[2] * 3, best=0, at_edge=True)
    rates(rates_view(made), "line").figure.savefig(tmp_path / "figure.png")


def test_a_profile_rises_in_steps_to_the_end_of_the_axis():
    made = Profile("adam", "#123456", np.array([1.0, 2.0]), np.array([0.5, 1.0]), 4)
    other = Profile("sgd", "#654321", np.array([1.0, 2.0]), np.array([0.5, 0.5]), 4)
    figure = profile(ProfileView("Which?", "", "", "factor", "share of the 4 problems (%)", [made, other]), "l").figure
    line = figure.axes[0].lines[0]
    assert line.get_drawstyle() == "steps-post"
    assert list(line.get_ydata()) == [0.5, 1.0, 1.0]
    assert "share of the 4 problems" in texts(figure)


def group(label, *values, status="finished"):
    return Group(
        label, label, "#123456", runs(*(run({"train/loss": series}, seed=s, status=status) for s, series in enumerate(values)))
    )


def test_panels_share_a_scale_unless_their_numbers_mean_something_else():
    facets = [Facet("he", [group("sgd", [1.0, 2.0])]), Facet("normal", [group("sgd", [5.0, 9.0])])]
    together = overlays(facets, "train/loss", "Which?", "", "line", window=1).figure
    assert together.axes[0].get_ylim() == together.axes[1].get_ylim()
    apart = overlays(facets, "train/loss", "Which?", "", "line", window=1, alike=False).figure
    assert apart.axes[0].get_ylim() != apart.axes[1].get_ylim()
    assert [axes.get_title(loc="left") for axes in apart.axes] == ["he", "normal"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12])
def test_the_words_of_panels_do_not_lie_upon_each_other(count):
    found = [Facet(f"init {place}", [group(name, [2.0, 1.0]) for name in ("sgd", "momentum")]) for place in range(count)]
    figure = overlays(found, "train/loss", "Which learns fastest?", "digits", "line", window=1).figure
    figure.canvas.draw()
    titles = [axes.title if axes.title.get_text() else axes._left_title for axes in figure.axes]
    assert overlaps([*figure.texts, *titles]) == []


def test_diverged_runs_are_named_in_the_panel_in_which_they_were_lost():
    found = [Facet("", [group("sgd", [2.0, 1.0]), group("adam", [2.0, math.inf], status="diverged")])]
    assert "adam (1 of 1 diverged)" in texts(overlays(found, "train/loss", "Which?", "", "line", window=1).figure)


@pytest.mark.parametrize(
    ("metric", "mean", "half", "words"),
    [
        ("final/train_loss", 0.15964, 0.0123, "0.160 ± 0.012"),
        ("final/train_loss", 0.15964, 0.034, "0.16 ± 0.03"),
        ("valid/accuracy_best", 0.9534, 0.0041, "95.3 ± 0.4 %"),
        ("test/accuracy", 0.9534, None, "95.3 %"),
        ("final/train_loss", math.nan, 0.1, "–"),
        ("final/train_loss", 2.5, math.nan, "2.50"),
        ("steps", 1300.0, 0.0, "1,300"),
        ("steps", 60.0, None, "60"),
        ("seconds", 12345.6, 123.4, "12,350 ± 120"),
        ("seconds", 12345.6, 4321.0, "12,000 ± 4,000"),
        ("seconds", 45.6, 32.1, "50 ± 30"),
        ("seconds", 45.6, 2.0, "45.6 ± 2.0"),
        ("final/train_loss", 1e-9, 1e-10, "1.00e-9 ± 1.0e-10"),
    ],
)
def test_a_mean_has_the_digits_that_its_interval_carries(metric, mean, half, words):
    assert with_half(metric, mean, half) == words


def test_a_difference_has_a_sign_unless_it_is_nothing_as_far_as_its_digits_go():
    assert signed("final/train_loss", -0.5, 0.1) == ("−0.50", "± 0.10")
    assert signed("test/accuracy", 0.031, 0.004) == ("+3.1", "± 0.4 %")
    assert signed("final/train_loss", -0.01, 0.4) == ("0.0", "± 0.4")
    assert signed("final/train_loss", math.nan, None) == ("", "")
    assert signed("final/train_loss", 0.5, None) == ("+0.500", "")


def test_losses_that_reach_zero_leave_the_panels_logarithmic(tmp_path):
    perfect = group("lion", [*np.geomspace(2.0, 1e-6, 80), *np.zeros(40)])
    figure = overlays([Facet("", [perfect, group("sgd", [2.0] * 120)])], "train/loss", "Which?", "", "line", window=1).figure
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert 0 < low <= 1e-6 < high
    figure.savefig(tmp_path / "figure.png")
