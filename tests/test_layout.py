"""A test is found from its module, and a module from its test: the tests lie in the rooms that they test."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
HOUSE = TESTS.parent / "nnreg"
ELSEWHERE = {  # rooms of tests that are no rooms of nnreg
    "techniques": "what is registered, whoever wrote it: nnreg_std, and other people's distributions",
    "docs": "a test a page of docs/",
    "tracking/team": "a whole team on PostgreSQL and MLflow's server",
}
AT_THE_TOP = {"test_benchmarks", "test_conftest", "test_house", "test_layout"}  # benchmarks/, pyproject.toml, and tests/ itself


def room_of(path):
    return path.parent.relative_to(TESTS).as_posix()


def is_elsewhere(room):
    return any(room == name or room.startswith(f"{name}/") for name in ELSEWHERE)


def modules_of(room):
    """Names of what lies in a room of nnreg; the room itself is one, by what its ``__init__`` gives."""
    return {path.stem for path in (HOUSE / room).glob("*.py")} | {Path(room).name}


def names_its_module(path):
    subject = path.stem.removeprefix("test_")
    return any(subject == name or subject.startswith(f"{name}_") for name in modules_of(room_of(path)))


FILES = [path for path in sorted(TESTS.rglob("test_*.py")) if path.stem not in AT_THE_TOP and not is_elsewhere(room_of(path))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_a_test_lies_beside_the_module_that_it_names(path):
    known = ", ".join(sorted(modules_of(room_of(path)) - {"__init__", ""}))
    wanted = f"tests/{room_of(path)}/test_MODULE.py or test_MODULE_WHAT.py, MODULE one of {known or 'those of a room of nnreg'}"
    assert names_its_module(path), f"{path.name}: call it {wanted}"


@pytest.mark.parametrize("room", ELSEWHERE)
def test_a_room_of_its_own_has_tests(room):
    assert any((TESTS / room).rglob("test_*.py")), "there is none: strike it from the list"
