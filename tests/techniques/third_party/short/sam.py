"""SAM as a plugin of one's own.

Source: Foret et al. (2021), "Sharpness-Aware Minimization". https://arxiv.org/abs/2010.01412
"""

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Optimizer, check_range, slot


@dataclass
class Sharpness(Optimizer):
    """Steps with the gradient of the worst point near by.

    Args:
        lr: of the inner rule; null for its own.
        inner: rule that makes the step.
        rho: distance of that point, in [0, inf).
    """

    looks_again = True
    lr: float | None = None
    inner: Optimizer = slot("sgd")
    rho: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, rho="[0, inf)")

    def step(self, t, factor=1.0):
        theta, g = self.parameters.theta, self.parameters.grad
        before = theta.copy()
        largest = np.abs(g).max(initial=0) or 1.0
        theta += self.rho * (g / largest) / (np.linalg.norm(g / largest) or 1.0)
        self.reevaluate()
        theta[...] = before
        self.inner.step(t, factor)
