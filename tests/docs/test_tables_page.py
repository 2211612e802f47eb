"""What docs/tables.md says can be set is what can be set."""

import dataclasses
import re
from pathlib import Path

from nnreg_std.datasets._columns import Wanted
from nnreg_std.datasets._layouts import SIGNS

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


def test_every_choice_of_a_layout_has_a_row():
    rows = re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE)
    named = set(re.findall(r"`dataset\.(\w+)`", " ".join(rows)))
    assert named == {field.name for field in dataclasses.fields(Wanted)} - {
        "target",
        "drop",
        "weight",
    }  # in the text, not the table


def test_every_delimiter_is_named():
    assert all(word in PAGE for word in SIGNS)
