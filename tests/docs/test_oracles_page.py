"""The page of oracles says what the files of oracles hold."""

import re

from tests.docs.oracles_page import PAGE, written
from tests.techniques.libraries import CASES, WRITTEN_ELSEWHERE


def test_the_page_is_as_the_command_would_write_it():
    page = PAGE.read_text(encoding="utf-8")
    last_column = dict.fromkeys(
        map(str, [*CASES, *WRITTEN_ELSEWHERE]), "1e-??"
    )  # test_optimizers.py keeps the difference itself below 1e-9
    assert re.sub(r"1e-\d\d \|$", "1e-?? |", page, flags=re.MULTILINE) == written(last_column), (
        "run `python -m tests.docs.oracles_page`"
    )


def test_no_difference_on_the_page_is_as_large_as_a_test_allows():
    bounds = re.findall(r"(1e-\d\d) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(bounds) == len(CASES) + len(WRITTEN_ELSEWHERE)
    assert max(map(float, bounds)) <= 1e-9
