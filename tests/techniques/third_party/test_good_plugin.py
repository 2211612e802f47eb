"""A third party's optimizer, installed and nothing else: everything that a built-in one has, it has at once."""

import json
import os
import textwrap
from pathlib import Path

import pytest

from nnreg.records.folder import read_history

pytestmark = pytest.mark.slow
TIGER = ("nnreg-tiger",)
PARAMETERS = ("lr", "betas", "direction", "clip", "frozen", "warmup", "layers", "diary")


def folders(project):
    return sorted((project / "runs").iterdir()) if (project / "runs").exists() else []


@pytest.mark.long
def test_it_trains_when_it_is_chosen(command, quick):
    answer = command("optimizer=tiger", *quick, plugins=TIGER)
    assert (answer.code, answer.err) == (0, "")
    assert "tiger (lr=0.001" in answer.out
    assert "run folder" in answer.out


@pytest.mark.long
def test_its_constructor_gets_the_types_that_its_signature_says(nnreg, quick, project):
    typed = {
        "lr": ("1e-2", "0.01"),
        "betas": ("[0.8,1]", "(0.8, 1.0)"),
        "direction": ("raw", "'raw'"),
        "clip": ("3", "3.0"),
        "frozen": ("true", "True"),
        "warmup": ("7", "7"),
        "layers": ("[W1,b1]", "('W1', 'b1')"),
        "diary": ("diary.json", f"{type(Path()).__name__}('diary.json')"),
    }
    answer = nnreg("optimizer=tiger", *(f"optimizer.{name}={word}" for name, (word, _) in typed.items()), *quick, plugins=TIGER)
    assert answer.code == 0, answer.err
    assert json.loads((project / "diary.json").read_text()) == {name: arrived for name, (_, arrived) in typed.items()}


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("optimizer.lr=fast", "optimizer.lr=fast: it takes a number, such as optimizer.lr=0.1"),
        ("optimizer.direction=left", "optimizer.direction=left: Invalid value 'left', expected one of [sign, raw]"),
        (
            "optimizer.directon=raw",
            f"optimizer=tiger has no parameter 'directon'; did you mean 'direction'? Available: {', '.join(PARAMETERS)}",
        ),
    ],
)
def test_a_mistake_in_a_parameter_gets_one_line_and_leaves_nothing_behind(nnreg, quick, project, typed, complaint):
    answer = nnreg("optimizer=tiger", typed, *quick, plugins=TIGER)
    assert (answer.code, answer.complaint) == (2, f"nnreg: {complaint}")
    assert folders(project) == []


def test_a_misspelt_name_is_answered_with_its_name(nnreg, quick):
    answer = nnreg("optimizer=tigern", *quick, plugins=TIGER)
    assert answer.code == 2
    assert "there is no optimizer 'tigern'; did you mean 'tiger'? Available: adabelief, adadelta," in answer.complaint


def test_help_lists_it(nnreg):
    assert ", tiger" in nnreg("--help", plugins=TIGER).out


def test_info_says_that_the_registry_is_searched(nnreg):
    answer = nnreg("--info", "all", "optimizer=tiger", plugins=TIGER)
    assert answer.code == 0
    assert "nnreg://" in answer.out
    assert "optimizer: tiger" in answer.out


def test_the_composed_configuration_shows_its_parameters(nnreg):
    answer = nnreg("--cfg", "job", "--package", "optimizer", "optimizer=tiger", plugins=TIGER)
    expected = """\
        # @package optimizer
        name: tiger
        lr: 0.001
        betas:
        - 0.9
        - 0.99
        direction: sign
        clip: null
        frozen: false
        warmup: 0
        layers: []
        diary: null
        """
    assert answer.out.strip() == textwrap.dedent(expected).strip()


@pytest.mark.parametrize(
    ("line", "completions"),
    [
        ("python -m nnreg optimizer=t", ["optimizer=tiger"]),
        ("nnreg optimizer=tiger optimizer.d", ["optimizer.diary=", "optimizer.direction="]),
    ],
)
def test_the_tab_key_completes_its_name_and_its_parameters(nnreg, line, completions):
    answer = nnreg("-sc", "query=bash", plugins=TIGER, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert answer.out.split() == completions


@pytest.mark.long
def test_a_sweep_over_all_optimizers_includes_it(command, quick):
    answer = command("-m", "optimizer=glob([t*,sgd])", *quick, plugins=TIGER)
    assert (answer.code, answer.err) == (0, "")
    assert "optimizer=tiger" in answer.out
    assert "runs          2" in answer.out


def test_the_catalogue_lists_it_with_its_distribution_and_version(nnreg):
    answer = nnreg("plugins", "optimizer", plugins=TIGER)
    assert (answer.code, answer.err) == (0, "")
    (line,) = (line for line in answer.out.splitlines() if " tiger " in line)
    assert line.split(maxsplit=2) == ["optimizer", "tiger", "A big cat that never walks slowly. (nnreg-tiger 2.1)"]


def test_the_catalogue_shows_all_there_is_to_know_about_it(nnreg, installed):
    answer = nnreg("plugins", "optimizer/tiger", plugins=TIGER)
    assert (answer.code, answer.err) == (0, "")
    source = installed("nnreg-tiger") / "nnreg_tiger.py"
    line = 1 + source.read_text(encoding="utf-8").splitlines().index("@dataclass")
    for said in (
        "Tiger, nnreg-tiger 2.1",
        "    θ ← θ − η sign(c)",
        "Source: Chen, X. et al. (2023)",
        f"{source}:{line}",
    ):
        assert said in answer.out
    rows = {words[0]: words[1] for words in (row.split("  ", 1) for row in answer.out.splitlines()) if len(words) == 2}
    for name, said in {
        "betas": ("tuple[float, float]", "[0.9,0.99]", "β₁ and β₂, each in [0, 1)."),
        "direction": ("sign | raw", "sign", "moves by the sign"),
        "clip": ("float | None", "null", "largest gradient element believed"),
        "frozen": ("bool", "false", "whether to walk at all."),
    }.items():
        assert all(word in rows[f"optimizer.{name}"] for word in said)


@pytest.fixture
def own(project):
    """A user's own folder of YAML."""
    (project / "own" / "optimizer").mkdir(parents=True)

    def write(name, text):
        (project / "own" / "optimizer" / f"{name}.yaml").write_text(textwrap.dedent(text))
        return "--config-dir=own"

    return write


def test_a_users_yaml_of_a_new_name_builds_on_it_and_stays_typed(nnreg, quick, own):
    place = own("tiger_fast", "defaults: [tiger, _self_]\nlr: 0.5\n")
    answer = nnreg(place, "optimizer=tiger_fast", *quick, plugins=TIGER)
    assert answer.code == 0, answer.err
    assert "tiger_fast (lr=0.5 betas=[0.9, 0.99]" in answer.out
    answer = nnreg(place, "optimizer=tiger_fast", "optimizer.lr=fast", *quick, plugins=TIGER)
    assert answer.complaint == "nnreg: optimizer.lr=fast: it takes a number, such as optimizer.lr=0.1"


@pytest.mark.long
def test_a_users_yaml_of_the_same_name_overrides_it_and_is_checked_all_the_same(nnreg, quick, own):
    place = own("tiger", "lr: 0.25\n")
    answer = nnreg(place, "optimizer=tiger", *quick, plugins=TIGER)
    assert answer.code == 0, answer.err
    assert "tiger (lr=0.25 betas=[0.9, 0.99]" in answer.out
    answer = nnreg(place, "optimizer=tiger", "optimizer.lr=fast", *quick, plugins=TIGER)
    assert answer.complaint == "nnreg: optimizer=tiger: lr: it takes a number, such as 0.1"


def test_a_users_yaml_of_the_same_name_can_build_on_the_hidden_alias(nnreg, quick, own):
    place = own("tiger", "defaults: [_tiger, _self_]\nlr: 0.125\n")
    answer = nnreg(place, "optimizer=tiger", "optimizer.warmup=3", *quick, plugins=TIGER)
    assert answer.code == 0, answer.err
    assert "tiger (lr=0.125 betas=[0.9, 0.99] direction=sign frozen=False warmup=3" in answer.out


def test_a_mistake_in_a_users_yaml_is_reported_with_the_file(nnreg, quick, own):
    place = own("tiger_fast", "defaults: [tiger, _self_]\nfrosen: true\n")
    answer = nnreg(place, "optimizer=tiger_fast", *quick, plugins=TIGER)
    assert answer.code == 2
    assert "optimizer/tiger_fast.yaml: optimizer=tiger has no parameter 'frosen'; did you mean 'frozen'?" in answer.complaint


@pytest.mark.long
def test_its_configuration_survives_pickling_into_another_process(command, python, quick, project):
    callback = "+hydra.callbacks.pickle._target_=hydra.experimental.callbacks.PickleJobInfoCallback"
    answer = command("optimizer=tiger", "optimizer.direction=raw", callback, *quick, plugins=TIGER)
    assert answer.code == 0, answer.err
    (pickled,) = project.rglob("config.pickle")
    program = "import pickle, sys; c = pickle.load(open(sys.argv[1], 'rb')); print(c.optimizer, c.optimizer.direction.value)"
    answer = python("-W", "ignore::ResourceWarning", "-c", program, str(pickled), plugins=TIGER)
    assert "'betas': [0.9, 0.99]" in answer.out
    assert answer.out.split()[-1] == "raw"
    answer = command("--experimental-rerun", str(pickled), plugins=TIGER)
    assert (answer.code, answer.out) == (2, ""), "a pickle may be code"


@pytest.mark.long
def test_a_run_with_it_can_be_done_again_from_its_folder(command, quick, project):
    words = ("optimizer.direction=raw", "optimizer.betas=[0.5,0.75]", "optimizer.clip=2", "optimizer.layers=[W1]")
    command("optimizer=tiger", *words, *quick, plugins=TIGER)
    (first,) = folders(project)
    answer = command("rerun", str(first), plugins=TIGER)
    assert answer.code == 0, answer.err
    one, other = (list(read_history(folder)) for folder in folders(project))
    assert one == other


WORKER = """
import sys, pathlib, cloudpickle
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from omegaconf import OmegaConf
setup_globals()
state, loader, base = cloudpickle.loads(pathlib.Path("job.pickle").read_bytes())
Singleton.set_state(state)
config = loader.load_sweep_config(base, ["optimizer=tiger", "optimizer.direction=raw"])
print(OmegaConf.to_container(config.optimizer, enum_to_str=True))
"""
PARENT = """
import pathlib, cloudpickle
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from nnreg.cli import compose
from nnreg.registry.hydra_source import register_source
register_source()
with initialize_config_dir(str(compose.conf_folder()), version_base="1.3"):
    loader = GlobalHydra.instance().config_loader()
    base = loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)
    pathlib.Path("job.pickle").write_bytes(cloudpickle.dumps((Singleton.get_state(), loader, base)))
"""


@pytest.mark.long
@pytest.mark.extra("joblib")
def test_the_workers_of_a_parallel_launcher_know_it(python):
    assert python("-c", PARENT, plugins=TIGER).code == 0
    answer = python("-c", WORKER, plugins=TIGER)
    assert answer.code == 0, answer.err
    assert "'name': 'tiger'" in answer.out
    assert "'direction': 'raw'" in answer.out


IMPORTS = """
import json, sys
from nnreg.cli import main
code = main.run(sys.argv[1:])
json.dump(sorted(sys.modules), sys.stderr)
sys.exit(code)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--help",), {"nnreg_std.optimizers.sgd"}),
        (("--cfg", "job", "optimizer=tiger"), {"nnreg_tiger"}),
        (("--info", "config", "optimizer=tiger"), {"nnreg_tiger"}),
        (("-sc", "query=bash"), set()),
    ],
    ids=["help", "cfg", "info", "completion"],
)
def test_looking_at_the_configuration_imports_the_chosen_plugins_and_no_heavy_library(python, words, expected):
    line = "nnreg optimizer="
    answer = python("-c", IMPORTS, *words, plugins=TIGER, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert answer.code == 0, answer.err
    modules = set(json.loads(answer.err))
    assert not modules & {"mlflow", "matplotlib", "sklearn", "pandas"}
    optimizers = {name for name in modules if name.startswith("nnreg_std.optimizers.") or name == "nnreg_tiger"}
    assert optimizers == expected


@pytest.mark.long
def test_listing_the_catalogue_imports_no_heavy_library(python):
    answer = python("-c", IMPORTS, "plugins", plugins=TIGER)
    assert not set(json.loads(answer.err)) & {"mlflow", "matplotlib", "sklearn", "pandas"}


@pytest.mark.parametrize("plugins", [("nnreg-tiger", "nnreg-pride"), ("nnreg-pride", "nnreg-tiger")], ids=os.pathsep.join)
def test_two_distributions_that_name_the_same_class_are_no_quarrel(nnreg, plugins):
    answer = nnreg("plugins", "optimizer/tiger", plugins=plugins)
    assert (answer.code, answer.err) == (0, "")
    assert f"Tiger, {plugins[0]} 2.1" in answer.out
