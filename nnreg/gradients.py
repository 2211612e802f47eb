"""Backpropagated and numerical gradients side by side: is the backward pass of this very network right?

Central differences of the objective on one batch, (L(θ + h) − L(θ − h)) / 2h with h = 1e-5 in float64, parameter by parameter.
Where a kink of the loss, such as ReLU's, lies within h of a parameter, the two rightly differ: one such parameter shows in the
largest difference, hardly in the mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnreg.contracts import Array, Targets
from nnreg.errors import UserError
from nnreg.network import Network
from nnreg.records import Record

H = 1e-5
MOST = 50_000  # parameters; each costs two forward passes


def check(network: Network, rows: tuple[Array, Targets], masks: np.random.Generator) -> Iterator[Record]:
    """Compare the gradients of an untrained network, and leave it as it was.

    Args:
        network: of float64.
        rows: x and y of the batch.
        masks: stream of random masks, put back before every evaluation, so that all see the same.

    Yields:
        ``gradient_difference/<array>`` (mean of the absolute differences) and ``gradient_worst/<array>`` (the largest, relative
        to the largest numerical component), at step 0, for each parameter array.

    Raises:
        UserError: the network is not of float64, or has too many parameters.
    """
    theta, size = network.parameters.theta, network.parameters.theta.size
    if theta.dtype != np.float64:
        raise UserError("check_gradient=true needs dtype=float64: in float32 differences are rounding")
    if size > MOST:
        raise UserError(f"check_gradient=true would take {2 * size:,} forward passes: use a smaller network, hidden=[20,20]")
    kept, stream = {name: array.copy() for name, array in network.state().items()}, masks.bit_generator.state

    def objective() -> float:
        masks.bit_generator.state = stream
        return network.loss_and_gradient(*rows)

    objective()
    backpropagated = network.parameters.grad.copy()
    numerical = np.empty_like(theta)
    for index in range(size):
        value = theta[index]
        theta[index] = value + H
        above = objective()
        theta[index] = value - H
        numerical[index] = (above - objective()) / (2 * H)
        theta[index] = value
    for name, array in network.state().items():
        array[...] = kept[name]
    masks.bit_generator.state = stream
    network.parameters.grad[...] = np.abs(backpropagated - numerical)  # its named views pick the arrays out
    scale = float(np.abs(numerical).max()) or 1.0
    for name, weights in network.parameters.named.items():
        yield Record(0, f"gradient_difference/{name}", float(weights.grad.mean()))
        yield Record(0, f"gradient_worst/{name}", float(weights.grad.max()) / scale)
