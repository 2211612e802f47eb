"""What is swept is counted without being made up, and counted right."""

from __future__ import annotations

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nnreg.sweeps.axes import Axis, count_jobs

WHOLE = st.integers(-20, 20)
NUMBERS = st.floats(-3, 3).map(lambda number: round(number, 2))


def axis(word):
    return Axis(OverridesParser.create().parse_override(word))


@given(st.tuples(WHOLE, WHOLE, WHOLE.filter(bool)) | st.tuples(NUMBERS, NUMBERS, NUMBERS.filter(lambda step: abs(step) > 0.04)))
def test_the_length_of_a_range_is_that_of_what_it_yields(span):
    found = axis(f"lr=range({','.join(map(str, span))})")
    assert found.count == len(list(found.override.sweep_string_iterator()))


def test_combinations_are_counted_without_being_made():
    assert count_jobs([axis("a=range(0,1000000000)"), axis("b=1,2,3"), axis("c=5")]) == 3_000_000_000


def test_a_setting_is_known_by_its_key_however_it_is_typed():
    found = [axis(word) for word in ("++optimizer=sgd,adam", "init@bias=zeros,he", "optimizer.lr=1,2", "seed=3")]
    assert [each.setting for each in found] == ["optimizer", "init@bias", "optimizer.lr", "seed"]
    assert [each.slot for each in found] == ["optimizer", "bias", None, None]
    assert [each.is_swept for each in found] == [True, True, True, False]
