"""Takes the pictures of a sweep in MLflow for docs/runs.md: ``python -m tests.docs.mlflow_page`` writes them anew."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.browser import browsing

DOCS = Path(__file__).resolve().parents[2] / "docs"
SWEEP = "-m optimizer=sgd,momentum,adagrad,adam init=he,glorot seed=0,1,2,3,4 dataset=digits steps=300 hidden=[32]"
PICTURES = {"compare all runs": "sweep_page.png", "seeds averaged": "sweep_seeds.png"}
"""Link that ``python -m nnreg ui`` prints, to the picture of where it leads."""
SIZE = {"width": 1500, "height": 1045}
RUNS = 1112  # pixels of the page of runs; beside it MLflow opens its assistant
COLOURS = 128
CHARTS = 8.0  # seconds for which MLflow draws them


def links(lines: list[str]) -> dict[str, str]:
    """Return the addresses that the command has printed, by what they show."""
    found = (re.match(r"([a-z ]+): +(http\S+)", line) for line in lines)
    return {each[1]: each[2] for each in found if each}


def taken(address: str) -> Image.Image:
    """Return a page of MLflow as a browser shows it, its charts drawn."""
    with browsing() as browse:
        page = browse(address, **SIZE)
        page.wait_for_selector("svg.main-svg", timeout=120_000)
        time.sleep(CHARTS)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB").crop((0, 0, RUNS, SIZE["height"]))
        return shot.quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    """Run the sweep in an empty folder, serve its pages and write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "nnreg"]
        subprocess.run([*program, *SWEEP.split()], cwd=folder, check=True)
        served = subprocess.Popen([*program, "ui", "--no-open"], cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert served.stdout is not None
            lines: list[str] = []
            while not set(PICTURES) <= set(links(lines)):
                lines.append(next(served.stdout))
            for label, name in PICTURES.items():
                taken(links(lines)[label]).save(DOCS / name, optimize=True)
        finally:
            served.send_signal(signal.SIGINT)
            served.wait(60)


if __name__ == "__main__":
    main()
