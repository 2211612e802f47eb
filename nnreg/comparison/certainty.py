"""Whether descents involve chance: on a noisy surface, or by a rule that draws, a run is another one at each seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from nnreg.comparison.gathering import Arm
from nnreg.contracts.objective import is_noisy
from nnreg.errors import UserError
from nnreg.records.card import COMPLETE
from nnreg.records.results import Result
from nnreg.registry import entries
from nnreg.settings import DESCEND, task_of

SAME = 1e-9  # relative: what another machine may round differently is no chance


def is_certain(arms: Iterable[Arm]) -> bool:
    """Tell whether no chance is involved: descents that are, as far as can be seen, the same at every seed."""
    return all(map(_is_sure, arms))


def _is_sure(arm: Arm) -> bool:
    runs = [run for run in arm.runs if run.summary["status"] in COMPLETE]
    if task_of(arm.runs[0].summary) != DESCEND or any(not _same(runs[0], run) for run in runs[1:]):
        return False
    is_shown = len({run.seed for run in runs}) > 1
    return is_shown or not draws(str(arm.runs[0].summary["choices"].get("surface")))


def draws(surface: str) -> bool:
    """Tell whether a surface, by its name, is noisy; one that is not installed is said not to be."""
    try:
        found: Any = entries.load_class(entries.find_technique("surface", surface))
    except UserError:
        return False
    return is_noisy(found)


def _same(one: Result, other: Result) -> bool:
    a, b = _found(one), _found(other)
    return a.keys() == b.keys() and all(is_same(a[key], b[key]) for key in a)


def _found(run: Result) -> Mapping[str, Any]:
    found = {key: value for key, value in run.summary["metrics"].items() if key.startswith("descent/")}
    return {**found, "diverged_at": run.summary.get("diverged_at_step") or 0}


def is_same(a: float, b: float) -> bool:
    """Tell whether two results differ by rounding at most."""
    return math.isclose(a, b, rel_tol=SAME)
