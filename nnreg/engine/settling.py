"""What an init is given that settles a network: its arrays, and what its layers make of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from nnreg.contracts import Array, Init, Place
from nnreg.contracts.init import settle_of
from nnreg.engine.containers import every_layer
from nnreg.engine.layers import Weighted
from nnreg.engine.network import Network
from nnreg.engine.numerics import silently


class Filled:
    """A network that has been filled and not trained: a ``nnreg.contracts.Untrained``.

    Args:
        network: whose arrays are shown.
        masks: its stream of random masks, put back after every look.
    """

    def __init__(self, network: Network, masks: np.random.Generator) -> None:
        self._network, self._masks = network, masks
        names = {id(weights.theta): name for name, weights in network.parameters.named.items()}
        weighted = [layer for layer in every_layer(network.layers) if isinstance(layer, Weighted)]
        self._weighted = {names[id(layer.weights.theta)]: layer for layer in weighted}

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weight arrays of which ``outputs`` can be asked, by name, from the input to the logits."""
        return MappingProxyType({name: layer.weights.theta for name, layer in self._weighted.items()})

    @property
    def arrays(self) -> Mapping[str, Array]:
        """All parameters by name, and what layers keep besides."""
        return arrays_of(self._network)

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each parameter array stands, by name."""
        return self._network.parameters.places

    @silently
    def outputs(self, name: str, batch: Array) -> Array:
        """Return what the layer of a weight array puts out for a batch, as in training: a new array."""
        with self._network.keeping_state(self._masks):
            self._network.forward(batch, training=True)
        return self._weighted[name].answer.copy()


def arrays_of(network: Network) -> Mapping[str, Array]:
    """Return the arrays that make a network what it is: parameters by name, and the state of its layers."""
    named = {name: weights.theta for name, weights in network.parameters.named.items()}
    return MappingProxyType(named | dict(network.state()))


def settle(network: Network, init: Init, batch: Callable[[], Array], masks: np.random.Generator) -> None:
    """Let an init that wants to settle a filled network.

    Args:
        network: has been filled.
        init: most do not want to.
        batch: returns features, float array (rows, features).
        masks: the network's stream of random masks; it ends where it was.

    Raises:
        ValueError: the init refuses, or leaves numbers that are not finite.
    """
    wanted = settle_of(init)
    if wanted is None:
        return
    seen = batch().view()
    seen.flags.writeable = False
    wanted(Filled(network, masks), seen)
    broken = [name for name, array in arrays_of(network).items() if not np.isfinite(array).all()]
    if broken:
        raise ValueError(f"settling left {', '.join(broken)} with numbers that are not finite")
