"""Takes the pictures of docs/play.md, and exports docs/valley.html: ``python -m tests.docs.play_page`` writes them anew.

The pictures are taken in the browser that is installed.
"""

from __future__ import annotations

import io
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from nnreg.play.export import Exported, export
from tests.browser import browsing
from tests.play.conftest import playing

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "play.md"
SIZE = {"width": 1400, "height": 900}
COLOURS = 200  # of a picture: enough for what is drawn, and a third of the bytes
LINKED = re.compile(r"http://127\.0\.0\.1:PORT/#(\S+)")


def trained(updates: int) -> Callable[[Any], None]:
    """Return what trains the networks of a page so far, or to their end."""

    def train(page: Any) -> None:
        page.wait_for_selector("#tab-network[data-drawn]")
        page.get_by_role("button", name="▶ Train").click()
        while int(page.locator("#tab-network").get_attribute("data-step") or 0) < updates:
            time.sleep(0.05)
        if page.locator("#tab-network").get_attribute("data-running") == "true":
            page.get_by_role("button", name="❚❚ Pause").click()

    return train


def drawn(page: Any) -> None:
    """Train on digits and draw a 2."""
    trained(600)(page)
    box = page.locator("canvas.field").bounding_box()
    points = [(0.3, 0.32), (0.38, 0.17), (0.55, 0.13), (0.68, 0.22), (0.66, 0.4), (0.5, 0.6), (0.3, 0.85), (0.72, 0.84)]
    placed = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*placed[0])
    page.mouse.down()
    for place in placed[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    page.wait_for_selector(".digit.best")


def descended(page: Any) -> None:
    """Wait for the descents, and for the map of knobs to be whole."""
    page.wait_for_selector("#tab-valley[data-drawn]")
    page.wait_for_selector(".rates[data-filled]", timeout=120_000)


def looked(page: Any) -> None:
    """Wait for the stack."""
    page.wait_for_selector("#tab-layers[data-drawn]")


SHOWN: dict[str, tuple[str, Callable[[Any], None]]] = {
    "play.png": (
        "tab=valley&surface=rosenbrock&rules=sgd,momentum,adam,lbfgs&1.lr=0.001&2.lr=0.001&2.momentum=0.92&3.lr=0.15"
        "&steps=100&start=-1.3,2.2&t=17&moved=2.momentum",
        descended,
    ),
    "play_network.png": ("tab=network&dataset=spirals&depth=4&width=16&other=activation&other.name=sigmoid", trained(400)),
    "play_digits.png": ("tab=network&dataset=digits&depth=1&width=24&steps=600&speed=25", drawn),
    "play_layers.png": ("tab=layers&activation=relu&init=normal&init.std=0.1&depth=12", looked),
}
"""Picture to the state that it shows, as the address has it, and what is done there."""


def take() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as folder, playing(folder=Path(folder)) as address, browsing() as browse:
        for name, (state, act) in SHOWN.items():
            page = browse(f"{address}#{state}", **SIZE)
            act(page)
            time.sleep(0.5)
            taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            taken.quantize(COLOURS, dither=Image.Dither.NONE).save(DOCS / name, optimize=True)
        browse.check()


if __name__ == "__main__":
    export(DOCS / "valley.html", Exported(steps=80))
    take()
