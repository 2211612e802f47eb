"""Studies as data: what is run, what cannot be read, and what every shipped study promises."""

import contextlib
import math

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from nnreg.errors import UserError
from nnreg.figures import FIGURES
from nnreg.registry.hydra_source import register_source
from nnreg.settings import conf_folder
from nnreg.studies import claims, definition
from nnreg.studies.definition import Study

SHIPPED = definition.names([conf_folder()])


@contextlib.contextmanager
def composing():
    """Let Hydra compose from the configuration that is shipped."""
    register_source()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        yield


def shipped(name):
    return definition.read_study(name, [conf_folder()])


def write(folder, text, name="mine"):
    (folder / "experiment").mkdir(exist_ok=True)
    (folder / "experiment" / f"{name}.yaml").write_text(text, encoding="utf-8")


def words(study, *typed):
    return [(member.arm, *member.overrides) for member in study.members(typed)]


def test_every_arm_is_run_at_every_point_of_the_axes_for_every_seed():
    arms = {"a": "optimizer=sgd", "b": ["optimizer=adam", "optimizer.lr=1"]}
    members = words(Study("s", "?", arms=arms, axes={"init.std": [1, 0.5], "norm": ["none"]}, seeds=2))
    assert len(members) == 2 * 2 * 2
    assert members[0] == ("a", "optimizer=sgd", "init.std=1", "norm=none", "seed=0")
    assert members[1] == ("a", "optimizer=sgd", "init.std=1", "norm=none", "seed=1")
    assert members[-1] == ("b", "optimizer=adam", "optimizer.lr=1", "init.std=0.5", "norm=none", "seed=1")
    assert len(set(members)) == len(members)


def test_a_technique_inside_another_is_chosen_as_when_it_is_typed():
    arms = {"a": ["optimizer=lookahead", "optimizer.inner=adam"], "b": "optimizer=lookahead+sgd"}
    inner = "optimizer@optimizer.inner=adam"
    assert words(Study("s", "?", arms=arms, seeds=1)) == [
        ("a", "optimizer=lookahead", inner, "seed=0"),
        ("b", "optimizer=lookahead+sgd", "seed=0"),
    ]


def test_a_study_without_arms_is_one_run_a_seed():
    assert words(Study("s", "?", seeds=2)) == [("", "seed=0"), ("", "seed=1")]
    assert words(Study("s", "?", arms={"alone": None})) == [("alone", "seed=0")]


def test_what_the_user_types_comes_last_and_a_seed_replaces_all_seeds():
    study = Study("s", "?", arms={"a": "steps=10"}, seeds=5)
    assert words(study, "steps=3", "seed=7") == [("a", "steps=10", "steps=3", "seed=7")]
    assert len(words(study, "++seed=7")) == 1
    assert len(words(study, "steps=3")) == 5


def test_what_the_user_types_wins():
    with composing():
        (member,) = shipped("descent_adam").members(["optimizer=sgd", "optimizer.lr=0.5", "~optimizer.epsilon_hat"])[:1]
        assert member.overrides[-3:] == ("optimizer=sgd", "optimizer.lr=0.5", "~optimizer.epsilon_hat")
        member = shipped("descent_compare").members(["steps=4", "optimizer.lr=0.5"])[0]
        config = compose("config", overrides=["experiment=descent_compare", *member.overrides])
    assert (config.steps, config.optimizer.lr, config.optimizer.name) == (4, 0.5, "sgd")


@pytest.mark.parametrize(
    ("value", "typed"),
    [(True, "true"), (None, "null"), ([100, 50], "[100,50]"), (1e-6, "1e-06"), ("adam", "adam"), ([], "[]")],
)
def test_the_values_of_an_axis_are_typed_as_hydra_reads_them(value, typed):
    assert words(Study("s", "?", axes={"key": [value]})) == [("", f"key={typed}", "seed=0")]


def drawn(study):
    return np.array([[float(word.partition("=")[2]) for word in member.overrides[:2]] for member in study.members()])


def test_random_settings_are_log_uniform_within_their_bounds_and_the_same_every_time():
    settings = {"optimizer.lr": [1e-6, 1e-2], "regularizer.weight_decay": [1e-8, 1e-4]}
    study = Study("s", "?", random={"trials": 2000, "seed": 3, "settings": settings})
    exponents = np.log10(drawn(study))
    assert exponents.shape == (2000, 2)
    for column, low in zip(exponents.T, (-6, -8), strict=True):
        assert low <= column.min() < low + 0.05
        assert low + 3.95 < column.max() <= low + 4
        counts = np.histogram(column, bins=4, range=(low, low + 4))[0]
        assert abs(counts - 500).max() < 5 * math.sqrt(500 * 0.75)  # five standard deviations of a decade's count
    assert abs(np.corrcoef(exponents.T)[0, 1]) < 0.1
    np.testing.assert_array_equal(drawn(study), drawn(study))
    other = Study("s", "?", random={"trials": 2000, "seed": 4, "settings": settings})
    assert not (drawn(study) == drawn(other)).any()


def test_trials_have_names_of_their_own():
    members = Study("s", "?", random={"trials": 3, "settings": {"optimizer.lr": [0.1, 1]}}).members()
    assert [member.arm for member in members] == ["trial 0", "trial 1", "trial 2"]


def test_an_unknown_study_is_answered_with_its_neighbour():
    with pytest.raises(UserError, match="there is no experiment 'descent_compar'; did you mean 'descent_compare'"):
        shipped("descent_compar")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study: {title: x, figure: []}", "has no field 'figure'; did you mean 'figures'"),
        ("study: {about: x}", "needs a title"),
        ("study: [", "holds no study"),
        ("steps: 3", "holds no study"),
        ("", "holds no study"),
        ("study: 3", "holds no study|needs a title"),
        ("study: {title: x, seeds: five}", "seeds of the study mine cannot be 'five'"),
        ("study: {title: x, claims: {say: y}}", "claims of the study mine cannot be"),
        ("study: {title: x, arms: [sgd]}", "arms of the study mine cannot be"),
        ("study: {title: x, random: {trials: 3}}", "random of the study mine needs trials and settings"),
    ],
)
def test_what_cannot_be_read_is_answered_in_one_line(tmp_path, text, said):
    write(tmp_path, text)
    with pytest.raises(UserError, match=said) as caught:
        definition.read_study("mine", [tmp_path])
    assert "\n" not in str(caught.value)


def test_a_study_of_ones_own_stands_beside_those_of_nnreg_but_not_in_place_of_one(tmp_path):
    write(tmp_path, "study: {title: 'Mine?'}")
    write(tmp_path, "study: {title: 'Mine?'}", "descent_adam")
    folders = [tmp_path, conf_folder()]
    assert definition.read_study("mine", folders).title == "Mine?"
    assert set(definition.names(folders)) == {*SHIPPED, "mine"}
    write(tmp_path, "# @package _global_\nsteps: 3\n# no\n  # study: at all\n", "small")
    assert set(definition.names(folders)) == {*SHIPPED, "mine"}
    presets = {"small": True, "mine": False, "nope": False}
    assert {name: definition.is_preset(name, folders) for name in presets} == presets
    with pytest.raises(UserError, match="there are two experiments 'descent_adam': rename"):
        definition.read_study("descent_adam", folders)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_study_asks_a_question_and_has_figures_and_readable_claims(name):
    study = shipped(name)
    assert study.title.endswith("?")
    assert study.about.endswith(".")
    assert study.figures
    assert study.claims
    for figure in study.figures:
        assert figure["kind"] in FIGURES
    for claim in study.claims:
        claims.read_claim(claim)
    assert len({claim["say"] for claim in study.claims}) == len(study.claims)


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_every_arm_of_every_shipped_study_composes(name):
    study = shipped(name)
    members = study.members(["seed=0"])
    axes = max(math.prod(len(values) for values in study.axes.values()), 1)
    chosen = members[::axes] if study.random is None else members[:1]
    with composing():
        for member in [*chosen, members[-1]]:
            compose("config", overrides=[f"experiment={name}", *member.overrides])


def test_no_two_shipped_studies_ask_the_same_question():
    titles = {name: shipped(name).title for name in SHIPPED}
    doubled = {title: [name for name in SHIPPED if titles[name] == title] for title in titles.values()}
    assert {title: names for title, names in doubled.items() if len(names) > 1} == {}


@pytest.mark.long
def test_every_study_that_needs_mnist_has_a_twin_on_the_digits():
    for name in SHIPPED:
        with composing():
            dataset = compose("config", overrides=[f"experiment={name}"]).dataset.name
        assert dataset == "digits" or f"{name.removesuffix('_mnist')}_digits" in SHIPPED, name
