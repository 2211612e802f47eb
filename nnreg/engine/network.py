"""A network on one flat buffer of parameters: forward, backward, loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import accumulate
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nnreg.contracts import (
    Activation,
    Architecture,
    Array,
    Dropout,
    Init,
    Layer,
    Loss,
    Norm,
    Passed,
    Place,
    Regularizer,
    Shape,
    Targets,
    Weights,
)
from nnreg.contracts.arrays import check_same
from nnreg.contracts.init import fill_of
from nnreg.contracts.objective import target_of
from nnreg.engine.containers import Reshape, every_layer
from nnreg.engine.layers import Affine, Weighted
from nnreg.engine.numerics import silently
from nnreg.engine.parts import Perceptron, RunParts, compose
from nnreg.engine.penalty import Penalised, Penalty, weights_of
from nnreg.engine.places import gain_of, places_of
from nnreg.engine.rows import Unconverted


class Computing(Protocol):
    """What a pass goes through: a layer, or what stands for several."""

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return what it makes of x."""

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write its gradients; return dx."""


class MeanLoss(Protocol):
    """What a pass ends with: a loss, or what stands for it."""

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""


class Parameters:
    """All trainable numbers of a network, contiguous, so that an optimizer is arithmetic on one vector.

    The arrays that decay come first in memory: weight decay is one slice that leaves out biases and gains. Buffers and
    views live as long as this object and are written in place; nothing rebinds them, so no layer can lose its weights.

    Args:
        shapes: the arrays wanted, with names that are unique.
        dtype: float32 or float64.
        gain: returns that of the activation after every layer but the last; asked when ``places`` are looked at first.

    Raises:
        ValueError: two arrays have the same name.
    """

    def __init__(
        self, shapes: Sequence[Shape], dtype: npt.DTypeLike = np.float32, gain: Callable[[], float] = lambda: 1.0
    ) -> None:
        self._shapes, self._gain = shapes, gain
        in_memory = sorted(shapes, key=lambda shape: not shape.decays)
        sizes = [math.prod(shape.shape) for shape in in_memory]
        self._theta: Array = np.zeros(sum(sizes), dtype)
        self._grad: Array = np.zeros(sum(sizes), dtype)
        decaying = sum(size for shape, size in zip(in_memory, sizes, strict=True) if shape.decays)
        self._weights, self._weights_grad = self._theta[:decaying], self._grad[:decaying]

        views = {}
        for (name, shape, *_), size, end in zip(in_memory, sizes, accumulate(sizes), strict=True):
            if name in views:
                raise ValueError(f"parameter names must be unique, got {name} twice")
            part = slice(end - size, end)
            views[name] = Weights(self._theta[part].reshape(shape), self._grad[part].reshape(shape))
        self._named = MappingProxyType({shape.name: views[shape.name] for shape in shapes})

    @property
    def theta(self) -> Array:
        """All parameters, float array (size,), read and written in place."""
        return self._theta

    @theta.setter
    def theta(self, same: Array) -> None:
        check_same(self._theta, same, "theta")

    @property
    def grad(self) -> Array:
        """The gradient of the objective, float array (size,), read and written in place."""
        return self._grad

    @grad.setter
    def grad(self, same: Array) -> None:
        check_same(self._grad, same, "grad")

    @property
    def weights(self) -> Array:
        """The parameters that decay, float array (n,): the first slice of ``theta``."""
        return self._weights

    @property
    def weights_grad(self) -> Array:
        """The gradient of the parameters that decay, float array (n,): the first slice of ``grad``."""
        return self._weights_grad

    @property
    def named(self) -> Mapping[str, Weights]:
        """Layer-shaped views of the same memory by name, in the order in which they were asked for."""
        return self._named

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Where each of these arrays stands in the network, by name."""
        return places_of(self._shapes, self._gain)


EVALUATION_ROWS = 256  # a network trained on smaller batches is still evaluated in chunks that keep BLAS busy


class Network:
    """The layers that an architecture composes, from the rows to the logits, trained on one loss.

    The objective of training is the mean loss of a batch plus the regularizer's penalty. Work arrays are allocated once, for
    ``rows`` rows; a step writes into them.

    Args:
        features: number of inputs.
        hidden: number of units of each hidden layer; empty for a linear model.
        outputs: number of logits.
        architecture: composes the layers; None for affine ones, each hidden one with norm, activation and dropout.
        shape: the natural shape of a row, for layers that look at neighbours, or None.
        activation: applied after every hidden layer; a formula, or the prototype of a layer.
        loss: of logits and targets.
        regularizer: penalty on the weights, biases left out, or on the outputs of hidden layers.
        norm: prototype of the layer that normalises each hidden layer, or None.
        dropout: prototype of the layer that ends each hidden layer, or None.
        masks: stream of random masks for layers that want them.
        rows: the largest batch that will be trained on.
        dtype: float32, or float64 to check gradients.

    Attributes:
        layers: all of them as one flat list, whatever they were composed of; some may hold others.
        loss: as given.
        is_compiled: whether compiled code does what it can.

    Raises:
        Unfit: a layer does not fit what comes before it, or the architecture makes nothing of these inputs and outputs.
        NoNetwork: the architecture made something else.
    """

    is_compiled = False

    def __init__(
        self,
        features: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        architecture: Architecture | None = None,
        shape: tuple[int, ...] | None = None,
        activation: Activation | Layer,
        loss: Loss,
        regularizer: Regularizer,
        norm: Norm | None = None,
        dropout: Dropout | None = None,
        masks: np.random.Generator | None = None,
        rows: int,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.dtype = np.dtype(dtype)
        seen_by = [regularizer] if target_of(regularizer) == "outputs" else []
        parts = RunParts(hidden, activation, norm, dropout, shape, seen_by)
        plan = compose(architecture or Perceptron(), parts, features, outputs)
        self.layers: Sequence[Layer] = plan.whole.layers
        lowest = int(isinstance(self.layers[0], Reshape))  # what lies below it has no gradient to pass on
        self._computing: Sequence[Computing] = self.layers
        self._lowest: Computing = self.layers[lowest]
        self._above: Sequence[Computing] = self.layers[:lowest:-1]
        self.loss = loss
        self._loss: MeanLoss = loss
        self._regularizer = regularizer
        self._chunk = max(rows, EVALUATION_ROWS)
        self._dlogits_rows: Array = np.empty((rows, outputs), dtype)
        self._dlogits = self._dlogits_rows
        self._shapes = plan.shapes
        self.parameters = Parameters(self._shapes, dtype, partial(gain_of, activation))
        weights = Weights(self.parameters.weights, self.parameters.weights_grad)
        seen = [layer for layer in every_layer(self.layers) if isinstance(layer, Penalised)]
        self.penalty = Penalty(regularizer, weights, weights_of(self._shapes, self.parameters.named), seen)
        views = [self.parameters.named[shape.name] for shape in self._shapes]
        plan.whole.bind(views, self._chunk, self.dtype, masks or np.random.default_rng(0))

    def compile(self) -> None:
        """Let compiled code do what it can do of a pass, from now on; the layers stay what and where they are."""
        from nnreg.engine.batch_loops import CompiledLoss
        from nnreg.engine.fused import staged

        self.is_compiled, self._loss = True, CompiledLoss(self.loss, self.dtype)
        lowest = int(isinstance(self.layers[0], Reshape))
        self._computing = [*self.layers[:lowest], *staged(self.layers[lowest:])]
        self._lowest, self._above = self._computing[lowest], self._computing[:lowest:-1]

    def look_again(self) -> None:
        """Let compiled code take note of techniques whose numbers have changed."""
        for stage in self._computing:
            getattr(stage, "look_again", _nothing)()

    def initialise(self, init: Init, rng: np.random.Generator, bias: Init | None = None) -> None:
        """Give every parameter its starting value.

        Weights are drawn first, from the first layer to the last, then biases: the choice for one leaves the other alone.

        Args:
            init: fills each weight array (fan_in, fan_out).
            rng: the stream of initial parameters, advanced.
            bias: fills each bias vector, as a (1, fan_out) array; None for zeros.
        """
        views = {shape: self.parameters.named[shape.name].theta for shape in self._shapes}
        fill, fill_bias = fill_of(init), fill_of(bias) if bias is not None else _zeros
        for shape, theta in views.items():
            if shape.decays:
                fill(theta, rng, partial(self._place, shape))
        for shape, theta in views.items():
            if shape.start is not None:
                theta[...] = shape.start
            elif not shape.decays:
                fill_bias(theta.reshape(1, -1), rng, partial(self._place, shape))

    def _place(self, shape: Shape) -> Place:
        return self.parameters.places[shape.name]

    @property
    def multiplications(self) -> int:
        """How many numbers of its weight matrices multiply on a row's way forward."""
        weighted = (layer for layer in every_layer(self.layers) if isinstance(layer, Weighted))
        return sum(layer.weights.theta.size * layer.times for layer in weighted)

    def state(self) -> Mapping[str, Array]:
        """Return what training changes besides parameters, layer by layer: the arrays themselves, by name."""
        layers = enumerate(every_layer(self.layers))
        return {f"{place}.{name}": array for place, layer in layers for name, array in layer.state().items()}

    @contextmanager
    def keeping_state(self, masks: np.random.Generator) -> Iterator[None]:
        """Put what layers keep, and the stream of random masks, back in the end to where they stand now."""
        state, stream = self.state(), masks.bit_generator.state
        kept = [array.copy() for array in state.values()]
        try:
            yield
        finally:
            masks.bit_generator.state = stream
            for array, values in zip(state.values(), kept, strict=True):
                array[...] = values

    @silently
    def renew(self, batches: Iterable[Array]) -> None:
        """Collect what layers keep of what they saw anew, such as running means; all else is in evaluation mode.

        Args:
            batches: features, each a float array (n, features) of the network's dtype, n <= rows, read.
        """
        try:
            for k, features in enumerate(batches, start=1):
                x = features
                for layer in self.layers:
                    x = layer.forward(x, training=layer.renew(k))
        finally:
            for layer in self.layers:
                layer.renew(0)

    def passed(self) -> Mapping[str, Passed]:
        """Return the inputs and the outputs' gradient of each affine layer in the last pass, by the name of its weights."""
        names = {id(array.theta): name for name, array in self.parameters.named.items()}
        affine = (layer for layer in every_layer(self.layers) if isinstance(layer, Affine))
        return {names[id(layer.weights.theta)]: layer.passed for layer in affine}

    def decay(self, lr: float) -> None:
        """Let a decoupled regularizer shrink the weights, before an update whose learning rate is ``lr``."""
        self._regularizer.decay(self.parameters.weights, lr)

    @silently
    def loss_and_gradient(self, x: Array, targets: Targets) -> float:
        """Return the objective on a batch and overwrite ``parameters.grad`` with its gradient.

        Args:
            x: features, float array (n, features) of the network's dtype, n <= rows, read.
            targets: class numbers, integer array (n,), or values, float array (n, outputs), read.
        """
        return self.audible_loss_and_gradient(x, targets)

    def audible_loss_and_gradient(self, x: Array, targets: Targets, weight: Array | None = None) -> float:
        """Do the same where what overflows may warn: the training loop silences all its steps at once, which costs less."""
        logits = self.forward(x, training=True)
        if len(self._dlogits) != len(x):
            self._dlogits = self._dlogits_rows[: len(x)]
        dy = self._dlogits
        loss = self._loss.value_and_gradient(logits, targets, out=dy)
        if weight is not None:
            loss = self._mean(logits, targets, weight)
            dy *= weight[:, None]
        for layer in self._above:
            dy = layer.backward(dy)
        self._lowest.backward(dy, need_dx=False)
        self.penalty.add_gradient()
        return loss + self.penalty.value()

    def audible_loss(self, x: Array, targets: Targets, weight: Array | None = None) -> float:
        """Return the objective on a batch in training mode, without a gradient; what overflows may warn."""
        return self._mean(self.forward(x, training=True), targets, weight) + self.penalty.value()

    def _mean(self, logits: Array, targets: Targets, weight: Array | None) -> float:
        """Return the mean loss of rows, of which each counts by its weight: 1 on average over the split that they are of."""
        if weight is None:
            return self._loss.value(logits, targets)
        return float(weight @ self.loss.row_losses(logits, targets)) / len(logits)  # type: ignore[attr-defined]

    @silently
    def evaluate(self, x: Array | Unconverted, targets: Targets, weight: Array | None = None) -> dict[str, float]:
        """Return how well the network does; parameters and gradient stay as they are.

        Args:
            x: features, float array (n, features), any n >= 1, or what is converted to such chunk by chunk, read.
            targets: class numbers, integer array (n,), or values, float array (n, outputs), read.
            weight: how much each row counts in all that is returned, float array (n,), 1 on average, read; None: all alike.

        Returns:
            ``loss``, the mean loss of the data alone, without the regularizer's penalty, so that runs can be compared across
            penalties; and for classes ``accuracy``, the share of rows whose largest logit is that of the label, for values
            ``r2``, the share of their variance that is explained, at most 1.
        """
        if np.issubdtype(targets.dtype, np.integer):
            return self._evaluate_classes(x, targets, weight)
        chunks = list(self._logits(x))
        loss = self._sum(chunks, targets, weight) / len(x)
        logits = np.concatenate([logits for _, logits in chunks])
        if weight is not None:
            return {"loss": loss, "r2": _weighted_r2(targets, logits, weight)}
        unexplained = float(np.square(targets - logits).sum())
        return {"loss": loss, "r2": 1 - unexplained / float(np.square(targets - targets.mean(axis=0)).sum())}

    def _evaluate_classes(self, x: Array | Unconverted, targets: Targets, weight: Array | None) -> dict[str, float]:
        """Return mean loss and accuracy, chunk by chunk: there may be more rows than memory for their logits."""
        loss, right = 0.0, 0.0
        for part, logits in self._logits(x):
            part_of = None if weight is None else weight[part]
            is_right = logits.argmax(axis=1) == targets[part]
            loss += self._mean(logits, targets[part], part_of) * len(logits)
            right += int(np.count_nonzero(is_right)) if part_of is None else float(part_of[is_right].sum(dtype=np.float64))
        return {"loss": loss / len(x), "accuracy": right / (len(x) if weight is None else float(weight.sum(dtype=np.float64)))}

    @silently
    def measure_loss(self, x: Array | Unconverted, targets: Targets, weight: Array | None = None) -> float:
        """Return the mean loss of the data alone, as ``evaluate`` does, also of rows of a single value, which have no R²."""
        return self._sum(self._logits(x), targets, weight) / len(x)

    def _sum(self, chunks: Iterable[tuple[slice, Array]], targets: Targets, weight: Array | None) -> float:
        """Return the sum of the losses of all rows, of logits chunk by chunk."""
        return sum(
            self._mean(logits, targets[part], None if weight is None else weight[part]) * len(logits) for part, logits in chunks
        )

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return the logits, float array (n, outputs), valid until the next call, for features (n, features)."""
        for layer in self._computing:
            x = layer.forward(x, training=training)
        return x

    @silently
    def logits(self, x: Array | Unconverted) -> Array:
        """Return the logits of any number of rows in evaluation mode, a new float array (n, outputs); nothing else changes.

        Args:
            x: features, float array (n, features), any n, or what is converted to such chunk by chunk, read.
        """
        none = np.empty((0, self._dlogits_rows.shape[1]), self.dtype)
        return np.concatenate([none, *(logits for _, logits in self._logits(x))])

    def _logits(self, x: Array | Unconverted) -> Iterator[tuple[slice, Array]]:
        """Yield the rows of a chunk and their logits."""
        for first in range(0, len(x), self._chunk):
            part = slice(first, first + self._chunk)
            yield part, self.forward(np.asarray(x[part], self.dtype), training=False).copy()


def _weighted_r2(targets: Array, logits: Array, weight: Array) -> float:
    """Return the share of the variance that is explained, at most 1, where rows count by their weights."""
    spread = targets - np.average(targets, axis=0, weights=weight)
    return 1 - float((weight @ np.square(targets - logits)).sum()) / float((weight @ np.square(spread)).sum())


def _zeros(bias: Array, rng: np.random.Generator, place: Callable[[], Place]) -> None:
    bias[...] = 0


def _nothing() -> None:
    pass
