"""EMA: trains by any rule, and answers with a running average of the parameters it passes.

    θ ← the inner rule's step
    a ← βa + (1 − β)θ
    θ̂ = a / (1 − βᵗ)                   evaluated and kept; training goes on at θ

Source: Kingma, D. P. & Ba, J. (2015), "Adam: A Method for Stochastic Optimization", section 7.2, temporal averaging, after
Polyak, B. T. & Juditsky, A. B. (1992), "Acceleration of Stochastic Approximation by Averaging".
https://arxiv.org/abs/1412.6980

Conventions: a starts at zero and is corrected for it, as in the paper and in optax (debias); torch's swa_utils starts at θ₁ and
Keras at θ₀, which hold a share βᵗ of the average. The running statistics of norms are estimated anew for θ̂, as in torch's
update_bn; Keras and most image models average them too. Training is the inner rule's to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range, slot


@dataclass
class EMA(Optimizer):
    """Any rule, and as its network the average of its last steps: noise is left behind.

    Args:
        lr: learning rate of the inner rule, in (0, inf); null for its own.
        inner: rule that trains.
        decay: β, share of the average that survives a step, in [0, 1); it looks back about 1 / (1 − β) steps.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    state = ("average",)
    scalars = ("steps",)
    search: ClassVar = {"decay": (0.9, 0.9999)}

    lr: float | None = None  # type: ignore[assignment] # the inner rule's
    inner: Optimizer = slot("adam")
    decay: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, decay="[0, 1)")

    def step(self, t: int, factor: float = 1.0) -> None:
        """Let the inner rule step, and average where it came to."""
        self.inner.step(t, factor)
        self._walk.apply(self.update)
        self.steps = t

    def update(self, theta: Array, g: Array, average: Array) -> None:
        """Average one slice."""
        average *= self.decay
        average += (1 - self.decay) * theta  # a ← βa + (1 − β)θ

    def evaluation_parameters(self, out: Array) -> bool:
        """Write the average, corrected for its start at zero."""
        if not self.steps:
            return False
        np.divide(self.state_vectors["average"], 1 - self.decay**self.steps, out=out)  # θ̂ = a / (1 − βᵗ)
        return True
