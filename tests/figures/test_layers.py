"""Pictures of layers: what was measured of them over time, and histograms of what they give."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from nnreg.engine.diagnostics import OF_ACTIVATIONS, OF_WEIGHTS
from nnreg.engine.history import History, Record
from nnreg.errors import UserError
from nnreg.figures import FIGURES
from nnreg.figures.layers import MOST_NAMES, Row, draw_rows, layer_figure, with_spread
from nnreg.figures.page import spread
from nnreg.records.outputs import LayerOutputs, write_outputs
from tests.figures.runs import overlaps, run, runs, texts
from tests.records.cards import card


def history(depth=3, steps=(0, 100, 200), value=lambda quantity, number, step: 0.5 / number):
    made = History()
    for step in steps:
        for quantity in (*OF_ACTIVATIONS, *OF_WEIGHTS):
            for number in range(1, depth + (quantity in OF_WEIGHTS)):
                made.add(Record(step, f"{quantity}/layer{number}", value(quantity, number, step)))
    return made


def curves(axes, points=3):
    return [line for line in axes.lines if len(line.get_xdata()) == points]


def names(axes):
    return sorted(int(text.get_text()) for text in axes.texts)


def test_every_quantity_has_a_panel_and_every_layer_a_named_curve(tmp_path):
    past = history()
    panels = layer_figure(card(tmp_path), past).axes
    assert [len(curves(axes)) for axes in panels] == [2, 2, 2, 2, 3, 3, 3]
    assert [names(axes) for axes in panels] == [[1, 2]] * 4 + [[1, 2, 3]] * 3
    np.testing.assert_array_equal(curves(panels[0])[1].get_ydata(), past.series("activation_mean/layer2")[1])
    np.testing.assert_array_equal(curves(panels[2])[0].get_ydata(), 100 * past.series("saturated/layer1")[1])


def test_deeper_layers_are_darker(tmp_path):
    panel = layer_figure(card(tmp_path), history(depth=6)).axes[-1]
    lightness = [np.dot(to_rgb(line.get_color()), (0.2126, 0.7152, 0.0722)) for line in curves(panel)]
    assert all(upper > lower for upper, lower in pairwise(lightness))


def test_the_title_asks_and_the_rest_says_of_what_run_and_when(tmp_path):
    said = " ".join(text.get_text() for text in layer_figure(card(tmp_path), history()).texts)
    assert "Do signal and gradient pass through every layer?" in said
    for words in ("adam-he on digits", "100-100 hidden", "relu", "seed 0", "before its update", "layer 3 gives"):
        assert words in said


def test_gradients_and_updates_have_a_logarithmic_scale_and_shares_one_from_0_to_100(tmp_path):
    panels = layer_figure(card(tmp_path), history()).axes
    assert [axes.get_yscale() for axes in panels] == ["linear"] * 4 + ["log", "linear", "log"]
    assert panels[2].get_ylim() == panels[3].get_ylim() == (-4, 104)


def test_a_spread_over_decades_has_a_logarithmic_scale_too(tmp_path):
    wide = history(value=lambda quantity, number, step: 10.0 ** (-2 * number))
    assert layer_figure(card(tmp_path), wide).axes[1].get_yscale() == "log"


def test_of_many_layers_some_are_named_the_first_and_last_among_them(tmp_path):
    named = names(layer_figure(card(tmp_path), history(depth=30)).axes[-1])
    assert len(named) == MOST_NAMES
    assert (named[0], named[-1]) == (1, 30)


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30])
@pytest.mark.parametrize(("depth", "steps"), [(1, (0,)), (12, (0, 100))])
def test_any_run_can_be_drawn(tmp_path, steps, depth, value):
    layer_figure(card(tmp_path), history(depth, steps, lambda quantity, number, step: value)).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_an_update_ratio_can_be_drawn(tmp_path):
    past = History()
    past.add(Record(0, "weight_norm/layer1", 0.0))
    layer_figure(card(tmp_path), past).savefig(tmp_path / "figure.png")


@given(st.lists(st.floats(0, 1), max_size=8).map(sorted))
def test_names_keep_their_order_and_distance_and_stay_in_the_panel(heights):
    placed = spread(heights, 0.1)
    assert all(upper - lower >= 0.1 - 1e-9 for lower, upper in pairwise(placed))
    assert all(-1e-9 <= height <= 1 + 1e-9 for height in placed)


def test_names_with_room_stay_where_they_are():
    assert spread([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


# Histograms of layers' outputs: ranges from the data, towers cut and named, spread beside them.


UNBOUNDED = (-np.inf, np.inf)


def layer(values, saturated=0.0, dead=0.0):
    return LayerOutputs.of(np.asarray(values, dtype=float), saturated, dead)


def normal(scale=1.0, seed=0):
    return np.random.default_rng(seed).standard_normal(5000) * scale


def histograms(figure):
    """Return the axes of the histograms, without those of the spread by layer."""
    return [axes for axes in figure.axes if axes.patches]


def drawn(*layers, bounds=UNBOUNDED):
    return draw_rows([Row("tanh", "#0072B2", layers, bounds)], "What is left?")


def bars(axes):
    values, edges, _ = axes.patches[0].get_data()
    return values, edges


def test_a_bounded_activation_is_shown_over_its_whole_range():
    figure = drawn(layer(0.5 + 0.01 * normal()), layer(0.5 + 0.02 * normal()), bounds=(0.0, 1.0))
    for axes in histograms(figure):
        assert (bars(axes)[1][0], bars(axes)[1][-1]) == (0, 1)


def test_negative_and_large_outputs_are_seen():
    (axes,) = histograms(drawn(layer(np.concatenate([normal(), [-4.0, 3.9]]))))
    shares, edges = bars(axes)
    assert edges[0] < -2.5
    assert edges[-1] > 2.5
    assert shares.sum() == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("spread", [0.3, 1e-4])
def test_the_layers_of_a_row_share_one_axis_so_that_a_dying_signal_is_seen_to_die(spread):
    wide, narrow = histograms(drawn(layer(normal(1.0)), layer(normal(spread))))
    np.testing.assert_array_equal(bars(wide)[1], bars(narrow)[1])
    assert wide.get_xlim() == narrow.get_xlim()


def test_the_spread_by_layer_is_a_line_over_decades_where_it_falls_by_them():
    steep, flat = (drawn(layer(normal(1.0)), layer(normal(std))).axes[-1] for std in (1e-4, 0.5))
    for axes, std in ((steep, 1e-4), (flat, 0.5)):
        (line,) = axes.lines
        np.testing.assert_allclose(line.get_ydata(), [normal().std(), std * normal().std()], rtol=1e-6)
    assert (steep.get_yscale(), flat.get_yscale()) == ("log", "linear")


def test_a_lonely_tower_is_cut_and_its_share_is_written():
    figure = drawn(layer(np.maximum(normal(), 0)), layer(np.maximum(normal(seed=1), 0)), bounds=(0.0, np.inf))
    for axes in histograms(figure):
        shares, _ = bars(axes)
        assert shares[0] > axes.get_ylim()[1] > shares[1]
        assert f"{100 * shares[0]:.0f} % ↑" in axes.texts[0].get_text()


def test_bars_of_a_row_have_one_scale():
    figure = drawn(layer(normal()), layer(normal(0.5)), bounds=(-5.0, 5.0))
    assert len({axes.get_ylim() for axes in histograms(figure)}) == 1


def test_mean_spread_saturated_and_dead_share_stand_below():
    said = texts(drawn(layer([-2.0, 0.0, 5.0, 5.0], saturated=0.42, dead=0.1), layer(normal())))
    for words in ("2.0 ± 3.1", "42 % saturated, 10 % dead", "none saturated", "layer 2", "What is left?"):
        assert words in said


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.4965, 0.4589, "0.50 ± 0.46"),
        (-0.0005, 0.96, "0.00 ± 0.96"),
        (9780, 14662, "10,000 ± 15,000"),
        (3.94, 5.81, "3.9 ± 5.8"),
        (1e-6, 1.5e-6, "1e-6 ± 1.5e-6"),
        (0.5, 0.0, "0.50 ± 0"),
    ],
)
def test_a_mean_has_the_digits_that_its_spread_gives_a_meaning(mean, std, text):
    assert with_spread(mean, std) == text


@pytest.mark.parametrize("values", [np.zeros(10), np.full(5, 7.5), [1.0], [0.0, 1e30], [1e-300, 2e-300]])
def test_poor_layers_can_be_drawn_too(values, tmp_path):
    drawn(layer(values), layer(normal())).savefig(tmp_path / "figure.png")


def test_a_row_for_each_run_and_no_words_overlap(tmp_path):
    made = []
    for name in ("sigmoid", "a name that is rather long for its place"):
        folder = tmp_path / name
        folder.mkdir()
        write_outputs(folder, [layer(normal(), 0.5, 0.5)] * 5, (0.0, 1.0))
        made.append(run({"outputs/std": [1.0]}, arm=name, folder=folder, config={"batch": 1000, "task": "activations"}))
    figure = FIGURES["histograms"](runs(*made), {"note": "That is all."}, "Which is alive?")
    assert len(histograms(figure)) == 10
    assert "1,000 rows of N(0, 1)" in texts(figure)
    assert "That is all." in texts(figure)
    assert not overlaps(figure.texts)


def test_runs_of_another_task_are_refused(tmp_path):
    with pytest.raises(UserError, match="histograms need runs with task=activations, 'x' is task=train"):
        FIGURES["histograms"](runs(run({"train/loss": [1.0]}, arm="x", folder=tmp_path, config={"batch": 9})), {}, "?")
