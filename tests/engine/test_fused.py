"""A network with compiled stages computes what its layers compute, to the stated rounding; whatever cannot be fused stays."""

import dataclasses

import numpy as np
import pytest

from nnreg.contracts import Activation
from nnreg.engine.fused import MOST_LAYOUTS, Stage
from nnreg.engine.network import Network
from nnreg.registry import entries
from nnreg.registry.building import make_technique

pytestmark = [pytest.mark.slow, pytest.mark.extra("fast")]

ROWS, FEATURES, CLASSES, HIDDEN = 24, 12, 5, (20, 16)
ROUNDING = {np.float32: 3e-5, np.float64: 1e-12}
"""What is stated: the largest difference of a gradient, relative to its largest component, after one pass."""

ACTIVATIONS = [
    name
    for name, entry in entries.techniques("activation").items()
    if entry.distribution == "nnreg" and not getattr(entries.load_class(entry), "why_untrainable", "")
]
ALONE = {"activation": {"glu", "maxout", "softmax"}}
"""Techniques that compute by NumPy in the middle of a compiled step."""


def plugin(kind, name):
    return make_technique(entries.load_class(entries.find_technique(kind, name)))


def network(dtype=np.float32, activation="relu", norm="none", dropout="none", loss="softmax_cross_entropy", rows=ROWS):
    made = Network(
        FEATURES,
        HIDDEN,
        CLASSES,
        activation=plugin("activation", activation) if isinstance(activation, str) else activation,
        loss=plugin("loss", loss),
        regularizer=plugin("regularizer", "none"),
        norm=plugin("norm", norm),
        dropout=plugin("dropout", dropout),
        masks=np.random.default_rng(3),
        rows=rows,
        dtype=dtype,
    )
    made.initialise(plugin("init", "he"), np.random.default_rng(0))
    return made


def both(**choices):
    """Return a network by its layers, and the same with stages."""
    plain, compiled = network(**choices), network(**choices)
    compiled.compile()
    return plain, compiled


def stages(compiled):
    return [each for each in compiled._computing if isinstance(each, Stage)]


def data(dtype, rows=ROWS):
    rng = np.random.default_rng(1)
    return rng.standard_normal((rows, FEATURES)).astype(dtype), rng.integers(CLASSES, size=rows)


def expect_same_pass(plain, compiled, x, y):
    dtype = x.dtype.type
    rtol = ROUNDING[dtype]
    loss, its = plain.loss_and_gradient(x, y), compiled.loss_and_gradient(x, y)
    np.testing.assert_allclose(its, loss, rtol=rtol)
    grad = plain.parameters.grad
    np.testing.assert_allclose(compiled.parameters.grad, grad, rtol=rtol, atol=rtol * np.abs(grad).max())
    for name, array in plain.state().items():
        np.testing.assert_allclose(compiled.state()[name], array, rtol=rtol, atol=rtol)
    logits = plain.logits(x)
    np.testing.assert_allclose(compiled.logits(x), logits, rtol=rtol, atol=rtol * np.abs(logits).max())


CASES = [
    *({"activation": name} for name in ACTIVATIONS),
    *({"norm": name} for name in entries.techniques("norm") if name != "none"),
    *({"dropout": name} for name in entries.techniques("dropout") if name != "none"),
    {"norm": "batch_norm", "activation": "tanh", "dropout": "dropout"},
    {"norm": "layer_norm", "activation": "gelu", "dropout": "dropout"},
    {"loss": "mse"},
    {"loss": "focal"},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.values()))
def test_a_compiled_pass_is_that_of_the_layers(case, dtype):
    plain, compiled = both(dtype=dtype, **case)
    for _ in range(2):
        expect_same_pass(plain, compiled, *data(dtype))
    is_alone = any(name in ALONE.get(kind, ()) for kind, name in case.items())
    assert len(stages(compiled)) == (0 if is_alone else len(HIDDEN))


def test_norm_activation_and_dropout_are_one_stage():
    _, compiled = both(norm="batch_norm", dropout="dropout")
    assert [len(stage.layers) for stage in stages(compiled)] == [4, 4]


@pytest.mark.parametrize("norm", ["none", "batch_norm", "layer_norm"])
def test_batches_of_any_length_come_in_any_order(norm):
    plain, compiled = both(norm=norm)
    for rows in [*range(2, ROWS + 1), ROWS, 3]:
        expect_same_pass(plain, compiled, *data(np.float32, rows))
    assert all(len(stage._layouts) <= MOST_LAYOUTS for stage in stages(compiled))


@pytest.mark.long
def test_whoever_looks_at_the_layers_sees_what_they_would_have_computed():
    plain, compiled = both(norm="batch_norm", activation="tanh")
    x, y = data(np.float32)
    plain.loss_and_gradient(x, y)
    compiled.loss_and_gradient(x, y)
    for one, other in zip(plain.layers, compiled.layers, strict=True):
        for name in ("answer", "last"):
            if hasattr(one, name):
                np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-4, atol=1e-5)
        if hasattr(one, "slope"):
            np.testing.assert_allclose(other.slope(), one.slope(), rtol=1e-4, atol=1e-5)
    for name, passed in plain.passed().items():
        for one, other in zip(passed, compiled.passed()[name], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_statistics_are_collected_anew_by_the_layers():
    plain, compiled = both(norm="batch_norm")
    batches = [data(np.float32)[0] * scale for scale in (1, 2, 3)]
    plain.renew(batches)
    compiled.renew(batches)
    for name, array in plain.state().items():
        np.testing.assert_allclose(compiled.state()[name], array, rtol=1e-5, atol=1e-6)


@dataclasses.dataclass(frozen=True)
class Branching(Activation):
    """It looks at its values as a whole, which no loop does."""

    def forward(self, z, out):
        out[...] = z if (z > 0).any() else -z

    def backward(self, dy, z, y, out):
        out[...] = dy if (z > 0).any() else -dy


@dataclasses.dataclass(frozen=True)
class Sorting(Activation):
    """Only its derivative cannot be taken down."""

    def forward(self, z, out):
        out[...] = z

    def backward(self, dy, z, y, out):
        np.multiply(dy, np.argsort(z, axis=0) >= 0, out=out)


@pytest.mark.parametrize("activation", [Branching(), Sorting()], ids=["forward", "backward"])
def test_a_formula_that_cannot_be_taken_down_runs_by_numpy_in_the_middle(activation):
    plain, compiled = both(activation=activation, norm="batch_norm")
    assert [len(stage.layers) for stage in stages(compiled)] == [2, 2]
    expect_same_pass(plain, compiled, *data(np.float32))


@dataclasses.dataclass
class Leaky(Activation):
    slope: float = 0.1

    def forward(self, z, out):
        np.multiply(z, self.slope, out=out)
        np.maximum(z, out, out=out)

    def backward(self, dy, z, y, out):
        out[...] = np.where(z > 0, dy, dy * self.slope)


def test_a_number_that_changes_on_the_way_is_seen():
    shared, own = Leaky(), Leaky()
    plain, compiled = network(activation=shared), network(activation=own)
    compiled.compile()
    for slope in (0.1, 0.3, 0.3, 0.2):
        shared.slope = own.slope = slope
        compiled.look_again()
        expect_same_pass(plain, compiled, *data(np.float32))


def test_what_is_not_finite_shows():
    _, compiled = both(norm="batch_norm")
    x, y = data(np.float32)
    x[0, 0] = np.nan
    assert np.isnan(compiled.loss_and_gradient(x, y))
