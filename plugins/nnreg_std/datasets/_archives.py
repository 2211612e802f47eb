"""An .npz file, NumPy's archive of named arrays, to features and answers. Nothing in it is ever unpickled, so nothing runs."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

PARTS = ("train", "valid", "test")
MOST = 2**28, 50  # bytes, and times the packed member: what unpacks to more was hardly meant
HOW = "save it with np.savez(FILE, x=features, y=targets)"


class Rows(NamedTuple):
    """Features of any real type, (rows, features), answers, (rows,) or (rows, columns), and the shape that a row had."""

    x: npt.NDArray[Any]
    answers: npt.NDArray[Any]
    shape: tuple[int, ...] | None = None


def read_archive(file: Path) -> dict[str, Rows]:
    """Return what the archive has of train, valid and test; ``x`` and ``y`` are short for ``x_train`` and ``y_train``.

    Raises:
        ValueError: it is no archive, lacks an array, or an array does not fit.
    """
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{file.name} is damaged or no .npz file: {HOW}")
    with np.load(file, allow_pickle=False) as archive:
        keys = _keys(archive.files)
        for name in (key for pair in keys.values() for key in pair):
            _check_size(archive.zip, name)
        found = {part: Rows(_array(archive, x), _array(archive, y)) for part, (x, y) in keys.items()}
    checked = {part: _checked(rows, keys[part]) for part, rows in found.items()}
    first = checked["train"]
    texts = [keys[part][1] for part, rows in checked.items() if rows.answers.dtype.kind in "SU"]
    if texts and len(texts) < len(checked):
        plain = next(keys[part][1] for part in checked if keys[part][1] not in texts)
        raise ValueError(f"'{texts[0]}' holds text and '{plain}' holds numbers: give all labels in one way")
    for part, rows in checked.items():
        for key, array, other in zip(keys[part], rows[:2], first[:2], strict=True):
            if array.shape[1:] != other.shape[1:]:
                raise ValueError(f"'{key}' has rows of shape {array.shape[1:]}, those to train on have {other.shape[1:]}")
    return checked


def _keys(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the names of both arrays of each part there is."""
    has_short = "x" in names and "x_train" not in names
    wanted = {part: ("x", "y") if part == "train" and has_short else (f"x_{part}", f"y_{part}") for part in PARTS}
    present = {part: pair for part, pair in wanted.items() if part == "train" or set(pair) & set(names)}
    missing = [key for pair in present.values() for key in pair if key not in names]
    stray = [name for name in names if name.startswith(("x", "y")) and not any(name in pair for pair in present.values())]
    if missing or stray:
        what = f"has no array '{missing[0]}'" if missing else f"has an array '{stray[0]}' that would be left unused"
        listed = ", ".join(names) or "nothing"
        raise ValueError(
            f"the archive {what}; x_ and y_ of train, valid and test are read, x and y for train. It has: {listed}"
        )
    return present


def _check_size(archive: Any, key: str) -> None:
    """Refuse a member that unpacks to far more than it is, before it does."""
    name = f"{key}.npy" if f"{key}.npy" in archive.namelist() else key
    member = archive.getinfo(name)
    if member.file_size > max(MOST[0], MOST[1] * member.compress_size):
        raise ValueError(
            f"'{key}' unpacks from {member.compress_size / 1e6:,.1f} to {member.file_size / 1e6:,.0f} MB: if it is yours, save "
            "it with np.savez in place of np.savez_compressed"
        )


def _array(archive: Any, key: str) -> npt.NDArray[Any]:
    try:
        array = archive[key]
    except Exception:  # a damaged array fails in many ways
        array = None
    if not isinstance(array, np.ndarray):  # a member that is no array comes as its bytes
        raise ValueError(f"'{key}' is damaged, or holds Python objects, which are not unpickled: save plain arrays")
    return array.astype(np.uint8) if array.dtype.kind == "b" else array


def _checked(rows: Rows, keys: tuple[str, str]) -> Rows:
    """Return the rows with what lies in several dimensions, such as pictures, laid out in one."""
    (x, answers, _), (x_key, y_key) = rows, keys
    if x.ndim == 0 or x.size == 0 or x.dtype.kind not in "iuf":
        raise ValueError(f"'{x_key}' must hold numbers, one row or more, got {x.dtype} {x.shape}")
    if answers.ndim not in (1, 2) or answers.dtype.kind not in "iufSU":
        raise ValueError(
            f"'{y_key}' must hold numbers or text (rows,), or values (rows, columns), got {answers.dtype} {answers.shape}"
        )
    if len(x) != len(answers):
        raise ValueError(f"'{x_key}' has {len(x)} rows and '{y_key}' has {len(answers)}: give one answer for each row")
    return Rows(x.reshape(len(x), -1), answers, x.shape[1:] if x.ndim > 2 else None)
