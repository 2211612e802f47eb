"""Writes docs/oracles.md, our optimizers beside those of other libraries: ``python -m tests.docs.oracles_page``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnreg.registry import entries
from nnreg.registry.catalogue import describe
from tests.docs.reference_pages import table
from tests.techniques.libraries import CASES, COMPOSED, PROBLEMS, WRITTEN, WRITTEN_ELSEWHERE, Case

PAGE = Path(__file__).resolve().parents[2] / "docs" / "oracles.md"
HEADING = ("rule", "settings", "library", "what it was compared with", "largest difference")
TEXT = """\
# Optimizers beside torch and optax

<!-- written by `python -m tests.docs.oracles_page` -->

Each line: {steps} steps in float64 of our rule and of a library's, from the same start with the same hyper-parameters,
mostly with a learning rate that changes from step to step. The last column is the largest relative difference of any
parameter after any step, rounded up to a power of ten; a test keeps it below 1e-9. What is not named has our default, which
the library is given in words. Hyper-parameters are not the usual ones where that shows a convention, such as where ε is
added.

*coupled*, where nothing else is said, is {coupled}; *network*, for rules that look at layers, is
{network}; *valley*, for lbfgs, is Rosenbrock's in six dimensions, for 12 line searches.
Scripts in `tests/techniques/oracles/` wrote the libraries' steps down, {versions}.

{comparison}
## Conventions

Where libraries and papers differ, and what is done here; `python -m nnreg plugins optimizer/NAME` says more.

{conventions}"""


def call(case: Case) -> str:
    """Return what the library was asked for."""
    words = ", ".join(f"{name}={value}" for name, value in case.arguments.items())
    where = f" on {case.problem}" if case.problem != "coupled" else ""
    parts = ", of optax's parts" if case.counterpart in COMPOSED else ""
    return f"`{case.counterpart}({words})`{parts}{where}{', what is evaluated' if case.evaluated else ''}"


def bound(difference: float) -> str:
    """Return the power of ten above a difference; rounding makes the digits differ from machine to machine."""
    return f"1e{math.ceil(math.log10(max(difference, 1e-16)))}"


def conventions() -> Mapping[str, str]:
    """Return for each rule of nnreg the paragraph on conventions of its docstring."""
    said = {}
    for name, entry in entries.techniques("optimizer").items():
        notes = describe(entries.load_class(entry)).notes if entry.distribution == "nnreg" else ()
        for note in (note for note in notes if note.startswith("Conventions:")):
            said[name] = " ".join(note.split()).removeprefix("Conventions: ")
    return said


def written(differences: Mapping[str, str]) -> str:
    """Return the page; ``differences`` are the last column, by what a case is called."""
    versions: Mapping[str, Any] = WRITTEN["versions"]
    rows = []
    for case in sorted([*CASES, *WRITTEN_ELSEWHERE], key=lambda each: each.optimizer):
        settings = " ".join(f"{name}={value}" for name, value in case.settings.items())
        library = f"{case.library} {versions[case.library].partition('+')[0]}"
        rows.append((case.optimizer, f"`{settings}`" if settings else "", library, call(case), differences[str(case)]))
    return TEXT.format(
        steps=len(CASES[0].trajectory),
        coupled=PROBLEMS["coupled"]["objective"],
        network=PROBLEMS["network"]["objective"],
        versions=", ".join(f"{name} {version.partition('+')[0]}" for name, version in versions.items()),
        comparison=table(HEADING, rows),
        conventions=table(("rule", "conventions"), conventions().items()),
    )


if __name__ == "__main__":
    PAGE.write_text(written({str(case): bound(case.difference()) for case in [*CASES, *WRITTEN_ELSEWHERE]}), encoding="utf-8")
