"""A file of text as text: unpacked, and decoded by what its bytes say of themselves; what it turned out to be is said."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Literal

Compression = Literal["auto", "none", "gzip", "bz2", "xz", "zip"]

PACKED: Mapping[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # with nothing in it
}
OTHERS = {
    b"\xd0\xcf\x11\xe0": "a workbook of Excel",
    b"PAR1": "a Parquet file",
    b"ARROW1": "a Feather file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an array of NumPy",
    b"SQLite": "a database",
    b"(\xb5/\xfd": "packed by zstd",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"7z\xbc\xaf": "packed by 7z",
    b"Rar!": "packed by rar",
    b"MATLAB": "a file of MATLAB",
    b"\x80\x04\x95": "a pickle",
}
MARKS = {  # the longer ones first
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
MOST = 2**25, 100  # bytes, and times the packed file: text is rarely packed to less than a fiftieth
CHUNK = 2**20
CONTROL = bytes(set(range(32)) - {9, 10, 11, 12, 13, 26, 27})


def read_text(file: Path, compression: Compression, encoding: str) -> tuple[str, list[str]]:
    r"""Return the text of a file, every line ended by ``\n``, and what there is to say of how it was stored.

    Args:
        file: which exists.
        compression: "auto" goes by the first bytes, not by the name.
        encoding: name of a codec; "auto": by its mark, else UTF-8 if it is that, else Windows-1252 or Latin-1.

    Raises:
        ValueError: it is damaged, something else than text, or unpacks to more than could be meant.
    """
    with file.open("rb") as opened:
        first = opened.read(8)
    packed = next((how for magic, how in PACKED.items() if first.startswith(magic)), "none")
    how = packed if compression == "auto" else compression
    try:
        content = file.read_bytes() if how == "none" else _unpacked(file, how)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise ValueError(f"{file.name} is damaged, or not packed by {how}: {error}") from None
    other = next((what for magic, what in OTHERS.items() if content.startswith(magic)), None)
    if other is not None:
        raise ValueError(f"{file.name} is {other}: save it as CSV (UTF-8)")
    codec = _codec(file, content) if encoding == "auto" else encoding
    text = _decoded(file, content, codec, is_given=encoding != "auto")
    notes = [] if how == "none" else [how]
    notes += [] if codec in ("utf-8", "utf-8-sig") else [codec]
    return (text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text), notes


def _codec(file: Path, content: bytes) -> str:
    for mark, codec in MARKS.items():
        if content.startswith(mark):
            return codec
    start = content[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) > len(start) // 6 and min(even, odd) <= len(start) // 40:
        return "utf-16-be" if even > odd else "utf-16-le"
    if len(start.translate(None, CONTROL)) < len(start):
        raise ValueError(f"{file.name} is no text: save the table as CSV (UTF-8)")
    for codec in ("utf-8", "cp1252"):
        try:
            codecs.lookup(codec).decode(content)
        except UnicodeDecodeError:
            continue
        return codec
    return "latin-1"


def _decoded(file: Path, content: bytes, codec: str, *, is_given: bool) -> str:
    try:
        text = content.decode(codec)
    except UnicodeError as error:
        line = content.count(b"\n", 0, getattr(error, "start", 0)) + 1
        more = "" if is_given else ": name its encoding, such as dataset.encoding=cp1252"
        raise ValueError(f"{file.name} is not text in {codec}: see line {line}{more}") from None
    except LookupError:
        raise ValueError(f"there is no encoding '{codec}': name one, such as utf-8, cp1252, latin-1 or utf-16") from None
    return text.removeprefix("\ufeff")


def _unpacked(file: Path, how: str) -> bytes:
    """Unpack twice: first to see how much it is."""
    size, most = 0, max(MOST[0], MOST[1] * file.stat().st_size)
    for chunk in _chunks(file, how):
        size += len(chunk)
        if size > most:
            raise ValueError(f"{file.name} unpacks to more than {most // 2**20:,} MB: if it is yours, unpack it first")
    return b"".join(_chunks(file, how))


def _chunks(file: Path, how: str) -> Iterator[bytes]:
    with _opened(file, how) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _opened(file: Path, how: str) -> IO[bytes]:
    if how != "zip":
        opened: IO[bytes] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}[how](file, "rb")  # type: ignore[operator]
        return opened
    archive = zipfile.ZipFile(file)  # its member keeps it open
    names = [name for name in archive.namelist() if not name.endswith("/") and not re.search(r"^__MACOSX|(^|/)\.", name)]
    if "mimetype" in names and "content.xml" in names:
        raise ValueError(f"{file.name} is a workbook of LibreOffice: save it as CSV (UTF-8)")
    if "[Content_Types].xml" in names or any(name.endswith(".npy") for name in names):
        what = (
            "an .npz of NumPy: use dataset=arrays"
            if names[0].endswith(".npy")
            else "a workbook of Excel: save it as CSV (UTF-8)"
        )
        raise ValueError(f"{file.name} is {what}")
    if len(names) != 1:
        listed = f": {', '.join(names[:5])}" if names else ""
        raise ValueError(f"{file.name} has {len(names) or 'no'} files in it, one is needed{listed}")
    return archive.open(names[0])
