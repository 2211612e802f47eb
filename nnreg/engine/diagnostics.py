"""Looks at a network: its layers while it trains, and its gradient before.

A layer is a weight matrix W with what stands on it, numbered from 1 at the input. Every ``every``-th step, on the batch of that
step and before its update, these are recorded as ``<quantity>/layer<number>``:

    activation_mean    mean of the outputs y = f(z) of the activation, over rows and units; before dropout, and before a norm
                       that stands after the activation
    activation_std     their standard deviation
    saturated          share of those outputs at which |f′(z)| ≤ 0.05 max |f′|: hardly any gradient passes
    dead               share of units with f′(z) = 0 on every row of the batch: no gradient passes at all
    gradient_norm      ‖∂L/∂W‖ of the objective, penalty included, before clipping
    weight_norm        ‖W‖
    distinct_units     units of the layer whose incoming weights differ by more than rounding, that is anywhere by 1e-5 of the
                       largest weight: units that start alike stay alike, but a product may round their sums differently
    update_ratio       ‖ΔW‖ / ‖W‖ of the update that follows, everything included that changes W; left out where W = 0

Norms are Frobenius norms. The layer of the logits has no activation, so only the last four; so has a residual's projection.
Biases and gains are left out. A unit of a convolution is a filter, and each position of each row counts as a row.

Any formula can be asked, as f′ is its own ``backward`` with dy = 1; max |f′| is that on a grid of z from -10 to 10. An
activation that is a layer is asked in the same way where it works element by element (prelu, rrelu: max |f′| is that of one
untrained unit); one that mixes units (softmax, glu, maxout) has no slope, and saturated and dead are left out. For the
sigmoid f′ = y(1 − y) ≤ 1/4, so saturated means y(1 − y) ≤ 1/80, which is y < .0127 or y > .9873 (|z| > 4.36). The common
y < .05 or y > .95 (|z| > 2.94) is the same measure with .19 instead of .05 and finds more: 62 to 77 % instead of 45 to 66 % of
five layers of 100 with weights of std 1. For tanh it is |y| > .9747; for ReLU it is y = 0, so the share is the sparsity, and a
unit that is 0 on every row is dead: no gradient brings it back while the layers below stay as they are. A unit may be dead on
one batch and not on another.

Source: Glorot, X. & Bengio, Y. (2010), "Understanding the difficulty of training deep feedforward neural networks", sections 3
and 4 (mean, spread and saturation of activations and gradients by layer), https://proceedings.mlr.press/v9/glorot10a.html;
Karpathy, A., CS231n notes (ratio of weights to updates, about 1e-3; dead units), https://cs231n.github.io/neural-networks-3/.

Central differences of the objective on one batch, (L(θ + h) − L(θ − h)) / 2h with h = 1e-5 in float64, parameter by parameter.
Where a kink of the loss, such as ReLU's, lies within h of a parameter, the two rightly differ: one such parameter shows in the
largest difference, hardly in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from nnreg.contracts import Activation, Array, Layer, Targets
from nnreg.engine.containers import every_layer
from nnreg.engine.convolution import Convolution
from nnreg.engine.history import TRAIN_LOSS, Record
from nnreg.engine.layers import Activated, Affine, one_unit
from nnreg.engine.network import Network
from nnreg.engine.numerics import silently
from nnreg.engine.residual import Residual
from nnreg.errors import UserError

OF_ACTIVATIONS = ("activation_mean", "activation_std", "saturated", "dead")
OF_WEIGHTS = ("gradient_norm", "weight_norm", "distinct_units", "update_ratio")
SATURATED = 0.05  # of the largest slope
ROUNDING = 1e-5  # of the largest weight: a hundred times that of float32, as it adds up from update to update
GRID = np.linspace(-10.0, 10.0, 2001)


class Stage(NamedTuple):
    """A weight matrix with what stands on it.

    Attributes:
        name: such as ``layer1``, numbered from the input.
        head: the layer that multiplies by it.
        hidden: the activation on it, or None.
        steepest: the largest slope of that activation.
    """

    name: str
    head: Affine | Convolution
    hidden: Activated | None
    steepest: float


class Diagnostics:
    """Measures the layers of a network while it trains; reads only, so training goes on to the last bit as without.

    Args:
        network: the one that is trained.
        every: steps between two measurements, from 1; between them nothing is computed or allocated.
    """

    def __init__(self, network: Network, every: int) -> None:
        self._every = every
        self._stages = stages_of(network)

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass on the records of ``train``, and after a training loss that is due, or its update, what was measured.

        Records must come straight from ``train``: a training loss before its update, the next record after it.
        """
        due, before = 0, list[Array]()
        for record in records:
            if before:
                yield from self._update(due, before)
                before = []
            if record.metric == TRAIN_LOSS and record.step % self._every == 0 and math.isfinite(record.value):
                due, before = record.step, [stage.head.weights.theta.copy() for stage in self._stages]
                measured = self._state(due)
                yield record
                yield from measured
            else:
                yield record
        if before:
            yield from self._update(due, before)

    @silently
    def _state(self, step: int) -> list[Record]:
        values: dict[str, float] = {}
        for name, head, hidden, steepest in self._stages:
            if hidden is not None:
                values |= {f"{quantity}/{name}": value for quantity, value in of_outputs(hidden, steepest).items()}
            values[f"gradient_norm/{name}"] = _norm(head.weights.grad)
            values[f"weight_norm/{name}"] = _norm(head.weights.theta)
            values[f"distinct_units/{name}"] = float(_distinct(head.weights.theta))
        return _records(step, values)

    @silently
    def _update(self, step: int, before: list[Array]) -> list[Record]:
        values: dict[str, float] = {}
        for stage, old in zip(self._stages, before, strict=True):
            if length := _norm(old):
                values[f"update_ratio/{stage.name}"] = _norm(np.subtract(stage.head.weights.theta, old, out=old)) / length
        return _records(step, values)


@silently
def steepest_slope(activation: Activation | Layer) -> float:
    """Return max |f′(z)| on a grid of z from -10 to 10, 0 where there is no slope."""
    unit = one_unit(activation, GRID)
    slope = None if unit is None else unit.slope()
    return 0.0 if slope is None else float(slope.max(where=np.isfinite(slope), initial=0.0))


def stages_of(network: Network) -> list[Stage]:
    """Return each weight matrix with the activation that stands on it; on one with none, and on a shortcut, there is none."""
    layers = list(every_layer(network.layers))
    shortcuts = [layer.shortcut for layer in layers if isinstance(layer, Residual)]
    heads = [(place, layer) for place, layer in enumerate(layers) if isinstance(layer, Affine | Convolution)]
    ahead = [place for place, layer in heads if layer not in shortcuts]
    stages = []
    for number, (place, head) in enumerate(heads, start=1):
        end = next((other for other in ahead if other > place), None)
        rest = layers[place:end] if place in ahead else []
        hidden = next((layer for layer in rest if isinstance(layer, Activated)), None)
        stages.append(Stage(f"layer{number}", head, hidden, steepest_slope(hidden.activation) if hidden else 0.0))
    return stages


def of_outputs(hidden: Activated, steepest: float) -> dict[str, float]:
    """Return what is measured of the last outputs of an activation, by quantity; ``steepest`` is its largest slope."""
    _, y = hidden.last
    values = {"activation_mean": float(y.mean(dtype=np.float64)), "activation_std": float(y.std(dtype=np.float64))}
    slope = hidden.slope()
    if slope is None:
        return values
    return values | {
        "saturated": float(np.mean(slope <= SATURATED * steepest)),
        "dead": float(np.mean(slope.max(axis=0) == 0)),
    }


def _distinct(theta: Array) -> int:
    """Return how many of the columns differ from one another; those that are alike stand beside each other in order."""
    order = np.argsort(np.cos(np.arange(len(theta))) @ theta)
    apart = np.abs(np.diff(theta[:, order], axis=1)).max(axis=0)
    return 1 + int(np.count_nonzero(~(apart <= ROUNDING * np.abs(theta).max())))  # what is not a number differs


def _norm(array: Array) -> float:
    """Return the Frobenius norm, in float64: the squares of a vanishing float32 gradient would be zero."""
    return float(np.linalg.norm(array.astype(np.float64)))


def _records(step: int, values: dict[str, float]) -> list[Record]:
    return [Record(step, metric, value) for metric, value in values.items() if math.isfinite(value)]


H = 1e-5
MOST = 50_000  # parameters; each costs two forward passes


def check_gradient(network: Network, rows: tuple[Array, Targets], masks: np.random.Generator) -> Iterator[Record]:
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
    stream = masks.bit_generator.state

    def objective() -> float:
        masks.bit_generator.state = stream
        return network.loss_and_gradient(*rows)

    numerical = np.empty_like(theta)
    with network.keeping_state(masks):
        objective()
        backpropagated = network.parameters.grad.copy()
        for index in range(size):
            value = theta[index]
            theta[index] = value + H
            above = objective()
            theta[index] = value - H
            numerical[index] = (above - objective()) / (2 * H)
            theta[index] = value
    network.parameters.grad[...] = np.abs(backpropagated - numerical)  # its named views pick the arrays out
    scale = float(np.abs(numerical).max()) or 1.0
    for name, weights in network.parameters.named.items():
        yield Record(0, f"gradient_difference/{name}", float(weights.grad.mean()))
        yield Record(0, f"gradient_worst/{name}", float(weights.grad.max()) / scale)
