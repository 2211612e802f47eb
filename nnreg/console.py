"""How anything is printed: a line for the person, a warning beside the output, a label before its text."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

LABEL_WIDTH = 14
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")  # whatever a name holds, a line is a line

_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Return a text, which may hold names from a stranger's file, without what would give orders to a terminal."""
    return _ORDERS.sub("?", text)


def terminal() -> Console:
    """Return where lines are printed: as text in a notebook too, where rich would make a block of HTML of each."""
    return Console(highlight=False, force_jupyter=False)


ticking: Callable[[], None] | None = None
"""What whoever has a moment calls about once a second while this process has a sweep; it shows where that stands."""


def tick() -> None:
    """Do it."""
    if ticking is not None:
        ticking()


def say(line: str) -> None:
    """Print one line for the person at the keyboard, at once."""
    sys.stdout.write(f"{harmless(line)}\n")
    sys.stdout.flush()


def warn(message: str) -> None:
    """Print a line for the person, beside the output."""
    sys.stderr.write(f"nnreg: {_CONTROL.sub(' ', message)}\n")


def folded(console: Console, text: str, behind: int = 0) -> list[str]:
    """Return a text as lines that fit into a terminal behind so many columns, folded between words; elsewhere as one line."""
    if not console.is_terminal:
        return [text]
    return textwrap.wrap(text, max(console.width - behind, 20), break_long_words=False, break_on_hyphens=False) or [""]


def print_folded(console: Console, label: str, text: str) -> None:
    """Print a labelled line, in a terminal folded between words behind its label; no word is cut."""
    for number, line in enumerate(folded(console, text, LABEL_WIDTH)):
        print_line(console, "" if number else label, line)


def print_line(console: Console, label: str, text: str) -> None:
    """Print a labelled line, never folded: paths and links stay whole."""
    console.print(f"[bold]{label:<{LABEL_WIDTH}}[/bold]{escape(harmless(text))}", soft_wrap=True, highlight=False)
