"""A person's own targets: which are classes, which are values, and class numbers for labels of any kind."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Targets

Task = Literal["auto", "classes", "values"]
Wish = Literal["classes", "values"]

MOST_CLASSES = 20  # whole numbers of more different values are values, not classes, unless the person says so
WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
ROWS_A_CLASS = 5  # and so are those of fewer rows a value, on average


def understood(answers: npt.NDArray[Any], task: Task, wish: Wish = "classes") -> tuple[Targets, int]:
    """Return targets for answers as they were found, and the number of outputs: of classes, or of columns.

    Args:
        answers: text, or numbers, (rows,); or several values a row, (rows, columns), read. Labels become class numbers in
            sorted order, numbers by size, text by alphabet.
        task: "auto" takes for classes: text; and whole numbers of at most 20 different values, 5 rows each on average.
        wish: what the loss asks for: such whole numbers are values where it asks for values.

    Raises:
        ValueError: they are neither, or nothing can be learnt from them.
    """
    if answers.ndim == 2 and answers.shape[1] == 1:
        answers = answers[:, 0]
    is_text = answers.dtype.kind in "SU"
    if not is_text and not np.isfinite(answers).all():
        raise ValueError("the target holds numbers that are not finite: remove these rows")
    if task == "classes" or (task == "auto" and _look_like_classes(answers, wish)):
        return _classes(answers)
    if is_text:
        raise ValueError(f"the target holds text, such as '{_first_text(answers)}': with task=values it must hold numbers")
    if task == "auto" and _look_one_hot(answers):
        raise ValueError("the target looks one-hot coded: give class numbers, y.argmax(axis=1), or task=values to keep it")
    return _values(answers)


def understood_text(
    answers: npt.NDArray[np.str_], numbers: Array | None, task: Task, wish: Wish = "classes"
) -> tuple[Targets, int, str]:
    """Return targets for cells of a table, the number of outputs, and what they were taken for.

    Labels keep every character: 01 and 1 are two classes, and so are 3.1 and 3.10.

    Args:
        answers: the cells as they stand, (rows,), read.
        numbers: what they are as numbers, (rows,), or None where one is none, read.
        task: as above.
        wish: as above.

    Raises:
        ValueError: as above.
    """
    if numbers is None or not _are_meant_as_classes(answers, numbers, task, wish):
        y, outputs = understood(answers if numbers is None else numbers, "values" if numbers is not None else task)
    else:
        is_safe = len(np.unique(numbers)) == len(np.unique(answers))  # else two labels would become one
        y, outputs = understood(numbers if is_safe else answers, "classes")
    return y, outputs, f"{outputs} classes" if np.issubdtype(y.dtype, np.integer) else "values"


def names_of(y: Targets, answers: npt.NDArray[Any]) -> tuple[str | int | float, ...]:
    """Return what each class is called, by its number, as the person calls it, 7 where the text is 7; nothing of values.

    Args:
        y: targets as they were understood.
        answers: what they were, (rows,), read.
    """
    if not np.issubdtype(y.dtype, np.integer):
        return ()
    firsts = answers.reshape(-1)[np.unique(y, return_index=True)[1]].tolist()
    if answers.dtype.kind == "U" and all(map(WHOLE.fullmatch, firsts)):
        return tuple(map(int, firsts))
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else name for name in firsts)


def _are_meant_as_classes(answers: npt.NDArray[np.str_], numbers: Array, task: Task, wish: Wish) -> bool:
    if task != "auto" or wish == "values":
        return task == "classes"
    if len(numbers) == 0 or not np.isfinite(numbers).all() or not (numbers == np.round(numbers)).all():
        return False
    different = len(np.unique(answers))
    return different <= MOST_CLASSES and different * ROWS_A_CLASS <= len(answers)


def _look_like_classes(answers: npt.NDArray[Any], wish: Wish) -> bool:
    if answers.ndim != 1 or answers.dtype.kind in "SUb":
        return answers.ndim == 1
    if wish == "values":
        return False
    if not (answers == np.round(answers)).all():
        return False
    different = len(np.unique(answers))
    return different <= MOST_CLASSES and different * ROWS_A_CLASS <= len(answers)


def _look_one_hot(answers: npt.NDArray[Any]) -> bool:
    return answers.ndim == 2 and bool(np.isin(answers, (0, 1)).all() and (answers.sum(axis=1) == 1).all())


def _first_text(answers: npt.NDArray[Any]) -> str:
    """Return the first answer that is no number."""
    for answer in answers.ravel().astype(str):
        try:
            float(answer)
        except ValueError:
            return str(answer)
    return str(answers.ravel()[0])


def _classes(answers: npt.NDArray[Any]) -> tuple[Targets, int]:
    if answers.ndim != 1:
        raise ValueError(
            f"classes must be one label a row, got an array {answers.shape}: y.argmax(axis=1) undoes one-hot coding"
        )
    labels, y = np.unique(answers, return_inverse=True)
    if len(labels) == 1:
        raise ValueError(f"the target has one class only, '{labels[0]}': there is nothing to tell apart; choose another target")
    if 2 * len(labels) > len(answers):
        raise ValueError(
            f"the target has {len(labels)} different labels in {len(answers)} rows, too many to learn: "
            "choose another target, or task=values for numbers"
        )
    return y.astype(np.int64), len(labels)


def _values(answers: npt.NDArray[Any]) -> tuple[Targets, int]:
    y = answers.astype(np.float64).reshape(len(answers), -1)
    if y.shape[1] == 0 or np.ptp(y, axis=0).max() == 0:
        raise ValueError("all targets are the same: there is nothing to learn; choose another target")
    return y, y.shape[1]
