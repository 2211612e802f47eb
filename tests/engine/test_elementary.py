"""Elementary functions of compiled loops against those of a wider precision."""

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.extra("fast")]

NAMES = ("exp", "expm1", "log", "log1p", "tanh")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1.0, 1e-45, -1e-45, 1000.0, -1000.0, -2.0, 88.9, -104.5)


@pytest.fixture(params=[np.float32, np.float64])
def computed(request):
    """Return a function from a name and numbers to what the loop makes of them."""
    numba = pytest.importorskip("numba")
    from nnreg.engine.elementary import FUNCTIONS

    def compute(name, x):
        x, y = np.asarray(x, request.param), np.empty(len(x), request.param)
        function = FUNCTIONS[np.dtype(request.param)][name]

        @numba.njit(error_model="numpy")
        def loop(x, y):
            for i in range(x.size):
                y[i] = function(x[i])

        loop(x, y)
        return x, y

    return compute


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="no wider precision here")
@pytest.mark.parametrize("name", NAMES)
def test_it_is_within_the_stated_rounding(name, computed):
    from nnreg.engine.elementary import ULPS

    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal(20_000) * scale for scale in (1e-6, 1e-2, 0.3, 1, 10, 60)])
    if name == "log":
        x = np.concatenate([np.abs(x), np.geomspace(1e-44, 1e30, 10_000)])
    if name == "log1p":
        x = np.concatenate([np.abs(x), -rng.random(10_000)])
    with np.errstate(all="ignore"):
        x, y = computed(name, x)
        exact = getattr(np, name)(x.astype(np.longdouble))
        nearest = exact.astype(x.dtype)
    is_finite = np.isfinite(nearest)
    unit = np.spacing(np.maximum(np.abs(nearest[is_finite]), np.finfo(x.dtype).tiny))
    assert (np.abs(y[is_finite] - exact[is_finite]) / unit).max() < ULPS
    np.testing.assert_array_equal(y[~is_finite], nearest[~is_finite])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite_zero_or_out_of_range_is_as_in_numpy(name, computed):
    with np.errstate(all="ignore"):
        x, y = computed(name, SPECIAL)
        wanted = getattr(np, name)(x)
    np.testing.assert_allclose(y, wanted, rtol=1e-6)
    np.testing.assert_array_equal(np.signbit(y[~np.isnan(y)]), np.signbit(wanted[~np.isnan(wanted)]))
