"""Files of records: written whole or not at all, and read as data within bounds, whoever wrote them."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import yaml
from omegaconf._utils import get_yaml_loader

from nnreg.errors import UserError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def whole_file(path: Path, *, is_lasting: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that takes its place at the end of the block, and never does if that raises.

    Args:
        path: of the file; what is written lies beside it until then, see ``part_of``.
        is_lasting: whether it must be there even if the power fails right afterwards, which takes some milliseconds.
    """
    aside = part_of(path)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(aside.lstat().st_mode):  # writing would go to where it leads
            aside.unlink()
    try:
        with aside.open("wb") as file:
            yield file
            if is_lasting:
                file.flush()
                os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def part_of(path: Path) -> Path:
    """Return where a file lies that is being written; of a process that was killed meanwhile it stays there."""
    return path.with_name(f"{path.name}.part")


TEXT_BYTES = 32 << 20  # of a JSON file
VALUES = 500_000  # in it; each takes some hundred bytes of memory
YAML_BYTES, YAML_VALUES, YAML_LONGEST = 1 << 20, 20_000, 20_000
DEPTH = 40  # of containers in containers
BLOCK = 1 << 20
UNPACKED, RATIO = 8 << 20, 40  # bytes of a packed history that are always taken; numbers as text shrink to a tenth at most
DIRECTORY_BYTES = 1 << 20  # of the table of contents of an archive, some ten thousand arrays


class Refused(ValueError):
    """A file is not what it passes for, or too large for it; the message says in what way."""


def open_file(path: Path) -> IO[bytes]:
    """Open a file to be read, and nothing but a file: a pipe never ends, and to open a device may do something.

    Raises:
        Refused: it is something else.
        OSError: there is none, or it cannot be opened.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise Refused(f"{path.name} is no file")
    return path.open("rb")


def read_bytes(path: Path, most: int) -> bytes:
    """Return the content of a file.

    Raises:
        Refused: it is larger than ``most`` bytes, or no file.
        OSError: there is none, or it cannot be read.
    """
    with open_file(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > most:
            raise Refused(f"{path.name} is larger than {most:,} bytes")
        return file.read(size)


def read_json(path: Path) -> Any:
    """Return what a JSON file says.

    Raises:
        Refused: it holds too much, too deep, or is no file.
        ValueError: it is not JSON.
        OSError: there is none, or it cannot be read.
    """
    return parse_json(read_bytes(path, TEXT_BYTES))


def parse_json(content: bytes) -> Any:
    """Return what JSON says; see ``read_json``."""
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > VALUES:
        raise Refused(f"it holds more than {VALUES:,} values")
    try:
        value = json.loads(content.decode())
    except RecursionError:
        raise Refused("it is nested without end") from None
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = [inner for each in level if isinstance(each, dict | list) for inner in _inside(each)]
    if level:
        raise Refused(f"it is nested more than {DEPTH} deep")


def _inside(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)


_LIBYAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_LIBYAML):  # type: ignore[misc] # which of the two it is depends on how PyYAML was built
    """Reads YAML as OmegaConf does, in C: 1e-3 is a number, a date is text."""

    yaml_implicit_resolvers = get_yaml_loader().yaml_implicit_resolvers


def read_yaml(path: Path) -> tuple[Any, str]:
    """Return what a YAML file says, in plain containers, and its text; nothing in it is resolved.

    Raises:
        Refused: it holds too much, too deep, objects, or is no file.
        ValueError: it is not YAML.
        OSError: there is none, or it cannot be read.
    """
    text = read_bytes(path, YAML_BYTES).decode()
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader), text
    except (yaml.YAMLError, RecursionError) as error:
        raise Refused(f"{path.name} is not YAML") from error


def _check_events(text: str) -> None:
    """Refuse a text that would be much larger once its aliases stand for what they name, or that makes objects."""
    sizes: dict[str, tuple[int, int]] = {}  # anchor: values in it, and how deep it is
    stack: list[list[Any]] = [[None, 0, 0]]  # anchor, values and depth of each container that is open

    def add(values: int, depth: int) -> None:
        stack[-1][1] += values
        stack[-1][2] = max(stack[-1][2], depth)
        if sum(each[1] for each in stack) > YAML_VALUES or len(stack) + depth > DEPTH:
            raise Refused(f"it holds more than {YAML_VALUES:,} values, or is nested more than {DEPTH} deep")

    for event in yaml.parse(text, Loader=_Loader):
        if getattr(event, "tag", None) not in (None, "!"):
            raise Refused(f"it holds an object, {event.tag}")
        if isinstance(event, yaml.AliasEvent):
            add(*sizes.get(event.anchor, (YAML_VALUES + 1, 0)))  # one of itself, or of nothing
        elif isinstance(event, yaml.ScalarEvent):
            if len(event.value) > YAML_LONGEST:
                raise Refused(f"it holds a text of more than {YAML_LONGEST:,} characters")
            add(1, 1)
            sizes[event.anchor] = (1, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            stack.append([event.anchor, 1, 0])
            add(0, 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, values, depth = stack.pop()
            sizes[anchor] = (values, depth + 1)
            add(values, depth + 1)


def unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is in a gzip file of one member, piece by piece.

    Raises:
        Refused: it is much larger than a history that packs to as much, or larger than it says of itself.
        OSError: it is no gzip file.
        EOFError: it is cut off.
        zlib.error: it is damaged.
    """
    packed = os.fstat(file.fileno()).st_size
    most = max(UNPACKED, RATIO * packed)
    file.seek(max(0, packed - 4))
    said = int.from_bytes(file.read(4), "little")  # of itself, which may be a lie
    file.seek(0)
    if said > most:
        raise Refused(f"it unpacks to more than {most:,} bytes")
    with gzip.GzipFile(fileobj=file) as content:
        while block := content.read(BLOCK):
            if content.tell() > said:
                raise Refused(f"it unpacks to more than the {said:,} bytes that it says")
            yield block


def write_arrays(path: Path, arrays: Mapping[str, npt.ArrayLike], *, is_lasting: bool = False) -> None:
    """Write arrays to an ``.npz`` file, whole or not at all; nothing is packed or pickled.

    Args:
        path: of the file.
        arrays: by name.
        is_lasting: see ``whole_file``.

    Raises:
        ValueError: an array holds Python objects.
    """
    with whole_file(path, is_lasting=is_lasting) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:  # as np.savez does it, which may pickle
                np.lib.format.write_array(member, np.asanyarray(array), version=(1, 0), allow_pickle=False)


def read_arrays(path: Path, most: int | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an ``.npz`` file; nothing is unpickled.

    Args:
        path: of the file.
        most: bytes of all arrays together; None: as many as the file has, in which nothing may be packed then.

    Raises:
        Refused: it says that it holds more, or Python objects, or is damaged.
        OSError: there is none, or it cannot be read.
    """
    with open_file(path) as file:
        try:
            return _arrays(file, most)
        except (Refused, OSError):
            raise
        except Exception as error:  # zipfile and NumPy raise anything over a file that is damaged or made to do harm
            raise Refused(f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _arrays(file: IO[bytes], most: int | None) -> dict[str, npt.NDArray[Any]]:
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined] # reading the table would take memory without end
    if end is None or end[5] > DIRECTORY_BYTES:
        raise Refused("it is no archive of arrays" if end is None else "it holds too many arrays")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        allowed = os.fstat(file.fileno()).st_size if most is None else most
        if (total := sum(member.file_size for member in members)) > allowed:
            raise Refused(f"its arrays have {total:,} bytes, more than {allowed:,}")
        ways = {zipfile.ZIP_STORED} if most is None else {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        if not {member.compress_type for member in members} <= ways:
            raise Refused("its arrays are packed in another way")
        return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as content:
        version = np.lib.format.read_magic(content)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(content)
        size = math.prod(shape) * dtype.itemsize if min(shape, default=0) >= 0 else -1
        if not dtype.hasobject and size != member.file_size - content.tell():  # objects are refused below
            raise Refused(f"{member.filename} is not the array that it says")
    with archive.open(member) as content:
        array: npt.NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
    return array


def check_plain(folder: Path) -> None:
    """Refuse a folder in which something other than files and folders lies: writing there would write elsewhere.

    Raises:
        UserError: naming it.
    """
    for path in special_in(folder):
        what = "a symbolic link" if path.is_symlink() else "no file"
        raise UserError(f"{path} is {what}, and a run is gone on with where it lies: put the file itself there, or remove it")


def special_in(folder: Path) -> Iterator[Path]:
    """Yield what is neither a file nor a folder at any depth of a folder: symbolic links, not followed, and pipes."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from special_in(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
