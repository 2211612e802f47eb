"""What a run says about a plugin that breaks its promises, before it trains: norms, dropouts and regularizers."""

import math

import numpy as np
import pytest

from nnreg.contracts import Dropout, Norm, Regularizer, Shape
from nnreg.registry.building import probe
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.norms.batch_norm import BatchNorm


class Scaling(Norm):
    """y = γx, done right."""

    def build(self, fan_in):
        return fan_in, [Shape("gamma", (fan_in,), decays=False, start=1.0)]

    def bind(self, weights, rows, dtype, rng):
        ((self.gamma, self.dgamma),) = weights

    def forward(self, x, *, training):
        self.x = x
        return self.gamma * x

    def backward(self, dy, *, need_dx=True):
        self.dgamma[...] = (dy * self.x).sum(axis=0)
        return self.gamma * dy


def norm_with(**methods):
    return type("Faulty", (Scaling,), methods)()


def complaint_about(technique, kind="norm"):
    entry = Entry(kind, "faulty", (("somewhere:Faulty", "their-plugin"),))
    with pytest.raises(BrokenPlugin, match=f"^{kind} 'faulty'.* is broken: ") as caught:
        probe(entry, technique)
    assert "\n" not in str(caught.value)
    return str(caught.value).partition(" is broken: ")[2]


@pytest.mark.parametrize("technique", [Scaling(), BatchNorm(), InvertedDropout()], ids=lambda layer: type(layer).__name__)
def test_a_layer_that_keeps_its_promises_passes_and_stays_unused(technique):
    before = dict(vars(technique))
    probe(Entry("norm", "fine", (("somewhere:Fine", "their-plugin"),)), technique)
    assert vars(technique) == before


def test_a_layer_that_wants_many_rows_is_tried_with_many():
    patient = norm_with(least_rows=9)
    patient.forward = lambda x, *, training: x if len(x) >= 9 else 1 / 0
    patient.backward = lambda dy, *, need_dx=True: dy
    assert "gradient of gamma unwritten" in complaint_about(patient)


@pytest.mark.parametrize(
    ("faulty", "complaint"),
    [
        (norm_with(build=lambda self, fan_in: (2 * fan_in, [])), "build returned 6 outputs for 3 inputs"),
        (norm_with(position="behind"), "position is 'behind'; it must be 'before' or 'after'"),
        (norm_with(forward=lambda self, x, *, training: None), "forward in evaluation returned a NoneType"),
        (
            norm_with(forward=lambda self, x, *, training: x if not training else x[0]),
            "forward in training returned an array of",
        ),
        (norm_with(forward=lambda self, x, *, training: x * math.nan), "it must return finite numbers of shape (4, 3)"),
        (norm_with(backward=lambda self, dy, *, need_dx=True: None), "backward returned a NoneType"),
        (norm_with(backward=lambda self, dy, *, need_dx=True: dy), "backward left the gradient of gamma unwritten"),
        (norm_with(forward=lambda self, x, *, training: x.fill(0)), "ValueError: assignment destination is read-only"),
        (norm_with(bind=lambda self, weights, rows, dtype, rng: 1 / 0), "ZeroDivisionError: division by zero"),
        (object(), "object must inherit nnreg.contracts.Norm or nnreg.contracts.Dropout"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_norm_that_does_not_is_refused_with_the_reason(faulty, complaint):
    assert complaint in complaint_about(faulty)


def test_a_dropout_is_held_to_the_same():
    class Lost(Dropout):
        build = Scaling.build
        bind = Scaling.bind
        backward = Scaling.backward

        def forward(self, x, *, training):
            return x[:, :2] if training else x

    assert complaint_about(Lost(), "dropout").startswith("forward in training returned an array of shape (4, 2)")


@pytest.mark.parametrize(
    ("methods", "complaint"),
    [
        ({"penalty": lambda self, weights: weights}, "penalty returned an array of shape (4,); it must return one number"),
        ({"add_gradient": lambda self, weights, grad: grad + weights}, "add_gradient returned an array of shape (4,)"),
        ({"decay": lambda self, weights, lr: weights * (1 - lr)}, "decay returned an array of shape (4,); it must shrink"),
    ],
    ids=["penalty", "add_gradient", "decay"],
)
def test_a_regularizer_that_returns_what_it_should_have_written_is_refused(methods, complaint):
    fine = {"penalty": lambda self, weights: float(np.sum(weights)), "add_gradient": lambda self, weights, grad: None}
    probe(Entry("regularizer", "fine", (("somewhere:Fine", "their-plugin"),)), type("Fine", (Regularizer,), fine)())
    assert complaint in complaint_about(type("Faulty", (Regularizer,), fine | methods)(), "regularizer")
