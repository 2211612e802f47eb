"""Files of the IDX format, as small as a test wants them."""

import struct

from nnreg_std.datasets._idx import UNSIGNED_BYTE, Bytes


def dump(array: Bytes) -> bytes:
    """Return the IDX file of an array of unsigned bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTE, array.ndim, *array.shape) + array.tobytes()
