"""Measure everything and write it into ``docs/performance.md``: ``python benchmarks/performance.py [peers sweep ...]``.

Each part of the page between ``<!-- NAME -->`` and ``<!-- /NAME -->`` is what one benchmark printed, command, machine, versions
and date included; the words between the parts are written by hand. Let the machine do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "performance.md"
PARTS = {
    "peers": ("peers.py", "--markdown", "--picture", "docs/peers.png"),
    # for a processor that multiplies in another way
    "elsewhere": ("peers.py", "--markdown", "--optimizers", "sgd", "adam", "--picture", "docs/peers_elsewhere.png"),
    "optimizers": ("optimizers.py",),
    "sweep": ("sweep.py",),
    "parts": ("sweep.py", "--parts"),
    "startup": ("startup.py",),
    "scale": ("scale.py",),
    "rounding": ("compiled.py", "rounding"),
    "starts": ("compiled.py", "starts"),
}

PLAIN = {"sweep", "parts"}  # those that print no Markdown
ASKED = {"elsewhere"}  # those that are measured only where they are named


def printed(part: str) -> str:
    """Return what a benchmark prints, below the command that printed it."""
    script, *words = PARTS[part]
    command = [sys.executable, str(FOLDER / script), *words]
    text = subprocess.run(command, check=True, cwd=FOLDER.parent, stdout=subprocess.PIPE, text=True).stdout.strip()
    if part in PLAIN:
        about, _, table = text.partition("\n")
        text = f"{about}\n\n```text\n{table}\n```"
    return f"`{' '.join(['python', f'benchmarks/{script}', *words])}`: {text}"


def replaced(page: str, part: str, text: str) -> str:
    """Return the page with another text in one part.

    Raises:
        ValueError: the page has no such part, or has it twice.
    """
    pattern = re.compile(rf"(<!-- {part} -->\n).*?(\n<!-- /{part} -->)", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page must have one part between <!-- {part} --> and <!-- /{part} -->")
    return pattern.sub(lambda found: found[1] + text + found[2], page)


def main(given: Sequence[str] | None = None) -> None:
    """Measure the parts that were asked for, one after the other, and save the page after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = [part for part in PARTS if part not in ASKED]
    said = f"of {', '.join(PARTS)}; where none is named: {', '.join(usual)}"
    parser.add_argument("parts", nargs="*", metavar="NAME", help=said)
    parts = parser.parse_args(given).parts or usual
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part is named {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    for part in parts:
        print(f"measuring {part} ...", flush=True)
        text = printed(part)  # takes long: read the page after it, somebody may have edited it meanwhile
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), part, text), encoding="utf-8")


if __name__ == "__main__":
    main()
