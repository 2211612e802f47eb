"""Where each parameter array stands in the network, and the gain that suits the activation after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from nnreg.contracts import Activation, Layer, Place, Shape
from nnreg.engine.layers import one_unit
from nnreg.engine.numerics import silently

NODES = np.linspace(-10.0, 10.0, 20_001)
DENSITY = np.exp(-0.5 * np.square(NODES)) / math.sqrt(2 * math.pi)


def places_of(shapes: Sequence[Shape], gain: Callable[[], float]) -> Mapping[str, Place]:
    """Return the place of each array by name.

    Args:
        shapes: in the order of the network's layers, with names that are unique.
        gain: of the activation after every layer but the last.
    """
    layers, layer = sum(shape.role == "weight" for shape in shapes), 0
    hidden = gain() if layers > 1 else 1.0
    places = {}
    for shape in shapes:
        layer += shape.role == "weight"
        fans = (shape.shape[0], shape.fan_out or shape.shape[-1]) if shape.role == "weight" else (1, shape.shape[-1])
        places[shape.name] = Place(shape.name, max(layer, 1), layers, shape.role, *fans, hidden if layer < layers else 1.0)
    return MappingProxyType(places)


@silently
def gain_of(activation: Activation | Layer) -> float:
    """Return 1 / √E f(z)² for z from N(0, 1), by the trapezoidal rule; 1 where that is no finite number above 0, or no f."""
    unit = one_unit(activation, NODES)
    if unit is None:  # it mixes units
        return 1.0
    y = unit.forward(NODES.reshape(-1, 1), training=False)[:, 0]
    second_moment = float(np.trapezoid(np.square(y) * DENSITY, NODES))
    return 1 / math.sqrt(second_moment) if 0 < second_moment < math.inf else 1.0
