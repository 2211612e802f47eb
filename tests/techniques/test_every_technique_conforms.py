"""Everything registered, in every variant, is held to the contract of its kind by the checks that plugin authors use."""

import pytest

from nnreg import testing
from nnreg.registry import entries
from nnreg.registry.schemas import parameters_of


def variants(entry):
    """Settings under which a technique is checked: its defaults, and each switch and each choice that is not one, alone."""
    yield {}
    for parameter in parameters_of(entries.load_class(entry)):
        others = (True, False) if isinstance(parameter.default, bool) else parameter.choices
        yield from ({parameter.name: value} for value in others if value != parameter.default)


def cases():
    for kind in entries.kinds():
        for name, entry in entries.techniques(kind).items():
            for settings in variants(entry):
                changed = "".join(f"-{key}={value}" for key, value in settings.items())
                for check in testing.checks(f"{kind}/{name}", **settings):
                    yield pytest.param(check, id=f"{kind}/{name}{changed}-{check}")


@pytest.fixture(autouse=True)
def no_cache_of_ours(tmp_path, monkeypatch):
    """Datasets that would be downloaded are skipped the same way on every machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NNREG_DATA", raising=False)


@pytest.mark.parametrize("check", list(cases()))
def test_a_technique_keeps_its_contract(check):
    check()
