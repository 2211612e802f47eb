"""The claims of the studies see the faults of what they teach, and tests see those of which no study speaks."""

import dataclasses

import pytest

from tests.studies.faults import FAULTS, MUTANTS, ROOT, failed_claims, fails


def name_of(fault):
    return fault.name


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_a_fault_makes_a_claim_fail_that_speaks_of_it(fault):
    assert [say for say in failed_claims(fault) if say.startswith(fault.sees)]


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=name_of)
def test_a_mutant_makes_a_test_fail(mutant):
    assert fails(mutant)


@pytest.mark.long
def test_the_tests_of_the_mutants_pass_on_the_source_as_it_is():
    assert not [mutant.test for mutant in MUTANTS if fails(dataclasses.replace(mutant, edits=()))]


@pytest.mark.parametrize("fault", [*FAULTS, *MUTANTS], ids=name_of)
def test_what_a_fault_replaces_still_stands_in_the_source(fault):
    for edit in fault.edits:
        assert edit.wrong in edit.applied(ROOT / edit.file)
