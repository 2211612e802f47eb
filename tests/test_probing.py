"""The first, tiny use of a plugin: it finds what would train nothing, and finds nothing wrong with what is right."""

from dataclasses import dataclass

import numpy as np
import pytest

from nnreg.contracts import Optimizer
from nnreg.registry import entries
from nnreg.registry.building import PROBES, probe
from nnreg.registry.entries import BrokenPlugin, Entry

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
    technique = entries.load_class(entry)()
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
