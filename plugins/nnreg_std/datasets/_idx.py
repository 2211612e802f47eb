"""The IDX file format of MNIST: a header that gives type and shape, then the numbers. Pure: bytes in, array out.

Source: LeCun, Y., Cortes, C. & Burges, C. J. C. (1998), "The MNIST database of handwritten digits", section "File formats",
http://yann.lecun.com/exdb/mnist/. The header is two zero bytes, one byte for the type of the numbers, one for the number of
dimensions, then each dimension as a big-endian 32-bit integer. MNIST's type is the unsigned byte; no other is read.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import numpy.typing as npt

UNSIGNED_BYTE = 0x08
MOST_DIMENSIONS = 64  # what a NumPy array can have

Bytes = npt.NDArray[np.uint8]


def header_size(dimensions: int) -> int:
    """Return the number of bytes in front of the numbers."""
    return 4 + 4 * dimensions


def parse(payload: bytes) -> Bytes:
    """Return the array that an IDX file holds, as a read-only view of the payload.

    Args:
        payload: the whole file, not compressed, read.

    Raises:
        ValueError: it is no IDX file of unsigned bytes, or it is longer or shorter than its header says.
    """
    if len(payload) < 4 or payload[:2] != b"\0\0":
        raise ValueError(f"is not an IDX file: it starts with {payload[:8]!r}")
    kind, dimensions = payload[2], payload[3]
    if kind != UNSIGNED_BYTE:
        raise ValueError(f"is not an IDX file of unsigned bytes: its type is 0x{kind:02x}, not 0x{UNSIGNED_BYTE:02x}")
    start = header_size(dimensions)
    if not 1 <= dimensions <= MOST_DIMENSIONS or len(payload) < start:
        raise ValueError(f"is not an IDX file: its header announces {dimensions} dimensions and it has {len(payload)} bytes")
    shape = struct.unpack_from(f">{dimensions}I", payload, 4)
    expected = start + math.prod(shape)
    if len(payload) != expected:
        state = "truncated" if len(payload) < expected else "too long"
        raise ValueError(f"is {state}: its header announces {expected:,} bytes and it has {len(payload):,}")
    return np.frombuffer(payload, np.uint8, offset=start).reshape(shape)
