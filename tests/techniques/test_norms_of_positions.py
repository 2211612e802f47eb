"""rms_norm and group_norm beside torch's numbers, with and without positions."""

import json
from pathlib import Path

import numpy as np
import pytest

from nnreg.engine.network import Parameters
from nnreg_std.norms.group_norm import GroupNorm
from nnreg_std.norms.rms_norm import RMSNorm

ORACLE = json.loads((Path(__file__).parent / "oracles" / "convolutions.json").read_text())
POSITIONS = 7, 6


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def answered(norm, x, dtype, positions=()):
    """What a norm makes of rows, with room for more: y, dx and the gradients of its parameters by name."""
    norm.locate(positions)
    _, shapes = norm.build(x.shape[1])
    parameters = Parameters(shapes, dtype)
    for seed, shape in enumerate(shapes, start=1):
        parameters.named[shape.name].theta[...] = numbers(seed, *shape.shape)
    norm.bind([parameters.named[shape.name] for shape in shapes], 2 * len(x), dtype, np.random.default_rng(0))
    y = norm.forward(x.astype(dtype), training=True).copy()
    dx = norm.backward(numbers(9, *x.shape).astype(dtype))
    return {"y": y, "dx": dx} | {f"d{name}": weights.grad for name, weights in parameters.named.items()}


def compare(made, case, tolerance):
    for name, array in made.items():
        assert array.dtype == made["y"].dtype
        np.testing.assert_allclose(array.ravel(), case[name], rtol=tolerance, atol=30 * tolerance, err_msg=name)


precisions = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])


def cases(name):
    return pytest.mark.parametrize("case", ORACLE[name], ids=lambda case: "-".join(map(str, case["of"])))


@precisions
@cases("group_norm")
def test_group_norm_does_what_torch_does(case, dtype, tolerance):
    groups, channels = case["of"]
    x = (3 * numbers(0, 2, *POSITIONS, channels) + 1).reshape(-1, channels)
    compare(answered(GroupNorm(groups), x, dtype, POSITIONS), case, tolerance)


@precisions
@cases("rms_norm")
def test_rms_norm_does_what_torch_does(case, dtype, tolerance):
    compare(answered(RMSNorm(), 3 * numbers(0, 2, *case["of"]) + 1, dtype), case, tolerance)


def test_group_norm_of_one_group_is_layer_norm_on_rows_without_positions():
    x = numbers(0, 4, 6)
    made = answered(GroupNorm(), x, np.float64)["y"]
    gamma, beta = numbers(1, 6), numbers(2, 6)
    wanted = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) * gamma + beta
    np.testing.assert_allclose(made, wanted, rtol=1e-12)


@pytest.mark.parametrize("eps", [5e-324, 1e300])
@pytest.mark.parametrize("norm", [RMSNorm, GroupNorm])
def test_the_ends_of_the_range_of_eps_are_finite(norm, eps):
    made = answered(norm(eps=eps), numbers(0, 3, 4), np.float64)
    assert all(np.isfinite(array).all() for array in made.values())


def test_groups_that_do_not_divide_the_units_are_refused_in_one_line(nnreg, project):
    answer = nnreg("norm=group_norm", "norm.groups=8", "hidden=[16,20]", "steps=3")
    assert answer.complaint == (
        "nnreg: norm=group_norm does not fit hidden=[16,20]: 8 groups do not divide 20 units evenly: use groups=4"
    )
    assert list(project.iterdir()) == []
