"""The data of a sweep's runs: loaded and digested once in a process, where each of them wants the same."""

from __future__ import annotations

import contextlib
import copy
import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from nnreg.contracts import Split, Splits
from nnreg.engine.rows import converted

Loaded = tuple[Splits, str]
"""Data, and a hash of every row."""

DIGESTED = 4096  # rows at once

_sharing = 0
_last: dict[object, Loaded] = {}  # of one dataset: a sweep over several needs no more memory than a run


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Keep the data of the last run for the next while the block lasts; files may be others after it."""
    global _sharing
    _sharing += 1
    try:
        yield
    finally:
        _sharing -= 1
        if not _sharing:
            _last.clear()


def load(key: object, read: Callable[[], Splits]) -> Loaded:
    """Return data and its digest, what the run before had of the same key where runs share.

    Args:
        key: what makes it the same data, compared by ``==``.
        read: makes it; deterministic.

    Returns:
        Splits whose arrays are read-only, and the digest of their rows.
    """
    if key in _last:
        return _last[key]
    _last.clear()
    splits = _read_only(read())
    loaded = splits, digest_of(splits)
    if _sharing:
        _last[key] = loaded
    return loaded


def digest_of(splits: Splits) -> str:
    """Return a hash of every row as a network sees it, however it is kept, so that two runs can prove they saw the same."""
    digest = hashlib.sha256()
    for part, split in splits.present().items():
        dtype = np.float32 if split.x.dtype == np.uint8 else split.x.dtype
        seen = converted(split, dtype, splits.divisor)
        digest.update(f"{part} {split.x.shape} {seen.x.dtype} {split.y.dtype}".encode())
        for first in range(0, len(split.x), DIGESTED):
            digest.update(np.ascontiguousarray(seen.x[first : first + DIGESTED]).data)
        digest.update(np.ascontiguousarray(split.y).data)
    return digest.hexdigest()


def _read_only(splits: Splits) -> Splits:
    """Return the same arrays in a form that no run can write into; whoever made them still can."""
    same = copy.copy(splits)
    for part, split in splits.present().items():
        object.__setattr__(same, part, Split(*map(_view, split)))  # `replace` would look at every number again
    return same


def _view(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
