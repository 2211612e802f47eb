"""What a norm must do besides what every layer must."""

from __future__ import annotations

from nnreg.contracts import Shape
from nnreg.testing.report import Subject, expect


def its_position_is_before_or_after_the_activation(subject: Subject) -> None:
    """The network asks it where in a hidden layer it stands."""
    position = subject.make().position
    expect(position in ("before", "after"), f"position must be 'before' or 'after' the activation, got {position!r}")


def gains_and_shifts_are_not_decayed(subject: Subject) -> None:
    """Its parameters have a start of their own: no init fills them, no regularizer pulls them to zero."""
    _, shapes = subject.make().build(5)
    odd = [shape.name for shape in map(Shape._make, shapes) if shape.decays or shape.start is None]
    expect(not odd, f"{', '.join(odd)} must have decays=False and a start, such as 1 for a gain")
