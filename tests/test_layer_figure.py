"""The picture of a run's layers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from nnreg.engine.diagnostics import OF_ACTIVATIONS, OF_WEIGHTS
from nnreg.engine.history import History, Record
from nnreg.figures.layers import MOST_NAMES, layer_figure
from nnreg.figures.page import spread
from tests.cards import card


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
