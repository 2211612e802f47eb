"""The plan of the house in docs/house.md is the plan of the code."""

import re

from tests.docs.house_page import PACKAGE, PAGE, ROOT, arrows, floors, written


def test_the_rooms_of_the_page_are_those_of_the_code():
    assert PAGE.read_text(encoding="utf-8") == written(), "run `python -m tests.docs.house_page`"


def test_every_arrow_leads_down():
    floor_of = {room: number for number, floor in enumerate(floors()) for room in floor}
    assert all(floor_of[source] < floor_of[target] or floor_of[source] == floor_of[target] == len(floors()) - 1
               for source, target in arrows())  # fmt: skip


def test_every_file_that_the_walks_name_is_there():
    text = PAGE.read_text(encoding="utf-8")
    walks = text[text.index("## Walks") : text.index("## Rooms")]
    named = set(re.findall(r"`((?:\w+/)+\w+(?:\.\w+)?)`", walks))
    assert len(named) > 20
    missing = {name for name in named if not any(place.exists() for place in _places(name))}
    assert not missing


def _places(name):
    return [root / f"{name}{ending}" for root in (PACKAGE, ROOT) for ending in ("", ".py")]
