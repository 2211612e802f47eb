"""The ground of a map is the surface's, to a part in 65,535 of its logarithm."""

import base64

import numpy as np
import pytest

from nnreg.engine.descent import measure
from nnreg.errors import UserError
from nnreg.play.ground import shown_ground
from nnreg.play.knobs import made_technique


@pytest.mark.parametrize("name", ["quadratic", "rosenbrock", "himmelblau", "saddle", "plateau"])
def test_heights_are_those_of_the_surface(name):
    shown = shown_ground({"name": name})
    terrain = measure(name, made_technique("surface", name, {}))
    shares = np.frombuffer(base64.b64decode(shown["heights"]), "<u2").reshape(shown["count"][::-1]) / 65535
    heights = shown["least"] * (shown["greatest"] / shown["least"]) ** shares
    above = np.maximum(terrain.z - terrain.lowest, shown["least"])
    np.testing.assert_allclose(heights, above, rtol=2e-3)
    assert shown["levels"] == len(terrain.levels)


def test_a_surface_of_other_dimensions_has_no_map():
    shown = shown_ground({"name": "spectrum", "values": {"dimension": 5}})
    assert shown["dimensions"] == 5
    assert "heights" not in shown


def test_a_knob_that_there_is_not_is_refused():
    with pytest.raises(UserError, match="no parameter 'steepness'"):
        shown_ground({"name": "quadratic", "values": {"steepness": 2}})
