"""The checks shipped to plugin authors, put to the test: the healthy pass, the wrong are caught, by the right check."""

import inspect
import logging
import os
import subprocess
import sys
import textwrap
import unittest

import numpy as np
import pytest

from nnreg import testing
from nnreg.registry.entries import UnknownTechnique
from nnreg.testing import suites
from nnreg.testing.usage import offline
from tests.registry.publishing import publishing
from tests.testing import innocents, mutants, mutants_of_batches

publish = pytest.fixture(publishing)
assert mutants_of_batches.caught_by is mutants.caught_by  # its classes are among the mutants
CAUGHT = {name for _, names, _ in mutants.MUTANTS for name in names}
EVERY_CHECK = {check.__name__ for module in (suites.every, *suites.SUITES) for check in suites._public_functions(module)}


@pytest.mark.parametrize("module", mutants.HEALTHY, ids=lambda module: module.__name__.split(".", 3)[3])
def test_a_healthy_technique_passes(module):
    report = testing.run(module.MyRule)
    assert report.ok, str(report)


def test_a_dataset_may_keep_its_rows_as_bytes():
    report = testing.run(mutants.AsBytes)
    assert report.ok, str(report)


@pytest.mark.parametrize("rule", innocents.RULES, ids=lambda rule: rule.__name__)
def test_a_rule_that_computes_elsewhere_in_float64_or_keeps_a_mean_passes(rule):
    report = testing.run(rule)
    assert report.ok, str(report)


def test_a_registered_loss_need_not_inherit_its_contract_nor_say_that_it_takes_classes(publish):
    source = inspect.getsource(sys.modules[mutants.loss.__name__]).replace("(Loss)", "").replace("takes =", "unsaid =")
    assert "class MyRule:" in source
    publish("zoo", {"zoo_module": source}, loss={"own": "zoo_module:MyRule"})
    report = testing.run("loss/own")
    assert report.ok, str(report)


@pytest.mark.parametrize("technique", [mutants.Halving, mutants.Noisy])
def test_an_activation_may_pass_fewer_units_on_and_may_be_random(technique):
    technique.__doc__ = mutants.activation_layer.MyRule.__doc__
    report = testing.run(technique)
    assert not [result for result in report.of("failed") if result.check != "it_says_where_it_comes_from"], str(report)


@pytest.mark.parametrize("technique", [mutants.Placed, mutants.Settles])
def test_an_init_may_take_the_place_and_may_settle_the_network(technique):
    technique.__doc__ = mutants.init.MyRule.__doc__
    report = testing.run(technique)
    assert not [result for result in report.of("failed") if result.check != "it_says_where_it_comes_from"], str(report)


def test_a_layer_may_compute_in_arrays_of_its_own_and_draw_its_masks_in_float32():
    report = testing.run(mutants.Buffered)
    assert report.ok, str(report)


@pytest.mark.parametrize(("mutant", "expected", "because"), mutants.MUTANTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_technique_is_caught_by_exactly_the_checks_that_name_its_fault(monkeypatch, mutant, expected, because):
    monkeypatch.setattr("nnreg.testing.optimizer.BOWL_STEPS", 300)  # enough for the others; those that never arrive take all
    failed = testing.run(mutant).of("failed")
    assert {result.check for result in failed} == expected
    assert because in " ".join(result.reason for result in failed)


def test_every_check_has_caught_somebody():
    assert set() == EVERY_CHECK - CAUGHT


def test_every_check_explains_itself():
    assert all(check.__doc__ for module in (suites.every, *suites.SUITES) for check in suites._public_functions(module))


def test_a_check_raises_for_any_test_runner_to_see():
    named = {str(check): check for check in testing.checks(mutants.DrawsGlobally)}
    with pytest.raises(AssertionError, match="global random generator"):
        named["the_global_generators_are_left_alone"]()
    with pytest.raises(unittest.SkipTest, match="no parameter is a choice"):
        named["every_choice_is_accepted"]()


def test_what_a_plugin_raises_is_a_failure_with_its_type():
    class Raises(mutants.optimizer.MyRule):
        def update(self, theta, g, m, *, t, lr):
            raise KeyError("v")

    failed = {result.check: result.reason for result in testing.run(Raises).of("failed")}
    assert failed["it_changes_the_parameters_in_place"] == "raised KeyError: 'v'"


def test_a_check_can_be_excused_with_a_reason():
    report = testing.run(mutants.GoesUphill, without={"it_finds_the_bottom_of_a_bowl": "it climbs"})
    assert report.ok
    assert "skipped  it finds the bottom of a bowl: it climbs" in str(report)


def test_excusing_a_check_that_does_not_exist_is_a_mistake():
    with pytest.raises(ValueError, match="no check called it_flies for optimizer"):
        testing.checks("optimizer/sgd", without={"it_flies": ""})


def test_a_technique_that_is_not_registered_is_a_mistake():
    with pytest.raises(UnknownTechnique, match="did you mean 'adam'"):
        testing.checks("optimizer/adm")
    with pytest.raises(ValueError, match="must stand on a contract"):
        testing.checks(dict)


def test_settings_are_what_the_technique_is_made_with():
    assert testing.run("optimizer/sgd", lr=0.5).ok
    with pytest.raises(ValueError, match="lr must be in"):
        testing.checks("optimizer/sgd", lr=-1)[-1]()


def test_a_technique_that_needs_a_value_says_so_and_is_checked_when_given_one(tmp_path):
    assert "needs a value for path" in str(testing.run("dataset/csv"))
    table = tmp_path / "table.csv"
    table.write_text("a,b,target\n" + "".join(f"{i},{i * i % 7},{'yes' if i % 2 else 'no'}\n" for i in range(60)))
    report = testing.run("dataset/csv", path=str(table), target="target")
    assert report.ok, str(report)
    assert not [result for result in report.of("skipped") if "needs a value" in result.reason]


def test_arrays_are_checked_when_given_a_file(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.standard_normal((60, 3)), y=np.arange(60) % 2)
    report = testing.run("dataset/arrays", path=str(tmp_path / "data.npz"))
    assert report.ok, str(report)


def test_a_report_says_what_ran_what_was_skipped_and_why():
    report = testing.run("optimizer/sgd")
    lines = str(report).splitlines()
    assert lines[0] == f"optimizer/sgd: {len(report.of('passed'))} passed, 0 failed, {len(report.of('skipped'))} skipped"
    assert "  passed   it finds the bottom of a bowl" in lines
    assert "  skipped  every choice is accepted: no parameter is a choice of words" in lines
    assert len(lines) == 1 + len(testing.checks("optimizer/sgd"))


def test_a_report_in_which_nothing_ran_is_a_failure():
    report = testing.Report("optimizer/sgd", (testing.Result("anything", "skipped", "no time"),))
    assert not report.ok
    assert "nothing ran" in str(report)


def test_a_dataset_that_would_download_is_skipped_without_a_connection_and_without_a_word(caplog):
    report = testing.run(mutants.Downloads)
    assert {"its data is not on this machine, and a check downloads nothing"} <= {r.reason for r in report.of("skipped")}
    assert not [result for result in report.of("failed") if "load" in result.check]
    assert caplog.records == []


def test_after_a_check_the_network_and_the_log_are_back():
    import socket

    with offline() as attempts, pytest.raises(OSError, match="does not use the network"):
        socket.getaddrinfo("localhost", 9)
    assert attempts == ["socket.getaddrinfo"]
    assert socket.getaddrinfo("localhost", 9)
    assert logging.root.manager.disable == logging.NOTSET


def test_importing_the_checks_does_not_import_pytest():
    code = "import sys, nnreg.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.long
def test_one_line_makes_a_test_of_every_check(pytester_folder):
    folder, run = pytester_folder
    (folder / "test_sgd.py").write_text("from nnreg import testing\n\ntest_sgd = testing.suite('optimizer/sgd')\n")
    out = run()
    passed, skipped = len(testing.run("optimizer/sgd").of("passed")), len(testing.run("optimizer/sgd").of("skipped"))
    assert f"{passed} passed, {skipped} skipped" in out
    assert "test_sgd.py::test_sgd[it_finds_the_bottom_of_a_bowl] PASSED" in out
    assert "no parameter is a choice of words" in out


@pytest.mark.long
def test_a_failing_check_shows_its_reason_in_pytest(pytester_folder):
    folder, run = pytester_folder
    (folder / "test_wrong.py").write_text(
        textwrap.dedent(
            """
            from nnreg import testing
            from nnreg_std.optimizers.sgd import SGD

            class Wrong(SGD):
                def update(self, theta, g, *, t, lr):
                    theta = theta - lr * g

            test_wrong = testing.suite(Wrong)
            """
        )
    )
    out = run()
    assert "FAILED test_wrong.py::test_wrong[it_changes_the_parameters_in_place] - AssertionError: 3 steps left theta" in out


@pytest.fixture
def pytester_folder(tmp_path):
    """A folder of somebody else's, and pytest run in it."""

    def run():
        wide = os.environ | {"COLUMNS": "200"}
        command = [sys.executable, "-m", "pytest", "-v", "-rA", "-p", "no:cacheprovider"]
        return subprocess.run(command, cwd=tmp_path, env=wide, capture_output=True, text=True, check=False).stdout

    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path, run
