"""``python -m nnreg check``: one technique, a kind, a distribution, everything; what it prints and how it exits."""

import re
import sys
import textwrap

import pytest

from nnreg.registry import entries

COUNTS = re.compile(r"^(\w+/\w+) +(\d+) +(\d+) +(\d+) *$", re.MULTILINE)


@pytest.fixture
def installed(tmp_path_factory, monkeypatch):
    """Install a made-up distribution: its module's source, and its entry points as ``kind/name`` to class."""

    def install(distribution, source, points):
        folder, module = tmp_path_factory.mktemp("site"), distribution.replace("-", "_")
        (folder / f"{module}.py").write_text(textwrap.dedent(source))
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"[nnreg.{point.split('/')[0]}]\n{point.split('/')[1]} = {module}:{cls}\n" for point, cls in points.items()]
        (info / "entry_points.txt").write_text("".join(lines))
        monkeypatch.syspath_prepend(folder)
        entries._catalogue.cache_clear()

    yield install
    entries._catalogue.cache_clear()
    for module in [name for name in sys.modules if name.startswith("nnreg_made_up")]:
        del sys.modules[module]


WRONG = '''
    """Wrong: writes nothing.

    Source: made up.
    """

    from nnreg_std.optimizers.sgd import SGD


    class Wrong(SGD):
        """Writes nothing.

        Args:
            lr: learning rate, in (0, inf).
        """

        def update(self, theta, g, *, t, lr):
            theta = theta - lr * g
'''


def test_one_technique_shows_every_check_and_exits_with_0(nnreg):
    answer = nnreg("check", "optimizer/adam")
    assert answer.code == 0
    assert "passed   it finds the bottom of a bowl" in answer.out
    assert "skipped  every choice is accepted: no parameter is a choice of words" in answer.out
    assert re.search(r"1 technique, \d+ checks in .* s: \d+ passed, 0 failed, \d+ skipped; the contract is kept", answer.out)


def test_a_kind_is_a_table_with_one_row_for_each_technique(nnreg):
    answer = nnreg("check", "regularizer")
    rows = {name: (int(passed), int(failed)) for name, passed, failed, _ in COUNTS.findall(answer.out)}
    assert set(rows) == {f"regularizer/{name}" for name in entries.techniques("regularizer")}
    assert all(passed > 5 and failed == 0 for passed, failed in rows.values())
    assert answer.code == 0


def test_everything_registered_is_checked_and_what_cannot_be_is_said(nnreg, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NNREG_DATA", raising=False)
    monkeypatch.setattr(entries, "kinds", lambda: ("dataset", "schedule"))  # all are run in test_every_technique_conforms.py
    answer = nnreg("check", "--all")
    every = {f"{kind}/{name}" for kind in entries.kinds() for name in entries.techniques(kind)}
    assert {name for name, *_ in COUNTS.findall(answer.out)} == every
    assert answer.code == 0, answer.out
    assert "its data is not on this machine, and a check downloads nothing" in answer.out
    assert "needs a value for path" in answer.out


def test_techniques_that_were_asked_for_twice_are_checked_once(nnreg):
    answer = nnreg("check", "optimizer/sgd", "optimizer/sgd")
    assert "1 technique, " in answer.out


def test_every_check_of_many_is_shown_on_request(nnreg):
    assert "passed   it finds the bottom of a bowl" not in nnreg("check", "optimizer/sgd", "optimizer/adam").out
    assert nnreg("check", "-v", "optimizer/sgd", "optimizer/adam").out.count("passed   it finds the bottom of a bowl") == 2


@pytest.mark.parametrize("spelling", ["nnreg-made-up", "nnreg_made_up", "NNReg.Made_Up"])
def test_a_distribution_is_checked_by_any_spelling_of_its_name(nnreg, installed, spelling):
    installed("nnreg-made-up", WRONG, {"optimizer/wrong": "Wrong"})
    answer = nnreg("check", spelling)
    assert answer.code == 1
    assert "optimizer/wrong" in answer.out


def test_what_failed_is_named_with_its_reason(nnreg, installed):
    installed("nnreg-made-up", WRONG, {"optimizer/wrong": "Wrong"})
    answer = nnreg("check", "optimizer/sgd", "optimizer/wrong")
    assert answer.code == 1
    assert "failed  it changes the parameters in place: 3 steps left theta as it was" in answer.out
    assert "2 techniques" in answer.out
    assert "1 of them broke the contract" in answer.out


def test_a_plugin_that_cannot_be_imported_is_a_failure_with_its_cause(nnreg, installed):
    installed("nnreg-made-up", "import nowhere_to_be_found\n", {"optimizer/broken": "Broken"})
    answer = nnreg("check", "nnreg-made-up")
    assert answer.code == 1
    assert "No module named 'nowhere_to_be_found'" in answer.out


def test_a_technique_of_a_kind_of_its_own_gets_the_checks_that_all_owe(nnreg, installed):
    source = '''
        """Metronome: ticks.

        Source: made up.
        """


        class Metronome:
            """Ticks."""
    '''
    installed("nnreg-made-up", source, {"clock/metronome": "Metronome"})
    answer = nnreg("check", "clock/metronome")
    assert answer.code == 0
    assert "passed   it says where it comes from" in answer.out
    assert "nnreg.testing does not know how a clock is used" in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimizer/adm"], "there is no optimizer 'adm'; did you mean 'adam'?"),
        (["optimzer/adam"], "there is no kind 'optimzer'; did you mean 'optimizer'?"),
        (["optimzer"], "there is no kind and no distribution 'optimzer'; did you mean 'optimizer'?"),
        (["nnregg"], "did you mean 'nnreg'?"),
        (["numpy"], "numpy is installed but registers no technique"),
        ([], "say what to check"),
    ],
)
def test_what_does_not_exist_is_answered_in_one_line_with_exit_code_2(nnreg, words, said):
    answer = nnreg("check", *words)
    assert answer.code == 2
    assert said in answer.complaint
