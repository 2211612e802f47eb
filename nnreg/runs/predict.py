"""`python -m nnreg predict RUN FILE`: what a kept network says of the rows of a table, of arrays, or of pictures."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from omegaconf import OmegaConf
from rich.table import Table as Shown
from rich.text import Text

from nnreg.console import harmless, say, terminal, warn
from nnreg.contracts import Array, Table
from nnreg.errors import UserError, one_line
from nnreg.numerals import measured, percent
from nnreg.records.earlier import current_config
from nnreg.records.files import read_arrays, write_whole
from nnreg.registry import entries
from nnreg.registry.building import build_technique
from nnreg.runs.kept import load
from nnreg.runs.trained import TrainedNetwork

ON_A_TERMINAL = 60  # rows that are shown where nobody reads on
LIKELIEST = 3  # classes whose probability is shown there
ARRAY_BYTES = 1 << 30  # of an .npz file
PIXELS = 1 << 26  # of a picture


@dataclass(frozen=True)
class Asked:
    """Rows to be asked about.

    Attributes:
        rows: as ``TrainedNetwork.predict`` takes them, those that lack nothing.
        called: what each row of the file is called, in a word.
        whole: which rows of the file those are, (rows of the file,).
        truth: answers that stand beside them, one for each of ``rows``, or None.
    """

    rows: Any
    called: Sequence[str]
    whole: npt.NDArray[np.bool_]
    truth: npt.NDArray[Any] | None = None


def predict_files(run: Path, files: Sequence[Path], output: Path | None) -> int:
    """Print what a network says of the rows of a file, or write it to another.

    Args:
        run: folder of the run.
        files: a table of text, arrays, or pictures; several are pictures.
        output: CSV file to be written, or None.

    Returns:
        The exit code, 0.

    Raises:
        UserError: there is no network, or the file is not of its kind; one line that says why.
    """
    network = load(run)
    if output is not None and any(output.absolute() == file.absolute() for file in files):
        raise UserError(f"{output} is the file with the rows: name another one for the answers")
    asked = read_rows(network, files)
    names, cells = _answers(network, asked)
    if output is not None:
        write_whole(output, _as_csv(names, asked.called, cells))
        say(f"{len(asked.called):,} rows: {output}")
    else:
        _show(network, names, asked.called, cells)
    missing = int((~asked.whole).sum())
    if missing:
        warn(
            f"{missing} row{'s' if missing > 1 else ''} with a missing cell left without an answer: training left such rows out"
        )
    if asked.truth is not None and len(asked.truth):
        _tell_truth(network, asked)
    return 0


def read_rows(network: TrainedNetwork, files: Sequence[Path]) -> Asked:
    """Return the rows of a file, or of several pictures.

    Raises:
        UserError: it is not there, or not of the network's kind.
    """
    for file in files:
        if not file.exists():
            raise UserError(f"there is no file {file}")
        if not file.is_file():
            raise UserError(f"{file} is no file: name one with rows, a table of text, an .npz, or a .png")
    is_picture = [file.suffix.lower() == ".png" for file in files]
    if len(files) > 1 and not all(is_picture):
        raise UserError("several files at once must be pictures, .png: tables and arrays hold many rows in one file")
    try:
        if all(is_picture):
            pictures = np.stack([picture_of(network, file) for file in files])
            return Asked(pictures, [file.name for file in files], np.ones(len(files), bool))
        (file,) = files
        return _of_arrays(network, file) if file.suffix.lower() in (".npz", ".npy") else _of_table(network, file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: {one_line(error)}") from error


def _of_arrays(network: TrainedNetwork, file: Path) -> Asked:
    """Return the rows of an .npz file: its ``x``, or its only array; ``y`` are answers; or arrays called as the columns are."""
    if file.suffix.lower() == ".npy":
        raise UserError(f"{file} is a single array: save it with np.savez({file.stem}.npz, x=rows)")
    arrays = read_arrays(file, ARRAY_BYTES)
    if network.columns and set(network.columns) <= arrays.keys():
        rows: Any = {name: arrays[name] for name in network.columns}
        count = len(arrays[network.columns[0]])
    else:
        name = next((name for name in ("x", "x_test") if name in arrays), next(iter(arrays)) if len(arrays) == 1 else None)
        if name is None:
            raise UserError(f"{file} has the arrays {', '.join(arrays) or 'none'}: save the rows with np.savez(FILE, x=rows)")
        rows, count = arrays[name], len(np.atleast_1d(arrays[name]))
    truth = next((arrays[name] for name in ("y", "y_test") if name in arrays), None)
    truth = truth if truth is not None and len(np.atleast_1d(truth)) == count else None
    return Asked(rows, list(map(str, range(count))), np.ones(count, bool), truth)


def _of_table(network: TrainedNetwork, file: Path) -> Asked:
    """Return the rows of a table of text: columns by their names where its first line has such, else by their order."""
    table, made = _read_table(network, file), network.card.preprocessing
    width = len(table.first)
    for line, cells in zip(table.lines[1:], table.rows, strict=True):
        if len(cells) != width:
            raise UserError(f"{file}: line {line} has {len(cells)} cells, the first line has {width}")
    is_named = _has_names(network, table)
    body, lines = (table.rows, table.lines[1:]) if is_named else ([table.first, *table.rows], table.lines)
    if not body:
        raise UserError(f"{file} names its columns and has no row below them")
    names = table.first if is_named else list(map(str, range(width)))
    if not is_named and width != network.width and not set(network.columns) <= set(names):
        raise UserError(
            f"{file} has {width} columns without names, the network takes {network.width}: name them in its first line"
        )
    try:
        places = list(range(width)) if not is_named and width == network.width else network.places(names)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    columns = {network.columns[at] if network.columns else str(at): place for at, place in enumerate(places)}
    gaps = np.array([[table.is_missing(cells[place]) for place in places] for cells in body], bool)
    missing = np.asarray(gaps.any(axis=1), bool)
    if missing.any() and not made.drops_missing:
        cells, line = next((cells, line) for cells, line, lacks in zip(body, lines, missing, strict=True) if lacks)
        name = next(name for name, place in columns.items() if table.is_missing(cells[place]))
        raise UserError(
            f"{file}: line {line}, column '{name}' is missing: fill it in, the network has never seen a row without it"
        )
    whole = [(cells, line) for cells, line, lacks in zip(body, lines, missing, strict=True) if not lacks]
    rows = {
        name: [_cell(network, table, name, cells[place], line, file) for cells, line in whole]
        for name, place in columns.items()
    }
    truth = [names.index(name) for name in made.targets if name in names]
    known = np.array([[cells[place] for place in truth] for cells, _ in whole]) if truth and whole else None
    return Asked(rows, [f"line {line}" for line in lines], ~missing, None if known is None else _told(network, table, known))


def _read_table(network: TrainedNetwork, file: Path) -> Table:
    """Read a table as the run's own dataset reads one, or as ``dataset=csv`` does."""
    config = OmegaConf.create(current_config(network.card.config))
    made: Any = build_technique(config, {}, "dataset") if "dataset" in config else None
    if not hasattr(made, "read_table"):
        made = entries.load_class(entries.find_technique("dataset", "csv"))(path=str(file))
    table: Table = made.read_table(file, network.card.preprocessing.layout)
    return table


def _has_names(network: TrainedNetwork, table: Table) -> bool:
    """Tell whether the first line names the columns: some as the network's are called, or words where numbers must stand."""
    made = network.card.preprocessing
    numbered = all(name.isdecimal() for name in network.columns)
    if not numbered and set(table.first) & {*network.columns, *made.targets}:
        return True
    if len(table.first) == network.width and network.columns:
        must = [cell for cell, name in zip(table.first, network.columns, strict=True) if name not in made.words]
    else:
        must = table.first if not made.words else []
    words = [cell for cell in must if cell and table.number(cell) is None]
    return bool(words) and 2 * len(words) > len(must)


def _cell(network: TrainedNetwork, table: Table, name: str, cell: str, line: int, file: Path) -> Any:
    words = network.card.preprocessing.words.get(name)
    if words is not None:
        if cell not in words:
            known = ", ".join(words[:20])
            raise UserError(f"{file}: line {line}, column '{name}' holds '{one_line(cell)}'; the network knows {known}")
        return cell
    number = table.number(cell)
    if number is None or not math.isfinite(number):
        raise UserError(f"{file}: line {line}, column '{name}' holds '{one_line(cell)}', where a number must stand")
    return number


def _told(network: TrainedNetwork, table: Table, known: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Return the answers that stand in a table beside the rows, if all of them are answers."""
    if network.card.answers == "classes":
        return known[:, 0] if known.shape[1] == 1 and set(known[:, 0]) <= set(map(str, network.classes)) else None
    numbers = [[table.number(cell) for cell in row] for row in known]
    sound = all(number is not None and math.isfinite(number) for row in numbers for number in row)
    return np.array(numbers, np.float64) if sound and known.shape[1] == network.card.outputs else None


def picture_of(network: TrainedNetwork, file: Path) -> Array:
    """Return a picture as a row of the network's dataset: grey or in colours, of its size, light on dark as that is.

    Raises:
        UserError: the network's rows are no pictures, or the file is none.
    """
    from PIL import Image, ImageOps

    shape, white = network.card.shape, network.card.preprocessing.white
    if shape is None or len(shape) not in (2, 3) or white is None:
        raise UserError(
            f"{file}: the rows of {network.card.config['dataset']['name']} are no pictures: give a table or an .npz"
        )
    channels = shape[2] if len(shape) == 3 else 1
    if channels not in (1, 3):
        raise UserError(f"{file}: the pictures of this network have {channels} channels: give an .npz")
    try:
        with Image.open(file, formats=("PNG",)) as opened:
            if opened.width * opened.height > PIXELS:
                raise UserError(f"{file} has {opened.width} by {opened.height} pixels, more than a picture of a digit needs")
            clear = opened.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{file} is no picture in PNG: {one_line(error)}") from error
    seen = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB" if channels == 3 else "L")
    if channels == 1:
        seen = seen if _is_dark(seen) else ImageOps.invert(seen)  # a pen is dark on white, in the datasets light on black
    if seen.size != (shape[1], shape[0]):
        around = "black" if channels == 1 else "white"
        seen = ImageOps.pad(seen, (shape[1], shape[0]), method=Image.Resampling.BOX, color=around)
    return np.asarray(seen, np.float64).reshape(-1) * (white / 255)


def _is_dark(picture: Any) -> bool:
    """Tell whether a picture has a dark background, of which there is more than of ink."""
    return bool(np.median(np.asarray(picture)) < 128)


def _answers(network: TrainedNetwork, asked: Asked) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns of answers, and those of each row of the file, "" where it lacks something."""
    count = int(asked.whole.sum())
    made = network.card.preprocessing
    names = ["prediction"] if network.card.answers == "classes" else list(made.targets) or _numbered(network)
    found: list[list[Any]] = []
    if count:
        answers = network.predict(asked.rows)
        found = [[answer] for answer in answers.tolist()] if answers.ndim == 1 else answers.tolist()
    if network.has_probabilities:
        names += [f"p({name})" for name in network.classes]
        shares = network.probabilities(asked.rows).tolist() if count else []
        found = [[*row, *likely] for row, likely in zip(found, shares, strict=True)]
    given = iter(found)
    return names, [next(given) if whole else [""] * len(names) for whole in asked.whole]


def _numbered(network: TrainedNetwork) -> list[str]:
    outputs = network.card.outputs
    if network.card.answers == "rows":
        return [f"column {place}" for place in range(outputs)]
    return ["prediction"] if outputs == 1 else [f"prediction {place}" for place in range(outputs)]


def _as_csv(names: Sequence[str], called: Sequence[str], cells: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    is_line = all(name.startswith("line ") for name in called)
    writer.writerow(["line" if is_line else "row", *names])
    writer.writerows([name.removeprefix("line "), *row] for name, row in zip(called, cells, strict=True))
    return text.getvalue()


def _show(network: TrainedNetwork, names: Sequence[str], called: Sequence[str], cells: Sequence[Sequence[Any]]) -> None:
    """Print a table: of classes with the likeliest ones only, which fits a terminal."""
    console = terminal()
    most = ON_A_TERMINAL if console.is_terminal else len(called)
    table = Shown(box=None, pad_edge=False)
    table.add_column("row", no_wrap=True)
    likely = network.has_probabilities
    shown = ["prediction", "likely"] if likely else names
    for name in shown:
        table.add_column(
            Text(harmless(str(name))), justify="left" if network.card.answers == "classes" else "right", overflow="ellipsis"
        )
    for name, row in list(zip(called, cells, strict=True))[:most]:
        told = _likely(network, row) if likely else map(_shown, row)
        table.add_row(Text(name), *(Text(harmless(cell)) for cell in told))
    console.print(table)
    if len(called) > most:
        say(f"and {len(called) - most:,} more rows: --output FILE.csv writes all of them")


def _likely(network: TrainedNetwork, row: Sequence[Any]) -> list[str]:
    """Return the predicted class, and the likeliest ones with their shares."""
    if row[0] == "":
        return ["", ""]
    order = np.argsort(-np.asarray(row[1:], float), kind="stable")[:LIKELIEST]
    return [str(row[0]), ", ".join(f"{network.classes[place]} {percent(row[1 + place])}" for place in order)]


def _shown(value: Any) -> str:
    return measured(value, 6) if isinstance(value, float) else str(value)


def _tell_truth(network: TrainedNetwork, asked: Asked) -> None:
    """Say how many answers are right, where the file has the true ones."""
    found = network.evaluate(asked.rows, asked.truth)
    told = [f"accuracy {percent(found['accuracy'], 2)}"] if "accuracy" in found else []
    told += [f"R² {measured(found['r2'])}"] if "r2" in found else []
    told.append(f"loss {measured(found['loss'])}")
    say(f"{', '.join(told)}, by the answers that stand in the file")
