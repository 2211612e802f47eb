"""What an update rule owes that asks for more than its gradient: to look again, to be evaluated elsewhere, to draw."""

from __future__ import annotations

from unittest import mock

import numpy as np

from nnreg.contracts import Optimizer
from nnreg.engine.network import Parameters
from nnreg.numerals import chosen, measured
from nnreg.testing.bowl import CURVATURE, OnBowl, bowl, descend, driving
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, skip

LITTLE = 1e-9  # of the learning rate
STILL = 1e-4  # relative: what decays loses less in three steps


def after_a_look_it_goes_on_from_where_it_stood(subject: Subject) -> None:
    """A step with hardly any learning rate hardly moves, wherever it looked meanwhile."""
    if not any(rule.looks_again for rule in subject.make().rules()):
        skip("it does not look again")
    parameters = bowl()
    before, objective = parameters.theta.copy(), OnBowl(parameters)
    rule = driving(subject, parameters, objective=objective)
    for t in (1, 2):
        objective.loss_and_gradient()
        rule.step(t, LITTLE)
    what = f"two steps with {chosen(LITTLE)} of the learning rate moved the parameters; put theta back after looking elsewhere"
    expect_close(parameters.theta, before, what, rtol=0, atol=1e-5)


def where_it_stands_still_it_is_evaluated(subject: Subject) -> None:
    """Without any gradient every average of the parameters is the parameters: so is what the network is evaluated with."""
    rule, parameters = _asked(subject)
    before = parameters.theta.copy()
    out = np.full_like(parameters.theta, np.nan)
    for t in (1, 2, 3):
        parameters.grad[...] = 0
        rule.step(t)
    if rule.evaluation_parameters(out):
        what = "after three steps without a gradient it is evaluated where it never was"
        expect_close(out, before, what, rtol=STILL, atol=1e-12)


def what_it_is_evaluated_with_comes_to_the_bottom_too(subject: Subject) -> None:
    """On the bowl the evaluation parameters come down as those that are trained do: they are of its path, and of all arrays."""
    rule, parameters = _asked(subject)
    out, heights = np.empty_like(parameters.theta), []
    start = float(CURVATURE @ parameters.theta**2)
    for t in range(1, 3001):
        descend(rule, parameters, steps=1, first=t)
        out[...] = np.nan
        if not rule.evaluation_parameters(out):
            out[...] = parameters.theta
        expect(np.isfinite(out).all(), f"after step {t} evaluation_parameters left some of 'out' unwritten, or wrote NaN")
        heights.append(float(CURVATURE @ out**2))
    best = min(float(CURVATURE @ parameters.theta**2), start)
    there, trained = measured(heights[-1]), measured(best)
    what = f"what it is evaluated with came from a height of {measured(start)} to {there}, what it trains to {trained}"
    expect(heights[-1] <= max(0.1 * start, 10 * best), what)


def asking_for_evaluation_parameters_changes_nothing(subject: Subject) -> None:
    """Training goes on to the last bit as if it had not been asked: a validation is no part of it."""
    rule, asked = _asked(subject)
    unasked = bowl()
    descend(driving(subject, unasked), unasked, steps=6)
    for t in range(1, 7):
        rule.evaluation_parameters(np.empty_like(asked.theta))
        descend(rule, asked, steps=1, first=t)
    expect_equal(asked.theta, unasked.theta, "asked for evaluation parameters between its steps it went elsewhere")


def it_makes_no_generator_of_its_own(subject: Subject) -> None:
    """Random numbers are drawn from ``self.rng``, the stream of the run, which a checkpoint keeps."""
    parameters, rng = bowl(), np.random.default_rng(0)
    rule: Optimizer = subject.make()
    with mock.patch.object(np.random, "default_rng", side_effect=AssertionError("it makes a generator: draw from self.rng")):
        rule.bind(parameters)
        rule.equip(OnBowl(parameters), rng)
        descend(rule, parameters, steps=3)


def _asked(subject: Subject) -> tuple[Optimizer, Parameters]:
    """Return a rule on the bowl and its parameters; ends the check as skipped where it is evaluated where it trains."""
    parameters = bowl()
    rule = driving(subject, parameters)
    if all(type(each).evaluation_parameters is Optimizer.evaluation_parameters for each in rule.rules()):
        skip("it is evaluated where it trains")
    return rule, parameters
