"""What every network must do, whatever it is composed of."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Array
from nnreg.engine.containers import every_layer
from nnreg.engine.network import Network
from nnreg.testing.arrays import expect_gradient, gradient
from nnreg.testing.composing import FEATURES, OUTPUTS, ROWS, TARGETS, Tanh, X, composed
from nnreg.testing.report import Subject, expect, expect_close


def _arrays(network: Network) -> dict[str, tuple[int, ...]]:
    return {name: weights.theta.shape for name, weights in network.parameters.named.items()}


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """The backward pass is the derivative of the loss by every parameter, in float64."""
    network = composed(subject.make())
    start = network.parameters.theta.copy()
    network.loss_and_gradient(X, TARGETS)
    written = network.parameters.grad.copy()

    def objective(theta: Array) -> float:
        network.parameters.theta[...] = theta
        return network.loss_and_gradient(X, TARGETS)

    expect_gradient(written, gradient(objective, start), "backward wrote another gradient")


def it_answers_with_as_many_numbers_as_are_asked_for(subject: Subject) -> None:
    """One row of logits for each row of inputs, of the width that the run needs."""
    for outputs in (1, 3, FEATURES):
        answer = composed(subject.make(), outputs=outputs).forward(X, training=False)
        expect(answer.shape == (ROWS, outputs), f"asked for {outputs} numbers it answered with an array {answer.shape}")


def each_row_is_answered_alone(subject: Subject) -> None:
    """In evaluation a row's answer does not depend on the batch that it comes in."""
    network = composed(subject.make())
    together = network.forward(X, training=False).copy()
    alone = np.concatenate([network.forward(X[row : row + 1], training=False).copy() for row in range(ROWS)])
    expect_close(alone, together, "a row evaluated alone has another answer than in a batch", rtol=1e-9, atol=1e-12)


def it_is_composed_anew_each_time(subject: Subject) -> None:
    """Two networks of one architecture share no layer, and ask for the same arrays."""
    architecture = subject.make()
    one, other = composed(architecture), composed(architecture)
    shared = {id(layer) for layer in every_layer(one.layers)} & {id(layer) for layer in every_layer(other.layers)}
    expect(not shared, "composed twice it put the same layer into both networks; ask parts for new ones in stack")
    expect(_arrays(one) == _arrays(other), f"composed twice it asked for other arrays: {_arrays(one)}, then {_arrays(other)}")


def the_widths_of_the_run_are_heard(subject: Subject) -> None:
    """``hidden=[5,4]`` and ``hidden=[7,4]`` are two networks."""
    narrow, wide = (_arrays(composed(subject.make(), hidden)) for hidden in ((5, 4), (7, 4)))
    expect(narrow != wide, "hidden=[7,4] made the same network as hidden=[5,4]; take the widths from parts.widths")


def the_activation_of_the_run_stands_in_it(subject: Subject) -> None:
    """What stands behind a hidden layer is the run's own choice, ``parts.hidden()``."""
    activation = Tanh()
    composed(subject.make(), activation=activation).forward(X, training=False)
    expect(activation.asked > 0, "the activation of the run is nowhere in it; put parts.hidden() behind each hidden layer")


def what_does_not_fit_is_refused_with_a_reason(subject: Subject) -> None:
    """Rows without a shape, and rows of one number, make a network, or a ValueError that says why not."""
    for features, shape in ((FEATURES, None), (1, (1, 1)), (1, None)):
        try:
            network = composed(subject.make(), features=features, shape=shape)
        except ValueError as reason:
            expect(str(reason).strip(), "what does not fit is refused without a reason")
            continue
        answer = network.forward(X[:, :features], training=False)
        expect(answer.shape == (ROWS, OUTPUTS), f"of {features} inputs it made an array {answer.shape}")
