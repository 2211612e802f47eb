"""The arrays of an ``.npz`` file that is known beforehand: their names, their shapes, and so how large it can be.

Nothing is unpickled and nothing unpacked, whoever wrote the file: one that is much larger than the arrays that are wanted, or
that holds anything else, is refused before its content is read.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array

FILE = "network.npz"
WIDEST = 8  # bytes of a number
CARD = "card"  # what else the file says, which is not read here
CARD_BYTES = 32 << 20  # of that, at most
AROUND = 1024  # bytes of an archive around each array, and of its end
SMALL = 8 << 20  # bytes of a file whose table of contents may be read, to say in what it differs


def read_named_arrays(path: str, wanted: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays of floats by name, of the shapes of those that are wanted.

    Args:
        path: of the file, or of the folder in which it is ``network.npz``.
        wanted: by name; their shapes are read.

    Raises:
        ValueError: the file is something else; one line that says what.
        OSError: there is none, or it cannot be read.
    """
    given = Path(path).expanduser()
    file = given / FILE if given.is_dir() else given
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file.absolute()}: init.file is {FILE} of a run that ended")
    most = sum(WIDEST * array.size + AROUND for array in wanted.values()) + AROUND + CARD_BYTES
    with _opened(file, max(most, SMALL)) as content:
        try:
            with zipfile.ZipFile(content) as archive:
                return _arrays(archive, file, wanted)
        except (_Unfit, OSError):
            raise
        except Exception as error:  # zipfile and NumPy raise anything over a file that is damaged or made to do harm
            raise ValueError(f"{file} is damaged or holds no plain arrays ({type(error).__name__})") from error


class _Unfit(ValueError):
    """The file is whole and of another network."""


def _opened(file: Path, most: int) -> Any:
    """Open a file and nothing but a file: a pipe never ends, and to open a device may do something."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{file} is no file")
    if found.st_size > most:
        raise ValueError(f"{file} has {found.st_size:,} bytes, more than this network has: it is of another")
    return file.open("rb")


def _arrays(archive: zipfile.ZipFile, file: Path, wanted: Mapping[str, Array]) -> dict[str, Array]:
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    members.pop(CARD, None)
    for what, odd in (("lacks", wanted.keys() - members.keys()), ("has besides", members.keys() - wanted.keys())):
        if odd:
            listed = ", ".join(sorted(odd, key=lambda name: (len(name), name))[:5])
            raise _Unfit(f"{file} is of another network: it {what} {ascii(listed)[1:-1]}")
    found = {}
    for name, array in wanted.items():
        member = members[name]
        if member.compress_type != zipfile.ZIP_STORED:
            raise _Unfit(f"{file} is packed: save it with np.savez")
        with archive.open(member) as content:
            found[name] = _array(content, member.file_size, name, array, file)
    return found


def _array(content: Any, size: int, name: str, wanted: Array, file: Path) -> Array:
    version = np.lib.format.read_magic(content)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, is_fortran, dtype = read(content)
    if shape != wanted.shape:
        raise _Unfit(f"{file} is of another network: {name} is {shape} there and {wanted.shape} here")
    if dtype.kind != "f" or dtype.itemsize > WIDEST or size - content.tell() != wanted.size * dtype.itemsize:
        raise ValueError(f"{name} holds {dtype}")
    values: npt.NDArray[Any] = np.frombuffer(content.read(wanted.size * dtype.itemsize), dtype)
    if not np.isfinite(values).all():
        raise _Unfit(f"{file} holds numbers in {name} that are not finite: that run diverged")
    found: Array = values.reshape(shape, order="F" if is_fortran else "C")
    return found
