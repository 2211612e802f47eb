"""What a study writes about a figure, checked: which words there are, which are missing, which are of the wrong type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg.errors import UserError, instead

OUTSIDE = ("kind", "title", "name")
"""Words about a figure that are not the drawing's concern."""

Words = TypeVar("Words", bound="Common")


@dataclasses.dataclass
class Common:
    """What every figure may be told.

    Args:
        subtitle: what is shown, below the title.
        note: added to the line below the figure.
    """

    subtitle: str = ""
    note: str = ""


def read(words: type[Words], spec: Mapping[str, Any]) -> Words:
    """Return a figure's words, typed.

    Raises:
        UserError: a word is unknown, missing or of the wrong type.
    """
    known = [field.name for field in dataclasses.fields(words)]
    kind = str(spec.get("kind", words.__name__.lower()))
    given = {str(key): value for key, value in spec.items() if key not in OUTSIDE}
    for key in given:
        if key not in known:
            raise UserError(f"a figure of kind {kind} has no '{key}'{instead(key, known)}")
    for field in dataclasses.fields(words):
        if field.default is MISSING and field.name not in given:
            raise UserError(f"a figure of kind {kind} needs {field.name}, such as {field.name}: {field.metadata['example']}")
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(words), given))
    except OmegaConfBaseException as error:
        raise UserError(f"a figure of kind {kind}: {error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(made, words)
    return made


def check_limits(**limits: Sequence[float] | None) -> None:
    """Refuse what cannot be the two ends of an axis; None stands for ends that nobody chose.

    Raises:
        UserError: naming the first.
    """
    for name, ends in limits.items():
        if ends is not None and (len(ends) != 2 or ends[0] >= ends[1]):
            raise UserError(f"{name} must be two numbers, the lower first, such as {name}: [0, 1], got {list(ends)}")


def needed(example: str) -> Any:
    """Return a field that must be given."""
    return dataclasses.field(default=MISSING, metadata={"example": example})
