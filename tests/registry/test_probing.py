"""The first, tiny use of a plugin: what would train nothing or breaks its promises is said before a run trains."""

import math
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from nnreg.contracts import Augmentation, Dropout, Layer, Norm, Optimizer, Regularizer, Sampler, Shape
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.registry.probing import PROBES, probe
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.norms.batch_norm import BatchNorm

BUILT_IN = [pytest.param(entry, id=f"{kind}/{name}") for kind in PROBES for name, entry in entries.techniques(kind).items()]


def complaint(kind, technique):
    with pytest.raises(BrokenPlugin) as caught:
        probe(Entry(kind, "mine", (("my:Mine", "my-plugins"),)), technique)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{kind} 'mine' (my-plugins) is broken: ")
    return message.partition(" is broken: ")[2]


def optimizer(update, **attributes):
    """An optimizer of which the update rule is given."""
    return dataclass(
        type("Rule", (Optimizer,), {"update": update, "__annotations__": {"lr": float}, "lr": 0.1, **attributes})
    )()


def plugin(**methods):
    return type("Plugin", (), {name: staticmethod(method) for name, method in methods.items()})()


@pytest.mark.parametrize("entry", BUILT_IN)
def test_a_built_in_technique_has_nothing_wrong_with_it_and_stays_unused(entry):
    needed = {"file": "x"} if entry.name == "saved" else {}
    technique = make_technique(entries.load_class(entry), **needed)
    before = dict(vars(technique))
    probe(entry, technique)
    assert vars(technique) == before


def test_a_kind_that_nnreg_does_not_know_is_not_probed():
    probe(Entry("tempo", "mine", (("my:Mine", "my-plugins"),)), object())


def test_an_update_that_rebinds_theta_is_found():
    def update(self, theta, g, *, t, lr):
        theta = theta - lr * g

    assert "3 steps left theta as it was; update must write in place" in complaint("optimizer", optimizer(update))


def test_an_update_that_returns_the_parameters_is_found():
    def update(self, theta, g, *, t, lr):
        return theta - lr * g

    assert complaint("optimizer", optimizer(update)).startswith("update returned an array of shape (12,); it must change theta")


def test_an_update_that_takes_other_arguments_is_found():
    def update(self, theta, g):
        theta -= g

    assert "TypeError: " in complaint("optimizer", optimizer(update))


def test_an_update_of_another_shape_is_found():
    def update(self, theta, g, *, t, lr):
        theta -= lr * g.reshape(-1, 1)

    assert "ValueError: " in complaint("optimizer", optimizer(update))


def test_a_rule_whose_steps_are_in_proportion_to_the_weights_is_sound():
    def update(self, theta, g, *, t, lr):
        theta -= lr * np.linalg.norm(theta) / np.linalg.norm(g) * g  # LARS stands still at zero

    probe(Entry("optimizer", "mine", (("my:Mine", "my-plugins"),)), optimizer(update))


def test_the_smallest_learning_rate_is_no_reason_to_call_a_rule_broken():
    def update(self, theta, g, *, t, lr):
        theta -= lr * g

    probe(Entry("optimizer", "mine", (("my:Mine", "my-plugins"),)), optimizer(update, lr=1e-30))


def test_a_rule_that_waits_a_step_is_sound():
    def update(self, theta, g, *, t, lr):
        theta -= lr * g * (t > 1)

    probe(Entry("optimizer", "mine", (("my:Mine", "my-plugins"),)), optimizer(update))


def test_a_rule_of_whole_layers_is_driven_by_its_own_step():
    def step(self, t, factor=1.0):
        for weights in self.parameters.named.values():
            weights.theta[...] -= self.lr * factor * np.linalg.svd(weights.grad, full_matrices=False)[0]

    def update(self):
        raise AssertionError

    probe(Entry("optimizer", "mine", (("my:Mine", "my-plugins"),)), optimizer(update, step=step))


def test_a_division_by_zero_is_the_business_of_training():
    def update(self, theta, g, *, t, lr):
        theta -= lr / (g - g)

    probe(Entry("optimizer", "mine", (("my:Mine", "my-plugins"),)), optimizer(update))


def identity(z, out):
    out[...] = z


def passed_on(dy, z, y, out):
    out[...] = dy


@pytest.mark.parametrize(
    ("kind", "methods", "expected"),
    [
        ("init", {"fill": lambda weight, rng: None}, "fill left 'weight' unwritten or wrote NaN; it must fill all of it"),
        ("init", {"fill": lambda weight, rng: weight[0].fill(1)}, "fill left 'weight' unwritten or wrote NaN"),
        ("init", {"fill": lambda weight, rng: 3}, "fill returned a int; it must write to 'weight' and return None"),
        ("init", {"fill": lambda weight: None}, "TypeError: "),
        ("activation", {"forward": lambda z, out: None, "backward": passed_on}, "forward left 'out' unwritten"),
        ("activation", {"forward": lambda z, out: z, "backward": passed_on}, "forward returned an array of shape (4, 3)"),
        ("activation", {"forward": identity, "backward": lambda dy, z, y, out: None}, "backward left 'out' unwritten"),
        ("activation", {"forward": identity}, "AttributeError: "),
        ("loss", {"value": lambda logits, labels: logits[:, 0]}, "AttributeError: "),
        (
            "loss",
            {"value": lambda logits, labels: labels, "value_and_gradient": lambda logits, labels, out: 0.0},
            "value returned an array of shape (4,); it must return one number, the mean over the rows",
        ),
        (
            "loss",
            {"value": lambda logits, labels: 0.0, "value_and_gradient": lambda logits, labels, out: 0.0},
            "value_and_gradient left 'out' unwritten",
        ),
        (
            "loss",
            {"value": lambda logits, labels: None, "value_and_gradient": lambda logits, labels, out: 0.0},
            "value returned a NoneType; it must return one number",
        ),
        (
            "loss",
            {"takes": "classes"},
            "takes is 'classes'; it must be a tuple of 'classes', 'values', 'soft', such as",
        ),
        ("loss", {"takes": ("labels",)}, "takes is ('labels',); it must be a tuple of"),
        ("sampler", {"takes": "classes"}, "takes is 'classes'; it must be a tuple of 'classes', 'values'"),
        ("augmentation", {"takes": "classes"}, "takes is 'classes'; it must be a tuple of 'classes', 'values'"),
        ("schedule", {"factor": lambda t, steps: None}, "factor returned a NoneType (None); it must return one finite number"),
        ("schedule", {"factor": lambda t, steps: "half"}, "factor returned a str (half); it must return one finite number"),
        ("init", {"fill": lambda weight, rng: sys.exit(3)}, "SystemExit: 3"),
        (
            "regularizer",
            {"penalty": lambda weights: "much", "add_gradient": lambda weights, grad: None},
            "penalty returned a str; it must return one number",
        ),
        (
            "regularizer",
            {"penalty": lambda weights: weights, "add_gradient": lambda weights, grad: None},
            "penalty returned an array of shape (4,); it must return one number",
        ),
        (
            "regularizer",
            {"penalty": lambda weights: 0.0, "add_gradient": lambda weights, grad: grad + weights},
            "add_gradient returned an array of shape (4,); it must add to grad in place and return None",
        ),
    ],
)
def test_a_method_that_does_not_do_what_its_kind_promises_is_found(kind, methods, expected):
    assert complaint(kind, plugin(**methods)).startswith(expected)


# What a run says about a plugin that breaks its promises, before it trains: norms, dropouts and regularizers.


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


def test_a_layer_is_asked_for_its_gradient_as_training_asks():
    faulty = norm_with(backward=lambda self, dy: dy)
    assert "unexpected keyword argument 'need_dx'" in complaint_about(faulty)


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


class Pairs(Layer):
    def build(self, fan_in):
        if fan_in % 2:
            raise ValueError(f"it needs an even number of units, got {fan_in}")
        return fan_in // 2, ()

    def bind(self, weights, rows, dtype, rng):
        pass

    def forward(self, x, *, training):
        return x[:, ::2] * x[:, 1::2]

    def backward(self, dy, *, need_dx=True):
        return dy.repeat(2, axis=1)


def test_an_activation_that_is_a_layer_is_tried_on_a_width_that_it_takes():
    probe(Entry("activation", "fine", (("somewhere:Fine", "their-plugin"),)), Pairs())
    faulty = type("Faulty", (Pairs,), {"forward": lambda self, x, *, training: x})()
    found = complaint_about(faulty, "activation")
    assert found == "forward in evaluation returned an array of shape (4, 4); it must return finite numbers of shape (4, 2)"
    raises = type("Faulty", (Pairs,), {"bind": lambda self, *given: int("two")})()
    assert complaint_about(raises, "activation").startswith("ValueError: invalid literal")


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
        ({"project": lambda self, layers: layers}, "project returned a dict; it must write to the weights in place and"),
        ({"acts_on": "gradients"}, "acts_on is 'gradients'; it must be one of weights, layers, outputs"),
        ({"acts_on": "layers", "penalty": lambda self, layers: layers["W1"]}, "penalty returned an array of shape (4, 3)"),
    ],
    ids=["penalty", "add_gradient", "decay", "project", "acts_on", "penalty of layers"],
)
def test_a_regularizer_that_returns_what_it_should_have_written_is_refused(methods, complaint):
    fine = {"penalty": lambda self, weights: float(np.sum(weights)), "add_gradient": lambda self, weights, grad: None}
    probe(Entry("regularizer", "fine", (("somewhere:Fine", "their-plugin"),)), type("Fine", (Regularizer,), fine)())
    assert complaint in complaint_about(type("Faulty", (Regularizer,), fine | methods)(), "regularizer")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (lambda self, t, steps, rng: [0, 1], "rows returned a list; it must return row numbers, an int64 array (n,)"),
        (lambda self, t, steps, rng: np.arange(5), "rows returned 5 row numbers, and largest says 4; it must return 1 to 4"),
        (lambda self, t, steps, rng: np.array([3, 12]), "rows returned row 3 to 12 of 12; it must draw from 0 to 11"),
    ],
    ids=["a list", "too many", "out of range"],
)
def test_a_sampler_that_draws_what_is_not_there_is_refused(rows, complaint):
    made = type("Faulty", (Sampler,), {"begin": lambda self, split, batch: None, "rows": rows})
    assert complaint in complaint_about(made(), "sampler")


@pytest.mark.parametrize(
    ("apply", "complaint"),
    [
        (lambda self, x, y, rng: x, "apply returned an array of shape (4, 5, 3); it must return rows and targets"),
        (
            lambda self, x, y, rng: (x[0], y),
            "apply returned rows as an array of shape (5, 3); it must return finite numbers of",
        ),
        (lambda self, x, y, rng: (x, np.eye(3)[y]), "apply returned targets as an array of shape (4, 3); it must return (4,)"),
    ],
    ids=["no targets", "another shape", "shares without a word"],
)
def test_an_augmentation_that_returns_another_batch_is_refused(apply, complaint):
    made = type("Faulty", (Augmentation,), {"apply": apply})
    assert complaint in complaint_about(made(), "augmentation")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"start": (1.0, 1.0, 1.0)}, "start must be a point (x, y), and domain ((x from, x to), (y from, y to)), or as many"),
        ({"minima": ((0.0, 0.0, 0.0),)}, "minima must be points of 2 coordinates, as start is"),
    ],
)
def test_a_surface_whose_places_differ_in_dimension_is_refused(where, expected):
    places = {"start": (1.0, 1.0), "domain": ((-2.0, 2.0),) * 2, "minima": ((0.0, 0.0),), "largest_curvature": None, **where}
    bowl = plugin(value=lambda points: (points**2).sum(-1), gradient=lambda points: 2 * points, **places)
    assert complaint("surface", bowl).startswith(expected)
