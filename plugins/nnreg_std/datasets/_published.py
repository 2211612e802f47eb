"""What was published under which checksum, so that a file is believed for its content and never for its name."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from nnreg_std.datasets._idx import Bytes, header_size, parse

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class IdxFile:
    """One published file.

    Args:
        name: its usual name without ``.gz``.
        shape: shape of the array it holds.
        sha256: hexadecimal SHA-256, of what ``FileSet.checksum_of`` says.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the decompressed file."""
        return header_size(len(self.shape)) + prod(self.shape)

    @property
    def spellings(self) -> tuple[str, ...]:
        """The names it goes by: gzipped or not, with ``-idx`` or ``.idx``."""
        dotted = self.name.replace("-idx", ".idx")
        return (f"{self.name}.gz", self.name, f"{dotted}.gz", dotted)


@dataclass(frozen=True)
class FileSet:
    """The four files of one dataset.

    Args:
        title: what people call it.
        folder: name of its folder in the cache or in a data folder.
        download_size: what the four .gz files take, for the person who waits.
        mirrors: addresses, ending in ``/``, that serve ``<name>.gz``, the preferred first.
        checksum_of: whether the sums are of the decompressed payload or of the .gz file.
        files: training images and labels, test images and labels, in this order.
    """

    title: str
    folder: str
    download_size: str
    mirrors: tuple[str, ...]
    checksum_of: Literal["payload", "gzip"]
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]


MNIST_FILES = FileSet(
    title="MNIST",
    folder="mnist",
    download_size="11 MB",
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    checksum_of="payload",  # recompressed copies circulate: their gzip differs, their payload does not
    files=(
        IdxFile(
            "train-images-idx3-ubyte", (60_000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        IdxFile("train-labels-idx1-ubyte", (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        IdxFile("t10k-images-idx3-ubyte", (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        IdxFile("t10k-labels-idx1-ubyte", (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
)
FASHION_MNIST_FILES = FileSet(
    title="Fashion-MNIST",
    folder="fashion_mnist",
    download_size="31 MB",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    checksum_of="gzip",  # the only sums that its authors' copies agree on
    files=(
        IdxFile(
            "train-images-idx3-ubyte", (60_000, 28, 28), "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        IdxFile("train-labels-idx1-ubyte", (60_000,), "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        IdxFile("t10k-images-idx3-ubyte", (10_000, 28, 28), "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        IdxFile("t10k-labels-idx1-ubyte", (10_000,), "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
)
KNOWN = (MNIST_FILES, FASHION_MNIST_FILES)  # a file of another set is recognised and named


def verified(content: bytes, file: IdxFile, files: FileSet) -> Bytes:
    """Return the array in a file after its checksum was found right.

    Args:
        content: the file as it is on disk or on the wire, gzip or plain, read.
        file: which one it should be.
        files: the set ``file`` belongs to.

    Raises:
        ValueError: it is another file of a known set, truncated, corrupted or no IDX file; the message is what
            follows "this file".
    """
    largest = max(each.size for known in (files, *KNOWN) for each in known.files)
    payload = inflated(content, largest + 1)
    checked = payload if files.checksum_of == "payload" else content
    if hashlib.sha256(checked).hexdigest() != file.sha256:
        raise ValueError(_complaint(content, payload, file, files))
    return parse(payload)


def inflated(content: bytes, most: int) -> bytes:
    """Return at most ``most`` bytes of the decompressed content; what is no gzip is returned as it is.

    Raises:
        ValueError: the gzip stream is truncated or corrupted.
    """
    if not content.startswith(GZIP_MAGIC):
        return content
    stream = zlib.decompressobj(wbits=31)  # 31: gzip, whose CRC is checked at the end
    try:
        payload = stream.decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"is a corrupted gzip file ({error})") from None
    if not stream.eof and len(payload) < most:
        raise ValueError(f"is truncated: its gzip stream breaks off after {len(content):,} bytes")
    return payload


def _complaint(content: bytes, payload: bytes, file: IdxFile, files: FileSet) -> str:
    """Say what a file is that is not what it should be."""
    for owner, other in _recognised(content, payload, files):
        if owner == files:
            return f"holds {other.name}: the files are swapped or renamed"
        return f"holds {other.name} of {owner.title}, not of {files.title}"
    if files.checksum_of == "gzip" and payload is content:
        return f"is not gzip: {files.title} can only be verified as the .gz files that were published"
    try:
        shape = parse(payload).shape
    except ValueError as error:
        return str(error)
    if shape != file.shape:
        return f"holds an array of shape {shape}, {files.title}'s has {file.shape}"
    return f"is corrupted: the SHA-256 of its {files.checksum_of} is not the published {file.sha256[:12]}…"


def _recognised(content: bytes, payload: bytes, files: FileSet) -> Iterator[tuple[FileSet, IdxFile]]:
    sums = {"payload": hashlib.sha256(payload).hexdigest(), "gzip": hashlib.sha256(content).hexdigest()}
    for owner in (files, *KNOWN):
        yield from ((owner, other) for other in owner.files if other.sha256 == sums[owner.checksum_of])
