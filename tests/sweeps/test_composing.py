"""A job made of another is to the last node what Hydra composes of its words, and Hydra is asked seldom."""

import functools
import shutil

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from omegaconf import Container, DictConfig, Node, OmegaConf

from nnreg.registry.hydra_source import register_source, remember_options
from nnreg.settings import conf_folder
from nnreg.sweeps.composing import MOST, Composer

HYDRA = ["hydra.job.name=test"]


class Counted:
    """A loader that counts what it is asked to compose."""

    def __init__(self, loader):
        self._loader, self.asked = loader, 0

    def get_sources(self):
        return self._loader.get_sources()

    def load_sweep_config(self, sweep, words):
        self.asked += 1
        return self._loader.load_sweep_config(sweep, words)


def composer_of(folder=None):
    """Return one for the program's configuration, and a user's own folder before it."""
    register_source()
    with initialize_config_dir(str(folder or conf_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
    remember_options(loader)
    return Composer(Counted(loader), loader.load_configuration("config", HYDRA, RunMode.MULTIRUN))


@pytest.fixture
def composer():
    return composer_of()


shared = functools.cache(composer_of)


def told(node: Node):
    """Return all that a node holds: type, value, and what OmegaConf keeps beside it."""
    kept = {name: value for name, value in vars(node._metadata).items() if name != "resolver_cache"}
    content = node._value()
    if not isinstance(node, Container) or content is None or isinstance(content, str):
        return type(node), kept, content
    pairs = content.items() if isinstance(node, DictConfig) else enumerate(content)
    return type(node), kept, [(key, told(inner)) for key, inner in pairs]


def outcome(compose, *words):
    """Return what comes of composing, be it an error."""
    try:
        return told(compose(*words))
    except Exception as error:
        return type(error), str(error), str(error.__cause__)


def is_the_same(composer, words):
    """Tell whether a job is what Hydra makes of its words."""
    return outcome(composer.compose, words) == outcome(composer._loader.load_sweep_config, composer._sweep, list(words))


WORDS = {
    "optimizer": ["sgd", "adam", "momentum", "lookahead", "lookahead+adam", "nonsense"],
    "optimizer.lr": ["0.1", "1e-3", "2", "x", "true", "null", "${seed}", "'0.1'"],
    "++optimizer.lr": ["0.1", "0.2"],
    "+more": ["1", "2"],
    "~regularizer": ["none"],
    "init": ["he", "normal"],
    "init@bias": ["zeros", "constant"],
    "bias.value": ["0.5", "1"],
    "optimizer@optimizer.inner": ["sgd", "adam"],
    "dataset": ["digits", "iris"],
    "experiment": ["optimizers_digits", "dropout_digits"],
    "hidden": ["[3,4]", "[5]", "7"],
    "clip_norm": ["null", "1", "2.5"],
    "seed": ["0", "7", "-1", "1.5", "abc"],
    "steps": ["1", "20"],
    "validate_every": ["auto", "3"],
    "tracking": ["off", "mlflow", "nowhere"],
    "tracking_uri": ["null", "sqlite:///a.db", "'a b'"],
    "tags.team": ["a", "b=c"],
    "task": ["train", "descend"],
    "vary": ["{}", "{optimizer.lr:{name:cosine}}"],
    "hydra.sweep.subdir": ["0", "a"],
    "hydra.job.config.override_dirname.kv_sep": [":", "_"],
    "hydra/job_logging": ["none", "nnreg"],
    "sweep.metric": ["valid/accuracy", "null"],
}


@pytest.mark.long
@settings(max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # to shrink one takes minutes
@given(st.data())
def test_a_job_is_what_hydra_makes_of_it_whatever_was_composed_before(data):
    composer = Composer(shared()._loader, shared()._sweep)
    keys = data.draw(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=5))
    for _ in range(3):
        assert is_the_same(composer, [f"{key}={data.draw(st.sampled_from(WORDS[key]))}" for key in keys])


def test_hydra_composes_the_first_of_jobs_that_are_alike_and_each_technique_once(composer):
    jobs = [
        (f"optimizer={rule}", f"init={init}", f"seed={seed}", f"optimizer.lr={lr}", f"hydra.sweep.subdir={seed}")
        for rule in ("sgd", "adam", "momentum")
        for init in ("he", "normal")
        for seed in range(3)
        for lr in ("0.1", "1e-3")
    ]
    made = [composer.compose(words) for words in jobs]
    assert composer._loader.asked == 1 + 2 + 1
    assert {(config.optimizer.name, config.init.name, config.seed, config.optimizer.lr) for config in made} == {
        (rule, init, seed, lr) for rule in ("sgd", "adam", "momentum") for init in ("he", "normal") for seed in range(3)
        for lr in (0.1, 0.001)
    }  # fmt: skip


def test_jobs_that_are_made_of_one_share_nothing(composer):
    first, second, third = (composer.compose([f"seed={seed}", "optimizer=adam"]) for seed in range(3))
    second.optimizer.lr = 9
    second.hydra.runtime.choices["optimizer"] = "sgd"
    assert (first.optimizer.lr, third.optimizer.lr, third.hydra.runtime.choices["optimizer"]) == (0.001, 0.001, "adam")
    assert composer.compose(["seed=4", "optimizer=adam"]).optimizer.lr == 0.001


def test_times_of_the_sweep_are_those_of_its_jobs(composer):
    named = composer._sweep.hydra.sweep.dir
    assert {composer.compose([f"seed={seed}"]).hydra.sweep.dir for seed in range(3)} == {named}


@pytest.fixture
def folder(tmp_path):
    """A user's own folder of configuration, with the program's in it."""
    shutil.copytree(conf_folder(), tmp_path / "conf")
    (tmp_path / "conf" / "optimizer").mkdir()
    return tmp_path / "conf"


def test_a_users_own_file_in_the_place_of_a_technique_is_composed_with_all_that_it_sets(folder):
    (folder / "optimizer" / "sgd.yaml").write_text("# @package _global_\noptimizer: {lr: 3}\nseed: 12\n")
    composer = composer_of(folder)
    assert composer.compose(["optimizer=adam"]).seed == 0
    assert composer.compose(["optimizer=sgd"]).seed == 12
    assert all(is_the_same(composer, [f"optimizer={rule}"]) for rule in ("sgd", "adam", "momentum"))


@pytest.mark.long
def test_an_option_that_is_chosen_by_the_names_of_two_others_is_chosen_in_every_job(folder):
    (folder / "extra").mkdir()
    (folder / "extra" / "adam_he.yaml").write_text("found: true")
    own = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(own.replace("  - _self_\n", "  - optional extra: ${optimizer}_${init}\n  - _self_\n"))
    composer = composer_of(folder)
    jobs = [(f"optimizer={rule}", f"init={init}") for rule in ("sgd", "adam") for init in ("normal", "he")]
    found = [bool(OmegaConf.select(composer.compose(words), "extra.found")) for words in jobs]
    assert found == [False, False, False, True]
    assert all(is_the_same(composer, words) for words in jobs)


def test_a_search_over_many_shapes_keeps_a_few_of_them(composer):
    for number in range(MOST + 5):
        composer._remember(DictConfig({}), composer._words([f"+k{number}=1"]), [f"+k{number}=1"])
    assert len(composer._models) == MOST
