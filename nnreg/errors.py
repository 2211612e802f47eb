"""Errors that are meant for the person at the keyboard, and which word was meant instead of one that nobody knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """A mistake the user can mend: one line that says what was wrong, what is possible, and what to type instead.

    The command line prints it without a traceback and exits with code 2.
    """


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says how to go on."""


class RunFailed(UserError):
    """A run in a script began and broke off, as when a plugin raised; what it recorded is kept.

    Attributes:
        folder: run folder, which holds the traceback.
    """

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = folder


def instead(word: str, known: Iterable[str], label: str = "Available") -> str:
    """Return how a sentence about an unknown word goes on: ``; did you mean 'adam'? Available: adagrad, adam``."""
    names = list(known)
    small = {name.lower(): name for name in reversed(names)}
    close = difflib.get_close_matches(word.lower(), small, n=1, cutoff=0.6)
    return (f"; did you mean '{small[close[0]]}'?" if close else ".") + f" {label}: {', '.join(names) or 'none'}"


def one_line(error: object) -> str:
    """Return an error's message, or a text of somebody else's, on one line, without what would give orders to a terminal."""
    return "".join(mark if mark.isprintable() else "?" for mark in " ".join(str(error).split()))


_TAKES = {"Integer": ("whole number", "2", "2,3"), "Float": ("number", "0.1", "0.1,0.2")}


def of_wrong_type(complaint: str, typed: str = "", usual: str = "") -> str:
    """Say what a value, or an item of a list, should look like, in place of OmegaConf's names of types.

    Args:
        complaint: of OmegaConf, whole; of an item it names the place.
        typed: what stands before the example, such as ``steps=``.
        usual: example of a list, if there is a better one.

    Returns:
        One line; the first of the complaint where it is about something else.
    """
    text, _, details = complaint.strip().partition("\n")
    number = re.match(r"Value '(?P<given>.*)' of type '\w+' could not be converted to (?P<wanted>Integer|Float)$", text)
    if number:
        what, example, several = _TAKES[number["wanted"]]
        if re.search(r"full_key: \S+\[\d+\]", details):
            named = re.sub(r"\[\d+\]=$", "=", typed)
            return f"it takes a list of {what}s, such as {named}[{usual or several}]"
        whole = re.fullmatch(r"(-?\d+)\.0", number["given"])
        return f"it takes a {what}, such as {typed}{whole[1] if whole else example}"
    if re.search(r"is not a valid bool\b", text):
        return f"it takes true or false, such as {typed}true"
    if re.search(r"field '.*' is not Optional$", text):
        return "null is no value that it takes; leave it out to have what it is by default"
    return text
