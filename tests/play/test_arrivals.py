"""The map of knobs counts what descents count, and the rate that is proposed is the one that comes lowest."""

import pytest

from nnreg.errors import UserError
from nnreg.play.answers import answer
from nnreg.play.arrivals import LOST, NOT_YET, TRIED, best_rate, rates

ASKED = {"surface": "quadratic", "rules": [{"name": "momentum"}], "steps": 80, "key": "lr"}


def test_each_cell_counts_the_updates_of_that_descent():
    columns, rows = [0.001, 0.1, 0.5, 1.4, 2.5], [0.2, 0.7]
    found = rates(ASKED | {"rates": columns, "second": "momentum", "values": rows})
    for row, momentum in zip(found["updates"], rows, strict=True):
        for count, lr in zip(row, columns, strict=True):
            (rule,) = answer(ASKED | {"rules": [{"name": "momentum", "values": {"lr": lr, "momentum": momentum}}]})["rules"]
            left = min(1.0, rule["distance"][-1] / rule["distance"][0])
            way = pytest.approx(NOT_YET - left, abs=1e-3) if rule["arrived_at"] is None else rule["arrived_at"]
            assert count == (way if rule["diverged_at"] is None else LOST)
    assert found["bounds"] == pytest.approx([1.2, 1.7], rel=1e-3)
    assert LOST in found["updates"][0]
    assert min(found["updates"][0]) < NOT_YET


def test_without_a_second_knob_there_is_one_row():
    found = rates(ASKED | {"rules": ["sgd"], "rates": [0.9, 1.1]})
    assert [len(row) for row in found["updates"]] == [2]
    assert found["updates"][0][1] == LOST
    assert found["bounds"] == [pytest.approx(1.0, rel=1e-3)]


def test_a_value_that_the_rule_refuses_is_a_hole():
    assert rates(ASKED | {"rates": [-1.0, 0.5]})["updates"][0][0] is None


def test_where_the_gradient_is_clipped_theory_draws_no_line():
    assert rates(ASKED | {"rates": [0.5], "clip_norm": 1.0})["bounds"] == [None]


@pytest.mark.parametrize("change", [{"rates": [0.1] * 65}, {"rates": ["x"]}, {"rates": {"a": 1}}, {"rates": [True]}])
def test_a_map_is_bounded_and_of_numbers(change):
    with pytest.raises(UserError):
        rates(ASKED | change)


@pytest.mark.parametrize(("name", "key"), [("sgd", "lr"), ("sam+momentum", "inner.lr"), ("adam", "lr")])
def test_the_proposed_rate_comes_lower_than_all_others_that_were_tried(name, key):
    asked = {"surface": "quadratic", "rules": [name], "steps": 40}
    found = best_rate(asked)
    assert found["key"] == key

    def end(rate):
        (rule,) = answer(asked | {"rules": [{"name": name, "values": {key: rate}}]})["rules"]
        return rule["heights"][-1]

    assert TRIED == 25
    best = end(found["rate"])
    assert best <= end(1.3 * found["rate"]) * 1.5
    assert best <= end(0.5 * found["rate"])
    assert best < end(0.01 * found["rate"])
