"""A new kind of technique, of which nnreg has never heard."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Halving:
    """Halves something now and then.

    Args:
        every: steps between two halvings.
        mode: how.
    """

    every: int = 100
    mode: Literal["stairs", "ramp"] = "stairs"
