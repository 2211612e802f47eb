"""Hyper-parameters against the ranges that their paper gives, and the choices that their annotation lists."""

from __future__ import annotations

import typing


def check_range(technique: object, **intervals: str) -> None:
    """Check hyper-parameters against intervals, for use in ``__post_init__``.

    Args:
        technique: the object whose attributes are checked, read.
        **intervals: attribute name to interval in the usual notation, such as ``beta1="[0, 1)"`` or ``lr="(0, inf)"``.

    Raises:
        ValueError: a value lies outside its interval or is NaN; the message names attribute, interval and value.
    """
    for name, interval in intervals.items():
        low, high = (float(end) for end in interval.strip("[]()").split(","))
        value = getattr(technique, name)
        above = value >= low if interval[0] == "[" else value > low
        below = value <= high if interval[-1] == "]" else value < high
        if not (above and below):  # written so that NaN fails
            raise ValueError(f"{name} must be in {interval}, got {value}")


def check_choices(technique: object) -> None:
    """Check attributes whose annotation lists the words allowed, for use in ``__post_init__``.

    Args:
        technique: the object whose attributes annotated as ``Literal["normal", "uniform"]`` are checked, read.

    Raises:
        ValueError: a value is none of them; the message names attribute, choices and value.
    """
    for name, annotation in typing.get_type_hints(type(technique)).items():
        choices, value = typing.get_args(annotation), getattr(technique, name, None)
        if typing.get_origin(annotation) is typing.Literal and value not in choices:
            raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")
