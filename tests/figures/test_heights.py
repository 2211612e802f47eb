"""Descents that no map can show: heights over updates, on a scale on which they are seen."""

from __future__ import annotations

import numpy as np
import pytest

from nnreg.engine.descent import descend
from nnreg.errors import UserError
from nnreg.figures import FIGURES
from nnreg.figures.heights import Fall, draw_heights
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.surfaces.spectrum import Spectrum
from tests.figures.runs import overlaps, run, runs, texts
from tests.figures.test_surfaces import descent


def fall(lr, steps=30, **facts):
    surface = Spectrum(5)
    made = run(
        {"value": surface.value(descend(SGD(lr), surface, steps=steps))},
        arm=f"sgd {lr:g}",
        optimizer="sgd",
        surface="spectrum",
        config={
            "task": "descend",
            "optimizer": {"name": "sgd", "lr": lr},
            "surface": {"name": "spectrum", "dimension": 5, "condition": 100.0, "shape": "log"},
        },
    )
    made.summary["diverged_at_step"] = facts.get("diverged_at")
    return made


def drawn(*made, **spec):
    return FIGURES["paths"](runs(*made), spec, "Who gets there?")


def test_the_height_at_every_update_is_drawn_on_a_logarithmic_scale():
    axes = drawn(fall(1.5, 300)).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), Spectrum(5).value(descend(SGD(1.5), Spectrum(5), steps=300)))
    assert axes.get_yscale() == "log"
    assert axes.get_xlim() == (0, 300)


def test_several_are_named_at_their_ends_and_a_lost_one_does_not_stretch_the_axis():
    figure = drawn(fall(0.5), fall(1.0), fall(3.0, diverged_at=6), note="one study")
    said = texts(figure).replace("\n", " ")
    for words in ("sgd 0.5", "sgd 1", "sgd 3, lr 3 (diverged at 6)", "A surface of 5 dimensions", "lr < 2/L = 2", "one study"):
        assert words in said
    assert figure.axes[0].get_ylim()[1] < 1e5
    assert not overlaps(figure.axes[0].texts)


def test_beside_descents_that_have_a_path_those_that_have_none_are_left_out():
    figure = drawn(descent(), fall(1.0))
    assert len(figure.axes) == 1
    assert "spectrum" not in texts(figure)


def test_a_surface_of_five_dimensions_is_no_relief():
    with pytest.raises(UserError, match="surface_3d needs a surface of two dimensions, spectrum has 5"):
        FIGURES["surface_3d"](runs(fall(1.0)), {}, "What a valley!")


@pytest.mark.parametrize("heights", [[0.0], [0.0, 0.0], [3.0, 2.0, 2.5], [1.0, 1e-300, 0.0], [1.0, -2.0], [1.0, np.inf]])
def test_any_heights_can_be_drawn(heights):
    draw_heights([Fall("mine", "#123456", np.array(heights))], "Where to?").figure.canvas.draw()
