from dataclasses import dataclass

from nnreg.contracts import Optimizer, check_range, slot


@dataclass
class Slow(Optimizer):
    """Goes half of the way that the inner rule has gone in a few steps.

    Source: Zhang et al. (2019), "Lookahead Optimizer". https://arxiv.org/abs/1907.08610

    Args:
        lr: of the inner rule; null for its own.
        inner: rule that explores.
        every: steps between two moves of the slow weights, in [1, inf).
    """

    state = ("slow",)
    lr: float | None = None
    inner: Optimizer = slot("momentum")
    every: int = 5

    def __post_init__(self):
        super().__post_init__()
        check_range(self, every="[1, inf)")

    def bind(self, parameters):
        super().bind(parameters)
        self.state_vectors["slow"][...] = parameters.theta

    def step(self, t, factor=1.0):
        self.inner.step(t, factor)
        if t % self.every == 0:
            self.parameters.theta[...] = (self.parameters.theta + self.state_vectors["slow"]) / 2
            self.state_vectors["slow"][...] = self.parameters.theta

    def evaluation_parameters(self, out):
        out[...] = self.state_vectors["slow"]
        return True
