"""A schedule that looks at the validation loss as a plugin of one's own.

Source: Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep Learning", section 8.3.1.
"""

import math
from dataclasses import dataclass

from nnreg.contracts import Schedule, check_range


@dataclass
class Drop(Schedule):
    """Goes on with a tenth of the learning rate where the validation loss has not fallen for a while.

    Args:
        patience: updates without a lower loss, in [0, inf).
    """

    watches = ("valid/loss",)
    scalars = ("lowest", "at", "level")
    patience: int = 200

    def __post_init__(self) -> None:
        check_range(self, patience="[0, inf)")
        self.lowest, self.at, self.level = math.inf, 0, 1.0

    def observe(self, step, metric, value):
        if value < self.lowest:
            self.lowest, self.at = value, step
        elif step - self.at > self.patience:
            self.level, self.at = self.level / 10, step

    def factor(self, t, steps):
        return self.level
