"""An average of weights as a plugin of one's own.

Source: Polyak, B. & Juditsky, A. (1992), "Acceleration of stochastic approximation by averaging".
"""

from dataclasses import dataclass

from nnreg.contracts import Optimizer, check_range, slot


@dataclass
class Average(Optimizer):
    """Trains as the inner rule does, and is evaluated at the average of where it was.

    Args:
        lr: of the inner rule; null for its own.
        inner: rule that trains.
        decay: share of the average that survives a step, in [0, 1).
    """

    state = ("mean",)
    scalars = ("steps",)
    lr: float | None = None
    inner: Optimizer = slot("adam")
    decay: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, decay="[0, 1)")

    def step(self, t, factor=1.0):
        self.inner.step(t, factor)
        mean, self.steps = self.state_vectors["mean"], t
        mean += (1 - self.decay) * (self.parameters.theta - mean)

    def evaluation_parameters(self, out):
        if self.steps:
            out[...] = self.state_vectors["mean"] / (1 - self.decay**self.steps)
        return bool(self.steps)
