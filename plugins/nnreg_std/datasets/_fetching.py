"""Mirrors to cache: a file arrives whole and verified or not at all, once, and never hangs."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nnreg_std.datasets._published import FileSet, IdxFile, verified

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # between two pieces
GRACE_SECONDS = 30.0  # after this a mirror must keep up the slowest rate, or a trickle would hold us for days
SLOWEST_RATE = 10_000  # bytes per second, the mean since the start
LOCK_SECONDS = 900.0  # as long as another process may take to download the same files
PIECE = 1 << 18  # bytes

log = logging.getLogger("nnreg")


class DownloadError(OSError):
    """No mirror delivered a file."""


def cache_folder(files: FileSet) -> Path:
    """Return the folder where downloads of this set are kept on this platform."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("nnreg", appauthor=False)) / files.folder


def fetch(files: FileSet, folder: Path) -> None:
    """Download what is missing or damaged in a folder; of several processes at once, one downloads and the others wait.

    Args:
        files: what to fetch.
        folder: where to; made if needed. Its lock file lies beside it.

    Raises:
        OSError: the folder cannot be written, or no mirror delivered a file; the message names each with its reason.
    """
    import filelock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.parent / f"{folder.name}.lock", timeout=LOCK_SECONDS):
            for leftover in folder.glob("*.part"):  # of a process that was killed: we hold the lock
                leftover.unlink()
            missing = [file for file in files.files if not _is_good(folder / f"{file.name}.gz", file, files)]
            if missing:
                # A warning, because that is what Python shows when nobody has configured logging: silence looks like a hang.
                log.warning("downloading %s (%s) to %s", files.title, files.download_size, folder)
            mirrors = list(files.mirrors)
            for file in missing:
                _write_whole(folder / f"{file.name}.gz", _from_any(mirrors, file, files))
    except filelock.Timeout:
        raise OSError(f"another process has been downloading to {folder} for {LOCK_SECONDS / 60:.0f} minutes") from None
    except DownloadError:
        raise
    except OSError as error:
        raise OSError(f"cannot write to {folder} ({error.strerror or error})") from error


def _is_good(path: Path, file: IdxFile, files: FileSet) -> bool:
    if not path.is_file():
        return False
    try:
        verified(path.read_bytes(), file, files)
    except ValueError as complaint:
        log.warning("%s %s", path, complaint)
        return False
    return True


def _from_any(mirrors: list[str], file: IdxFile, files: FileSet) -> bytes:
    """Return a verified file; a mirror that failed moves to the end, so that the next file does not wait for it."""
    reasons = []
    for mirror in tuple(mirrors):
        try:
            content = _get(f"{mirror}{file.name}.gz", most=file.size + PIECE)  # gzip adds a few bytes at worst
            verified(content, file, files)
        except (OSError, ValueError) as error:
            reasons.append(" ".join(f"{mirror} {error}".split()))  # one line, whatever a library says
            mirrors.remove(mirror)
            mirrors.append(mirror)
        else:
            return content
    raise DownloadError(f"no mirror delivered {file.name}.gz: {'; '.join(reasons)}")


def _get(url: str, most: int) -> bytes:
    """Return the body of a URL.

    Raises:
        OSError: no answer, an HTTP error, a stall or a trickle, in a few words.
        ValueError: it is longer than ``most`` bytes.
    """
    import requests
    import urllib3

    try:
        # identity: the .gz file itself is wanted, whatever encoding a server would wrap it in or unwrap it from
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), headers=headers) as response:
            if response.status_code != requests.codes.ok:
                raise OSError(f"answered HTTP {response.status_code} {response.reason}")
            return _body(response, most)
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise OSError(f"stalled: nothing for {CONNECT_SECONDS:g} s (connecting) or {READ_SECONDS:g} s (reading)") from None
    except requests.exceptions.SSLError:
        raise OSError("has no valid TLS certificate") from None
    except requests.ConnectionError:
        raise OSError("cannot be reached") from None
    except urllib3.exceptions.HTTPError:
        raise OSError("broke the connection off") from None


def _body(response: requests.Response, most: int) -> bytes:
    started, content = time.monotonic(), bytearray()
    while piece := response.raw.read1(PIECE, decode_content=False):  # what has arrived, without waiting for a full piece
        content += piece
        seconds = time.monotonic() - started
        if len(content) > most:
            raise ValueError(f"sends more than the {most:,} bytes expected")
        if seconds > GRACE_SECONDS and len(content) < SLOWEST_RATE * seconds:
            raise OSError(f"is too slow: {len(content):,} bytes in {seconds:.0f} s")
    return bytes(content)


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there, so that nobody ever sees half of it."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)
