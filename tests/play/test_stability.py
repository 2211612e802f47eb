"""The boundary that is read off a rule's own update is the one in the books, where there is one in the books."""

import pytest

from nnreg.engine.descent import descend
from nnreg.play.knobs import made_technique
from nnreg.play.stability import is_linear, largest_stable_rate, spectral_radius
from nnreg_std.surfaces.quadratic import Quadratic


@pytest.mark.parametrize("curvature", [0.1, 2.0, 50.0])
def test_plain_descent_is_stable_up_to_two_over_the_curvature(curvature):
    assert largest_stable_rate("sgd", {}, curvature) == pytest.approx(2 / curvature, rel=1e-3)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_the_heavy_ball_is_stable_up_to_two_times_one_plus_beta_over_the_curvature(beta):
    assert largest_stable_rate("momentum", {"momentum": beta}, 2.0) == pytest.approx(2 * (1 + beta) / 2.0, rel=1e-3)


@pytest.mark.parametrize("beta", [0.3, 0.9])
def test_nesterovs_rule_is_stable_up_to_what_is_known_of_it(beta):
    assert largest_stable_rate("nesterov", {"momentum": beta}, 2.0) == pytest.approx(
        2 * (1 + beta) / (2.0 * (1 + 2 * beta)), rel=1e-3
    )


@pytest.mark.parametrize("name", ["adam", "adagrad", "lion", "lookahead+sgd", "sam", "rprop", "lbfgs", "prodigy"])
def test_a_rule_that_is_no_fixed_linear_map_has_no_boundary(name):
    assert largest_stable_rate(name, {}, 2.0) is None


@pytest.mark.parametrize("curvature", [None, 0.0, -1.0])
def test_where_the_surface_has_no_single_curvature_there_is_none(curvature):
    assert largest_stable_rate("sgd", {}, curvature) is None


@pytest.mark.parametrize(("share", "is_stable"), [(0.98, True), (1.02, False)])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_descents_on_either_side_of_it_do_as_it_says(name, share, is_stable):
    rate = share * largest_stable_rate(name, {}, 2.0)
    path = descend(made_technique("optimizer", name, {"lr": rate}), Quadratic(), steps=3000)
    assert (abs(path[-1]).max() < 1e-3) == is_stable


def test_the_radius_is_that_of_the_factor_by_which_plain_descent_shrinks():
    assert spectral_radius(made_technique("optimizer", "sgd", {"lr": 0.3}), 2.0) == pytest.approx(abs(1 - 0.6))
    assert is_linear(made_technique("optimizer", "momentum", {}), 2.0)
