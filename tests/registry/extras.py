"""Tests of extras: ``@pytest.mark.extra("joblib")`` skips a test where the extra is not installed, and says how to install it.

Asked for by its mark (``-m extra``), such a test fails where it would be skipped: who asks for it wants to know.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
from packaging.requirements import Requirement


def check(item: pytest.Item) -> None:
    """Skip a test one of whose extras is not installed."""
    for extra in [name for mark in item.iter_markers("extra") for name in mark.args]:
        if missing(extra):
            said = f"{', '.join(missing(extra))} missing: python -m pip install 'nnreg[{extra}]'"
            if "extra" in item.config.getoption("-m"):
                pytest.fail(said, pytrace=False)
            pytest.skip(said)


@cache
def missing(extra: str) -> list[str]:
    """Return what is not installed of an extra's requirements, as the package declares them."""
    declared = [Requirement(line) for line in requires("nnreg") or ()]
    of_it = [each for each in declared if each.marker and each.marker.evaluate({"extra": extra})]
    assert of_it, f"nnreg has no extra '{extra}'"
    return [each.name for each in of_it if not _is_there(each.name)]


def _is_there(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
