"""What docs/play.md shows is there, and its links are states that the page knows."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

from PIL import Image

from nnreg.play.server import TABS
from tests.docs.play_page import DOCS, PAGE, SHOWN

TEXT = PAGE.read_text(encoding="utf-8")
WEB = Path(__file__).parents[2] / "nnreg" / "play" / "web"


def test_every_picture_is_shown_and_none_is_heavy():
    shown = re.findall(r"!\[[^\]]+\]\((\w+\.png)\)", TEXT)
    assert set(SHOWN) <= set(shown)
    for name in shown:
        assert (DOCS / name).stat().st_size < 250_000, name
        with Image.open(DOCS / name) as picture:
            assert picture.width >= 1000


def test_every_link_leads_to_a_tab():
    links = [*re.findall(r"`#(tab=[^`]+)`", TEXT), *(state for state, _ in SHOWN.values())]
    assert links
    assert all(dict(parse_qsl(link))["tab"] in TABS for link in links)


def test_the_buttons_that_are_named_are_on_the_page():
    script = (WEB / "network.js").read_text(encoding="utf-8")
    for name in re.findall(r"\*([A-Z][\w ]+)\*", TEXT):
        assert name in script, name
