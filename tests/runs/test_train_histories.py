"""Runs record what they recorded before the code was moved: to the bit on the same kernels, closely on others."""

import pytest

from tests.runs.make_histories import known, made_on, recorded

KNOWN = known()


@pytest.mark.long
@pytest.mark.usefixtures("project", "undrawn")
@pytest.mark.parametrize("words", KNOWN["runs"])
def test_a_run_records_what_it_always_did(words):
    before, now = KNOWN["runs"][words], recorded(words)
    assert now["records"] == before["records"]
    assert now["last"] == pytest.approx(before["last"], rel=0.02, abs=0.02)  # another order of sums may tip a few predictions
    if made_on() == KNOWN["made on"]:
        assert now["sha256"] == before["sha256"]
