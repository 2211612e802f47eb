"""Complaints made by real mistakes, and what a missing extra says: one line that says what to type instead."""

import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from nnreg.registry import entries
from nnreg.registry.hydra_source import register_source
from nnreg.registry.mistakes import explain
from nnreg.settings import conf_folder
from tests.registry.publishing import publishing

publish = pytest.fixture(publishing)
OPTIMIZERS = ", ".join(entries.techniques("optimizer"))


@pytest.fixture
def complaint(tmp_path):
    """What is said about overrides, with some YAML of the user's in optimizer/."""
    register_source()

    def complain(*overrides, **files):
        (tmp_path / "optimizer").mkdir()
        for name, text in files.items():
            (tmp_path / "optimizer" / f"{name}.yaml").write_text(text)
        with initialize_config_dir(str(conf_folder()), version_base="1.3"), pytest.raises(Exception) as caught:
            compose("config", overrides=[f"hydra.searchpath=[file://{tmp_path}]", *overrides])
        line = explain(caught.value)
        assert line is not None
        assert "\n" not in line
        return line

    return complain


ALREADY = "there is a choice of {0} already: type {0}={1}, without +, or write `override /{0}: {1}` in a YAML's defaults"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("optimizer=adm", f"there is no optimizer 'adm'; did you mean 'adam'? Available: {OPTIMIZERS}"),
        ("optimizer=", f"there is no optimizer ''. Available: {OPTIMIZERS}"),
        ("optimizer=lookahed+sgd", f"there is no optimizer 'lookahed'; did you mean 'lookahead'? Available: {OPTIMIZERS}"),
        ("optimizer=lookahead+momentm", f"there is no optimizer 'momentm'; did you mean 'momentum'? Available: {OPTIMIZERS}"),
        ("optimizer=adam+momentum", "optimizer=adam+momentum: adam has no slot for another optimizer, type optimizer=adam"),
        ("optimizer=lookahead+", "optimizer=lookahead+: a name is missing beside the +, type optimizer=lookahead"),
        ("optimizer=lookahead++adam", "optimizer=+adam: a name is missing beside the +, type optimizer=adam"),
        ("optimizer.l=1", "optimizer=sgd has no parameter 'l'; did you mean 'lr'? Available: lr"),
        ("activation.std=1", "activation=relu has no parameter 'std'. Available: none"),
        ("optimizer={lrr:1}", "optimizer=sgd has no parameter 'lrr'; did you mean 'lr'? Available: lr"),
        ("optimizer.lr=fast", "optimizer.lr=fast: it takes a number, such as optimizer.lr=0.1"),
        ("optimizer.lr=[1,2]", "optimizer.lr=[1,2]: it takes a number, such as optimizer.lr=0.1"),
        ("hidden=5", "hidden=5: it takes a list, such as 'hidden=[5]'"),
        ("hidden=", "hidden=: it takes a list, such as 'hidden=[100,100,100,100]'"),
        ("dataset=mine.csv", "a dataset is chosen by name; a file of your own is typed dataset=csv dataset.path=mine.csv"),
        (
            "dataset=my/mine.npz",
            "a dataset is chosen by name; a file of your own is typed dataset=arrays dataset.path=my/mine.npz",
        ),
        ("hidden=100x2", "hidden=100x2: it takes a list, such as 'hidden=[100,100,100,100]'"),
        ("+optimizer=adam", ALREADY.format("optimizer", "adam")),
        ("++optimizer=adam", ALREADY.format("optimizer", "adam")),
        ("+experiment=dropout", ALREADY.format("experiment", "dropout")),
        (
            "optimizer.lr=${oc.decode:${oc.env:LR}}",
            "cannot read optimizer.lr=${oc.decode:${oc.env:LR}}: what has one ${...} in another is put into quotes, "
            "'optimizer.lr=\"${oc.decode:${oc.env:LR}}\"'",
        ),
        ("steps=1e3", "steps=1e3: it takes a whole number, such as steps=1000"),
        ("lr=0.1", "'lr' is a parameter of optimizer: type optimizer.lr=VALUE"),
        ("hidden=[a]", "hidden=[a]: it takes a list of whole numbers, such as hidden=[100,100,100,100]"),
        ("start=[a,b]", "start=[a,b]: it takes a list of numbers, such as start=[0.1,0.2]"),
        ("threads=two", "threads=two: it takes a whole number, such as threads=2"),
        ("steps=1.5", "steps=1.5: it takes a whole number, such as steps=2"),
        ("watch_train=perhaps", "watch_train=perhaps: it takes true or false, such as watch_train=true"),
        ("batch=null", "batch=null: null is no value that it takes; leave it out to have what it is by default"),
        ("dtype=float16", "dtype=float16: Invalid value 'float16', expected one of [float32, float64]"),
        ("~optimizer.lr", "~optimizer.lr: every run has it; to have it as it is by default, do not type it"),
        ("~foo", "Could not delete from config. 'foo' does not exist."),
        ("hydra.run.dri=x", "hydra.run has no parameter 'dri'; did you mean 'dir'? Available: dir"),
        ("optimizer", "cannot read optimizer: a setting is typed key=value, such as optimizer.lr=0.1 or hidden=[64,64]"),
        ("optimizer=[sgd,adam]", "a run has one optimizer: choose one, or add -m to sweep over several, optimizer=a,b"),
    ],
)
def test_a_typing_mistake_is_answered_in_one_line(complaint, typed, said):
    assert complaint(typed) == said


@pytest.mark.parametrize(("typed", "key"), [("stps=3", "stps"), ("stps.x.y=3", "stps")])
def test_an_unknown_setting_is_answered_with_those_that_exist(complaint, typed, key):
    said = complaint(typed)
    assert said.startswith(f"there is no setting '{key}'; did you mean 'steps'? Available: task, seed, hidden, steps,")
    assert "hydra" not in said


def test_several_values_without_a_sweep_are_answered_with_both_ways_out(complaint):
    assert complaint("seed=1,2") == "seed=1,2 names several values: add -m to sweep over them, or write key=[a,b] for one list"


def test_several_techniques_without_a_sweep_are_no_list(complaint):
    assert complaint("optimizer=sgd,adam") == "optimizer=sgd,adam names several values: add -m to sweep over them"


def test_a_kind_that_is_not_in_the_configuration_is_answered_with_a_plus(complaint, publish):
    publish("zoo", {"zoo_module": "class Halving: ..."}, tempo={"halving": "zoo_module:Halving"})
    assert complaint("tempo=halving") == "the configuration has no tempo yet: add one with +tempo=halving"


def test_a_package_nobody_has_is_answered_in_hydras_words_on_one_line(complaint):
    assert complaint("optimizer@x=adam").startswith("Could not override 'optimizer@x'. Did you mean to override optimizer?")


def test_a_broken_plugin_is_answered_with_its_own_line(complaint, publish):
    publish("zoo", {"zoo_module": "1 / 0"}, optimizer={"zebra": "zoo_module:Rule"})
    assert complaint("optimizer=zebra") == (
        "optimizer 'zebra' (zoo 1.0) is broken: importing zoo_module:Rule raised ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "defaults: [adam, _self_]\nbeta3: 1",
            "optimizer/mine.yaml: optimizer=adam has no parameter 'beta3'; did you mean 'beta2'? "
            "Available: lr, beta1, beta2, eps, epsilon_hat, amsgrad",
        ),
        (
            "defaults: [adam, _self_]\nlr: fast",
            "optimizer/mine.yaml: optimizer.lr: it takes a number, such as 0.1",
        ),
        ("defaults: [adm, _self_]", f"there is no optimizer 'adm'; did you mean 'adam'? Available: {OPTIMIZERS}"),
    ],
)
def test_a_mistake_in_a_users_yaml_is_answered_with_the_file(complaint, text, said):
    assert complaint("optimizer=mine", mine=text) == said


def test_a_parameter_that_a_users_yaml_leaves_out_is_answered_with_how_to_add_it(complaint):
    assert complaint("optimizer=mine", "optimizer.beta1=0.5", mine="lr: 0.1") == (
        "optimizer.beta1 is not in the YAML of this optimizer. Available: lr; one it leaves out: +optimizer.beta1=VALUE"
    )


def test_a_folder_that_cannot_be_written_is_answered_with_how_to_choose_another():
    said = explain(PermissionError(13, "Permission denied", "/runs"))
    assert said.startswith("cannot write to /runs: Permission denied; choose another folder with hydra.run.dir=FOLDER ")


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), ValueError("oh"), OSError("oh"), KeyError("x")])
def test_an_error_that_is_nobodys_typing_mistake_is_not_explained_away(error):
    assert explain(error) is None


@pytest.mark.parametrize("error", [HydraException("a\n  b"), OmegaConfBaseException("a b\n    full_key: x")])
def test_any_other_complaint_becomes_one_line(error):
    assert explain(error) == "a b"


# Without an extra, what needs it says how to install it, before anything is made.


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("hydra/launcher=joblib",), "joblib"),
        (("hydra/launcher=ray",), "ray"),
        (("hydra/launcher=submitit_local",), "submitit"),
        (("hparams_search=optuna",), "optuna"),
        (("hparams_search=optuna_tpe",), "optuna"),
        (("hparams_search=optuna_multi",), "optuna"),
    ],
)
def test_a_missing_extra_is_told_with_the_command_that_installs_it(project, words, extra):
    without = "import sys; sys.modules['hydra_plugins'] = sys.modules['optuna'] = None; from nnreg.__main__ import main; main()"
    command = [sys.executable, "-c", without, "-m", "seed=1,2", *words]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f" needs what is not installed: `python -m pip install 'nnreg[{extra}]'`\n")
    assert len(done.stderr.splitlines()) == 1
    assert list(project.iterdir()) == []
