"""Plugins that cannot be used: they trouble those who choose them, in one line that names plugin, distribution and cause."""

import pytest

pytestmark = pytest.mark.slow
GONE = ("nnreg-unimportable",)
USURPED = ("nnreg-usurper",)
IDLE = ("nnreg-idle",)
NO_IMPORT = (
    "optimizer 'unimportable' (nnreg-unimportable 2.1) is broken: importing nnreg_unimportable:Gone raised ImportError: "
    "no module named 'cuda_magic', install it from somewhere"
)
QUARREL = (
    "optimizer 'adam' is claimed by nnreg (nnreg_std.optimizers.adam:Adam) and nnreg-usurper (nnreg_usurper:BetterAdam): "
    "uninstall one, or ask an author to rename it"
)
NO_METHOD = "optimizer 'methodless' (nnreg-idle 2.1) is broken: Methodless lacks update; subclass nnreg.contracts.Optimizer"
NO_EFFECT = (
    "optimizer 'rebinding' (nnreg-idle 2.1) is broken: 3 steps left theta as it was; update must write in place "
    "(theta -= ..., not theta = theta - ...)"
)
WRONG_SHAPE = (
    "init 'misshapen' (nnreg-idle 2.1) is broken: fill returned an array of shape (3, 4); it must write to 'weight' and "
    "return None"
)


@pytest.mark.parametrize(
    ("plugins", "choice", "complaint"),
    [
        pytest.param(GONE, "optimizer=unimportable", NO_IMPORT, id="its import fails"),
        pytest.param(USURPED, "optimizer=adam", QUARREL, id="its name is taken"),
        pytest.param(IDLE, "optimizer=methodless", NO_METHOD, id="it lacks its method"),
        pytest.param(IDLE, "optimizer=rebinding", NO_EFFECT, id="it writes nothing"),
        pytest.param(IDLE, "init=misshapen", WRONG_SHAPE, id="it returns the wrong shape"),
    ],
)
def test_choosing_it_fails_before_anything_is_written(nnreg, quick, project, plugins, choice, complaint):
    answer = nnreg(choice, *quick, plugins=plugins)
    assert (answer.code, answer.complaint) == (2, f"nnreg: {complaint}")
    assert list(project.iterdir()) == []


def test_naming_it_in_a_sweep_fails_before_the_first_job(command, quick, project):
    answer = command("-m", "optimizer=sgd,unimportable", *quick, plugins=GONE)
    assert (answer.code, answer.complaint) == (2, f"nnreg: {NO_IMPORT}")
    assert list(project.iterdir()) == []


@pytest.mark.long
def test_a_sweep_over_all_skips_what_cannot_be_composed_and_says_so(command, quick):
    answer = command("-m", "optimizer=glob([adam,m*,un*])", *quick, plugins=GONE + USURPED + IDLE)
    assert answer.code == 0
    assert answer.err.splitlines() == [f"skipped: {line}" for line in (QUARREL, NO_METHOD, NO_IMPORT)]
    assert "runs          2" in answer.out


@pytest.mark.long
def test_a_sweep_over_all_runs_the_others_when_one_turns_out_to_do_nothing(nnreg, quick):
    answer = nnreg("-m", "optimizer=glob([rebinding,sgd])", *quick, plugins=IDLE)
    assert answer.code == 1
    assert f"FAILED  {NO_EFFECT}" in answer.out
    assert "runs          2, 1 failed" in answer.out


def test_the_others_are_as_usable_as_before(nnreg, quick):
    answer = nnreg("optimizer=momentum", *quick, plugins=GONE + USURPED + IDLE)
    assert (answer.code, answer.err) == (0, "")


def test_the_catalogue_shows_it_as_broken_with_its_cause_and_exit_code_1(nnreg):
    answer = nnreg("plugins", plugins=GONE + USURPED + IDLE)
    assert (answer.code, answer.err) == (1, "")
    lines = {tuple(line.split()[:2]): line for line in answer.out.splitlines()}
    for technique, cause in {"unimportable": NO_IMPORT, "adam": QUARREL, "methodless": NO_METHOD}.items():
        assert f"BROKEN {cause}" in lines["optimizer", technique]
    assert sum("BROKEN" in line for line in lines.values()) == 3


def test_looking_at_it_tells_the_cause(nnreg):
    answer = nnreg("plugins", "optimizer/unimportable", plugins=GONE)
    assert (answer.code, answer.complaint) == (2, f"nnreg: {NO_IMPORT}")


def test_help_and_the_tab_key_list_it_without_importing_it(nnreg):
    assert "sophia, unimportable" in nnreg("--help", plugins=GONE).out
    line = "python -m nnreg optimizer=un"
    answer = nnreg("-sc", "query=bash", plugins=GONE, COMP_LINE=line)
    assert (answer.out.split(), answer.err) == (["optimizer=unimportable"], "")


def test_the_tab_key_is_quiet_about_the_parameters_it_cannot_know(nnreg):
    answer = nnreg("-sc", "query=bash", plugins=GONE, COMP_LINE="python -m nnreg optimizer=unimportable optimizer.")
    assert (answer.code, answer.out.strip(), answer.err) == (0, "", "")
