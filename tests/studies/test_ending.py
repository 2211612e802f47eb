"""Claims as they are printed: rows that can be searched in a pipe, words folded behind the numbers in a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nnreg.studies.claims import Verdict
from nnreg.studies.ending import print_verdicts

SAY = "momentum of one never settles, and ends where nobody would look for it, at x = [2.703]"
VERDICTS = [
    Verdict(SAY, "x", "= 2.703 +- 5e-4", "2.70323", True),
    Verdict("plain descent arrives", "x", "< 1", "3", False),
]


def printed(width, *, is_terminal):
    out = io.StringIO()
    print_verdicts(VERDICTS, Console(file=out, width=width, force_terminal=is_terminal, color_system=None))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_wide_row_is_one_line(is_terminal):
    assert printed(200, is_terminal=is_terminal) == [
        f"  reproduced      2.70323  = 2.703 +- 5e-4  {SAY}",
        "  NOT reproduced  3        < 1              plain descent arrives",
    ]


def test_a_terminal_folds_the_words_behind_the_numbers():
    first, *others, last = printed(90, is_terminal=True)
    assert all(len(line) <= 90 for line in (first, *others))
    behind = first.index("momentum")
    assert others
    assert all(line[:behind].isspace() for line in others)
    assert " ".join([first[behind:], *(line.strip() for line in others)]) == SAY
    assert last.split()[:2] == ["NOT", "reproduced"]


@pytest.mark.parametrize(("width", "is_terminal"), [(90, False), (60, True)])
def test_a_pipe_and_a_terminal_without_room_get_whole_rows(width, is_terminal):
    assert printed(width, is_terminal=is_terminal)[0].endswith(SAY)
