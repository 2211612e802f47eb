"""Takes the picture of a report in the README: ``python -m tests.docs.report_page`` runs its sweep and writes it anew."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser import browsing

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "comparison_report.png"
WIDTH = 1240  # pixels of the window
LAST = "#curves"  # what the picture ends with
COLOURS = 128


def command() -> list[str]:
    """Return the words of the sweep that the README says is the one in the picture."""
    (line,) = re.findall(
        r"^python -m nnreg (-m .*?) *# the sweep in the picture", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    return shlex.split(line)


def taken(report: Path) -> Image.Image:
    """Return the upper part of a report as a browser shows it."""
    with browsing() as browse:
        page = browse(report.as_uri(), width=WIDTH)
        box = page.locator(LAST).bounding_box()
        shot = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + 20})
        browse.check()
    return Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    """Run the sweep in an empty folder and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "nnreg", *command(), "tracking=off"], cwd=folder, check=True)
        (report,) = Path(folder).glob("runs/*/comparison/report.html")
        taken(report).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
