"""Techniques that stand inside another one, in a field that is annotated with their contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Slot:
    """What a field holds whose technique has not been made yet.

    Attributes:
        default: name of the technique that stands there unless another one is chosen.
    """

    default: str


def slot(default: str) -> Any:
    """Return what stands in a dataclass field for a technique that is still to be made.

    ``inner: Optimizer = slot("adam")`` is a place for an optimizer: the annotation, a contract, says the kind. Whoever
    uses the technique types ``optimizer=lookahead+momentum`` or ``optimizer.inner=momentum``; the instance arrives built. Where
    the technique is made in Python, the field has to be given.

    Args:
        default: name of the technique that stands there unless another one is chosen.
    """
    return Slot(default)
