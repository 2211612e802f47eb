"""Which of the long tests `.ci/run` draws: `--share 2/3`, by their names."""

from types import SimpleNamespace

import pytest

from tests.conftest import pytest_collection_modifyitems

NAMES = [f"tests/test_it.py::test_case[{number}]" for number in range(60)]


def collected(*markers):
    return [
        SimpleNamespace(nodeid=name, get_closest_marker=lambda asked: asked if asked in markers else None) for name in NAMES
    ]


def drawn(share, items):
    left_out, hook = [], SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    here = list(items)
    pytest_collection_modifyitems(SimpleNamespace(getoption=lambda _: share, hook=hook), here)
    assert [item for item in items if item in here or item in left_out] == items
    return [item.nodeid for item in here]


@pytest.mark.parametrize("marker", ["long", "study"])
def test_every_long_test_is_in_exactly_one_share(marker):
    shares = [drawn(f"{share}/3", collected(marker, "slow")) for share in (1, 2, 3)]
    assert sorted(name for share in shares for name in share) == sorted(NAMES)
    assert all(10 < len(share) < 30 for share in shares)  # of 60; by lot, not by turns


def test_a_share_stays_the_same_where_fewer_are_collected():
    items = collected("long")
    whole = drawn("2/3", items)
    assert drawn("2/3", items[20:40]) == [name for name in whole if name in NAMES[20:40]]


def test_tests_that_are_not_long_are_in_every_share():
    assert drawn("1/3", collected("slow", "extra")) == NAMES


def test_without_a_share_all_are_there():
    assert drawn("1/1", collected("long", "study")) == NAMES


@pytest.mark.parametrize("share", ["0/3", "4/3", "3", "a/b"])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(pytest.UsageError, match="--share is K/N, such as 2/3"):
        drawn(share, collected("long"))
