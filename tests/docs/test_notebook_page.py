"""The notebook of the documentation runs as it stands, and shows what it gives."""

import itertools
import json
import re
from pathlib import Path

import nbformat
import pytest

from tests.docs.notebook_page import METADATA, PAGE, executed

LARGEST = 500_000  # bytes of a page that everyone downloads with the source


@pytest.fixture(scope="module")
def page():
    return nbformat.read(PAGE, as_version=4)


def cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """What a cell shows: text, tables, pictures. Numbers may differ, and in how many pieces a slow machine's text comes."""
    outputs = [(output.output_type, output.get("name"), sorted(output.get("data", {}))) for output in cell.outputs]
    return [output for output, _ in itertools.groupby(outputs)]


def test_the_page_was_executed_from_top_to_bottom(page):
    assert [cell.execution_count for cell in cells(page)] == list(range(1, len(cells(page)) + 1))
    assert page.metadata == METADATA
    assert [output for cell in cells(page) for output in cell.outputs if output.output_type == "error"] == []


def test_the_page_is_small_and_names_no_folder_of_the_machine_that_made_it(page):
    assert PAGE.stat().st_size < LARGEST
    text = json.dumps(page)
    assert not re.search(r"/(home|tmp|work|root|Users)/|\\\\Users|[A-Z]:\\\\", text)
    assert str(Path.home()) not in text


@pytest.mark.long
def test_the_page_can_be_executed_anywhere_and_shows_the_same(page, tmp_path):
    again = executed(PAGE, tmp_path)
    for committed, now in zip(cells(page), cells(again), strict=True):
        assert shown(now) == shown(committed), now.source
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "nnreg-my-rule"}
