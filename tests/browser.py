"""A real browser for tests of pages: chromium as it is installed, which lets no request leave this computer unnoticed.

A module of tests that needs it says ``pytestmark = pytest.mark.extra("browser")`` and takes the fixture ``browse``, which is in
``tests/conftest.py``: ``page = browse(address, width=420, dark=True)``. What a page logs as an error fails the test at its end,
unless the test takes it out of ``page.complaints``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

PLACES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 20.0
"""For which a page is waited for; two busy cores are no reason to fail."""


def executable() -> str:
    """Return where the browser is, ``CHROMIUM`` in the environment first; skip the test where there is none."""
    found = next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), *PLACES))), None)
    if found is None:
        pytest.skip("there is no chromium: install it (apt-get install chromium), or name it in CHROMIUM")
    return found


class Browser:
    """Opens pages, and notes what they ask of other computers and complain of.

    Attributes:
        strangers: addresses of other hosts that any page has asked for.
    """

    def __init__(self, launched: Any) -> None:
        self._launched = launched
        self.strangers: list[str] = []
        self._pages: list[Any] = []

    def __call__(self, address: str, *, width: int = 1280, height: int = 900, dark: bool = False, **options: Any) -> Any:
        """Return Playwright's page of an address; further options are those of its ``new_context``."""
        context = self._launched.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **options
        )
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", self._note)
        self._pages.append(page)
        page.goto(address)
        return page

    def _note(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("file", "data", "blob", "about") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.strangers.append(request.url)

    def check(self) -> None:
        """Fail where a page has complained, or has asked another computer for something."""
        complaints = [said for page in self._pages for said in page.complaints]
        assert not complaints, complaints
        assert not self.strangers, self.strangers


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Yield a browser while the block lasts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield Browser(launched)
        finally:
            launched.close()


def wide_things(page: Any) -> list[str]:
    """Return what on a page is wider than the window, which then scrolls to the side."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
            .filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 120))"""
    )
    return found


def until(page: Any, condition: str, argument: Any = None) -> Any:
    """Wait until an expression, or a function of one argument, is true on a page, and return it.

    Playwright's own waiting compiles text on the page, which a page's policy may forbid.
    """
    began = time.monotonic()
    while not (found := page.evaluate(condition, argument)):
        assert time.monotonic() - began < SECONDS, f"it does not come true: {condition}"
        page.wait_for_timeout(50)
    return found
