"""Where the four files of an image dataset are looked for, in which order, and how they become splits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nnreg.contracts import Preprocessing, Split, Splits
from nnreg_std.datasets._fetching import cache_folder, fetch
from nnreg_std.datasets._idx import Bytes
from nnreg_std.datasets._published import FileSet, verified
from nnreg_std.datasets._splitting import hold_out

VARIABLE = "NNREG_DATA"
CLASSES = 10
WHITE = 255


def load_images(
    files: FileSet, data_dir: str | None, valid_size: int, rows: int | None = None, classes: tuple[str, ...] = ()
) -> Splits:
    """Find, verify and divide a dataset: one row an image, its pixels as the bytes of the file, the splits views of it.

    Args:
        files: which dataset.
        data_dir: the only folder looked in; or None for the folder in NNREG_DATA, the cache, then a download.
        valid_size: how many of the last training rows are held out; 0 for no validation split.
        rows: how many of the first training rows to use at all; None for all of them.
        classes: what each class is called, by its number; empty: by its number.

    Raises:
        FileNotFoundError: the files are nowhere and could not be downloaded.
        ValueError: a file is damaged or another one.
        OSError: a file cannot be read.
    """
    (train_images, train_labels, test_images, test_labels), folder = _read(files, data_dir)
    train, valid = hold_out(Split(_rows(train_images[:rows]), train_labels[:rows].astype(np.int64)), valid_size)
    test = Split(_rows(test_images), test_labels.astype(np.int64))
    shape, named = test_images.shape[1:], Preprocessing(scale=float(WHITE), classes=classes, white=float(WHITE))
    return Splits(train, valid, test, CLASSES, str(folder), divisor=WHITE, shape=shape, preprocessing=named)


def _rows(images: Bytes) -> Bytes:
    """Return the images as rows: a view."""
    return images.reshape(len(images), -1)


def _read(files: FileSet, data_dir: str | None) -> tuple[list[Bytes], Path]:
    """Return the four arrays and the folder they came from."""
    names = ", ".join(f"{file.name}.gz" for file in files.files)
    if data_dir is not None:
        try:
            return _read_folder(files, Path(data_dir).expanduser())
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{files.title}: {error}; put {names} there, or leave dataset.data_dir out to download"
            ) from None
    tried = []
    if variable := os.environ.get(VARIABLE):
        try:
            return _read_folder(files, Path(variable).expanduser())
        except FileNotFoundError as error:
            tried.append(f"{VARIABLE}: {error}")
    cache = cache_folder(files)
    try:
        return _read_folder(files, cache)
    except (FileNotFoundError, ValueError) as error:  # a damaged file in the cache is fetched again
        tried.append(f"cache: {error}")
    try:
        fetch(files, cache)
    except OSError as error:
        advice = f"put {names} in a folder and set {VARIABLE}=<folder> or dataset.data_dir=<folder>"
        raise FileNotFoundError(f"found no {files.title}: {'; '.join([*tried, f'download: {error}'])}; {advice}") from error
    return _read_folder(files, cache)


def _read_folder(files: FileSet, folder: Path) -> tuple[list[Bytes], Path]:
    """Return the four arrays from ``<folder>/<name of the set>`` or from the folder itself."""
    places = [(folder / files.folder).absolute(), folder.absolute()]
    found = {place: _paths(files, place) for place in places}
    place = max(places, key=lambda each: len(found[each]))
    absent = [f"{file.name}.gz" for file in files.files if file.name not in found[place]]
    if absent:
        what = "none of the four files" if len(absent) == len(files.files) else f"no {', '.join(absent)}"
        raise FileNotFoundError(f"{what} in {places[1]} or its sub-folder {files.folder}")
    arrays = []
    for file in files.files:
        path = found[place][file.name]
        try:
            arrays.append(verified(path.read_bytes(), file, files))
        except ValueError as complaint:
            where = "there" if place == places[0] else f"there or all four in its sub-folder {files.folder}"
            raise ValueError(f"{path} {complaint}; put {files.title}'s published {file.name}.gz {where}") from None
    return arrays, place


def _paths(files: FileSet, place: Path) -> dict[str, Path]:
    """Return the file of each name that is in this place, in whatever spelling."""
    candidates = {file.name: [place / spelling for spelling in file.spellings] for file in files.files}
    present = {name: [path for path in paths if path.is_file()] for name, paths in candidates.items()}
    return {name: paths[0] for name, paths in present.items() if paths}
