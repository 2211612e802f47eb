"""What docs/play.md shows is there, and its links are states that the page knows."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from PIL import Image

from nnreg.play.server import TABS
from tests.browser import until
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
    script = "".join((WEB / name).read_text(encoding="utf-8") for name in ("network.js", "valley.js"))
    for name in re.findall(r"\*([A-Z][\w ]+)\*", TEXT):
        assert name in script, name


def test_the_exported_page_is_small_and_asks_nobody():
    text = (DOCS / "valley.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 1_500_000
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=[\"']?\w+:", text)


@pytest.mark.long
@pytest.mark.extra("browser")
@pytest.mark.slow
def test_the_exported_page_moves(browse):
    page = browse((DOCS / "valley.html").as_uri(), offline=True)
    page.locator(".rates[data-filled]").wait_for()
    assert page.locator("path.path:not(.later)").count() == 4
    said = page.locator(".sentence").inner_text()
    page.locator("[data-rule='0'] [data-key='lr'] input[type=range]").fill("2")
    until(page, "said => document.querySelector('.sentence').textContent !== said", said)
