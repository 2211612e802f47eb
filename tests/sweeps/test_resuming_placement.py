"""Every run has one folder: its own where it is there, that of its number where that is free, else a number no run has."""

from __future__ import annotations

import json
import shutil

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnreg.sweeps.resuming import Place, place

DIGESTS = st.sampled_from("abcdef")


def fill(home, runs):
    """Make folders, name to (hash, status)."""
    shutil.rmtree(home, ignore_errors=True)
    for name, (digest, status) in runs.items():
        (home / name).mkdir(parents=True)
        (home / name / "summary.json").write_text(json.dumps({"config_hash": digest, "status": status}))
    return home


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(DIGESTS, max_size=6),
    st.dictionaries(
        st.integers(0, 8).map(str), st.tuples(DIGESTS, st.sampled_from(["finished", "running", "failed"])), max_size=6
    ),
)
def test_no_two_runs_share_a_folder_and_none_takes_that_of_another_configuration(tmp_path, wanted, runs):
    places = place(wanted, fill(tmp_path / "home", runs))
    assert len({spot.folder for spot in places}) == len(places) == len(wanted)
    for digest, spot in zip(wanted, places, strict=True):
        assert spot.status == runs[spot.folder][1] if spot.folder in runs else spot.status == ""
        assert spot.folder not in runs or runs[spot.folder][0] == digest
    for digest in set(wanted):  # as many of the runs that are there are found as are wanted
        there = [name for name, (found, _) in runs.items() if found == digest]
        used = [spot for found, spot in zip(wanted, places, strict=True) if found == digest and spot.status]
        assert len(used) == min(len(there), wanted.count(digest))


def test_an_undisturbed_order_keeps_its_numbers(tmp_path):
    home = fill(tmp_path / "home", {"0": ("a", "finished"), "2": ("c", "running")})
    assert place("abcd", home) == [Place("0", "finished"), Place("1"), Place("2", "running"), Place("3")]


def test_only_results_are_complete(tmp_path):
    home = fill(tmp_path / "home", dict(zip("01234", zip("abcde", ["finished", "diverged", "failed", "killed", "running"]))))  # noqa: B905
    assert [spot.is_complete for spot in place("abcde", home)] == [True, True, False, False, False]


def test_a_new_run_gets_a_number_that_none_has(tmp_path):
    home = fill(tmp_path / "home", {"0": ("x", "finished"), "1": ("a", "finished")})
    assert place("ab", home) == [Place("1", "finished"), Place("2")]


def test_a_folder_whose_summary_is_damaged_is_free(tmp_path):
    home = fill(tmp_path / "home", {"0": ("a", "finished")})
    (home / "0" / "summary.json").write_text("{")
    assert place("a", home) == [Place("0")]


def test_what_only_the_job_can_tell_is_never_taken_for_complete(tmp_path):
    assert place([""], fill(tmp_path / "home", {"0": ("a", "finished")})) == [Place("1")]
