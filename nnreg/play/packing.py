"""Bytes on their way to a page: an array as text."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt


def packed(array: npt.NDArray[Any]) -> str:
    """Return the bytes of an array, in C order, in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
