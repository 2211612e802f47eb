"""Saved: training goes on from the network that another run ended with.

    θ = θ of the file, by name

Source: Caruana, R. (1994), "Learning Many Related Tasks at the Same Time with Backpropagation", and Yosinski, J., Clune, J.,
Bengio, Y. & Lipson, H. (2014), "How transferable are features in deep neural networks?", section 2: training from the weights
of a trained network. https://arxiv.org/abs/1411.1792

Conventions: the file is ``network.npz`` of a run folder, named arrays that anything that knows NumPy can write and read. All
parameters are taken, biases and gains too, and what layers keep besides, such as running means; the state of the update rule
is not: ``python -m nnreg resume`` goes on with a run itself. Names and shapes must be the network's own; numbers are rounded
to its precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, Untrained
from nnreg_std.inits._named_arrays import read_named_arrays


@dataclass(frozen=True)
class Saved(Init):
    """What was learnt once need not be learnt again.

    Args:
        file: a run's ``network.npz``, or the folder that it lies in; a relative path starts at the working directory.
    """

    file: str

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Write zeros, until ``settle`` writes what is there."""
        weight[...] = 0

    def settle(self, network: Untrained, batch: Array) -> None:
        """Read the file and take every array from it.

        Raises:
            ValueError: it is no file of named arrays, or has others than the network.
            OSError: there is none, or it cannot be read.
        """
        wanted = network.arrays
        for name, array in read_named_arrays(self.file, wanted).items():
            wanted[name][...] = array  # θ = θ of the file
