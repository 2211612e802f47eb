"""What a network is composed of, made by the engine with what the run asks for, and the plan that comes of it."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nnreg.contracts import Activation, Architecture, Dropout, Layer, Norm, Parts, Regularizer, Shape
from nnreg.engine.containers import Chain, Reshape, every_layer
from nnreg.engine.layers import Affine, Unfit, activated
from nnreg.engine.penalty import Penalised


@dataclass(frozen=True)
class RunParts:
    """Parts with the widths, the activation, the norm and the dropout of a run.

    Args:
        widths: units of each hidden layer.
        activation: of every hidden layer.
        norm: prototype of the layer that normalises each hidden layer, or None.
        dropout: prototype of the layer that ends each hidden layer, or None.
        shape: the natural shape of a row, or None.
        seen_by: regularizers that look at the outputs of the activation.
    """

    widths: Sequence[int]
    activation: Activation | Layer
    norm: Norm | None = None
    dropout: Dropout | None = None
    shape: tuple[int, ...] | None = None
    seen_by: Sequence[Regularizer] = ()

    def affine(self, outputs: int) -> Layer:
        """Return y = x W + b on whole rows."""
        return Affine(outputs)

    def hidden(self) -> Layer:
        """Return copies of the norm, the activation and the dropout, in their order."""
        block: list[Layer] = [activated(self.activation), *map(Penalised, self.seen_by)]
        if self.norm is not None:
            block.insert(0 if self.norm.position == "before" else len(block), copy.deepcopy(self.norm))
        if self.dropout is not None:
            block.append(copy.deepcopy(self.dropout))
        return Chain(block)

    def convolution(self, channels: int, kernel: int, stride: int = 1, padding: int = 0) -> Layer:
        """Return a convolution on rows of a shape."""
        from nnreg.engine.convolution import Convolution

        return Convolution(channels, kernel, stride, padding)

    def pool(self, size: int, by: Literal["max", "mean"] = "max") -> Layer:
        """Return pooling of rows of a shape."""
        from nnreg.engine.pooling import Pool

        return Pool(size, by)

    def residual(self, *layers: Layer) -> Layer:
        """Return x plus what some layers make of x."""
        from nnreg.engine.residual import Residual

        return Residual(layers)

    def sequence(self, *layers: Layer) -> Layer:
        """Return layers one after the other."""
        return Chain(layers)


class Perceptron(Architecture):
    """Affine layers one after the other: what is composed where no network was chosen."""

    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return an affine layer for each width, with what stands behind it, and one to the logits."""
        hidden = [layer for units in parts.widths for layer in (parts.affine(units), parts.hidden())]
        return parts.sequence(*hidden, parts.affine(outputs))


@dataclass(frozen=True)
class Plan:
    """A network that has no memory yet.

    Attributes:
        whole: its layers, built.
        shapes: the parameter arrays that they want, numbered by name: W1, b1, W2, ...
    """

    whole: Chain
    shapes: Sequence[Shape]


class NoNetwork(TypeError):
    """An architecture made something that is no network."""


def compose(architecture: Architecture, parts: RunParts, inputs: int, outputs: int) -> Plan:
    """Compose a network, and see that its layers fit.

    Raises:
        Unfit: they do not.
        NoNetwork: it is no layer.
    """
    try:
        stacked = architecture.stack(parts, inputs, outputs)
    except ValueError as refusal:
        raise Unfit(architecture, str(refusal)) from refusal
    if not isinstance(stacked, Layer):
        raise NoNetwork(f"stack returned a {type(stacked).__name__}; it must return a layer, such as parts.sequence(...)")
    whole = Chain([stacked], _with_channels(parts.shape))
    if max(Counter(map(id, every_layer(whole.layers))).values(), default=0) > 1:
        raise NoNetwork("stack put one layer in two places; call parts anew for each place")
    positions = whole.locate(())
    width, shapes = whole.build(inputs)
    if math.prod(positions) * width != outputs:
        raise Unfit(architecture, f"it ends with {math.prod(positions) * width} numbers a row where {outputs} are asked for")
    if positions:  # whole rows again
        whole = Chain([*whole.layers, Reshape(outputs, width)])
        whole.locate(())
        _, shapes = whole.build(inputs)
    return Plan(whole, _numbered(shapes))


def _with_channels(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the shape of a row with its channels; rows without neighbours have none."""
    if shape is None or len(shape) < 2:
        return None
    return shape if len(shape) > 2 else (*shape, 1)


def _numbered(shapes: Sequence[Shape]) -> list[Shape]:
    """Return arrays with a number behind their name, from 1, in the order of the layers."""
    seen: Counter[str] = Counter()
    numbered = []
    for shape in shapes:
        seen[shape.name] += 1
        numbered.append(shape._replace(name=f"{shape.name}{seen[shape.name]}"))
    return numbered
