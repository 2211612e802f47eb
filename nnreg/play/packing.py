"""Bytes on their way to a page: an array as text."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt


def packed(array: npt.NDArray[np.uint8]) -> str:
    """Return the bytes of an array, in C order, in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
